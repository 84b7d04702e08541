"""Stage 1 of gemma3-base: word strips, drawn and real, from nothing.

    python train.py --config configs/base_strips.py --workdir runs/strips --release runs/strips/model

Two CPU cores, 33 minutes for 1500 steps (192 k strips), then stopped for stage 2. At step 1000: iiit5k 75.5 %, svt 30.0 %,
ic03-val 66.0 %, ic15-val words 27.2 % (docs/training_log.md, run 1).
"""

from gemma3_jax.config import REAL_WEIGHTS, Config, DataConfig, OptimizerConfig

config = Config(
    data=DataConfig(
        strips=80,
        real_strips=48,
        real_weights={**REAL_WEIGHTS, "svt": 4.0, "ic15": 3.0, "funsd": 0.5},
        curriculum_steps=1500,
    ),
    optimizer=OptimizerConfig(
        learning_rate=2e-3, warmup_steps=200, total_steps=8000, weight_decay=0.02
    ),
)
