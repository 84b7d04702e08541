"""Train: `python train.py --config configs/base_strips.py --workdir runs/strips [--budget-minutes 9]`.

Every config file in configs/ is one experiment and says what it costs and what it reached. A run found in the workdir is
continued at its exact step. `--set optimizer.total_steps=100 seed=1` changes single entries.
"""

from gemma3_jax.training.cli import main

if __name__ == "__main__":
    main()
