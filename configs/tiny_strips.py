"""Stage 1 of gemma3-tiny: word strips, drawn and real, from nothing.

    python train.py --config configs/tiny_strips.py --workdir runs/tiny --release runs/tiny/model

MEASURED: nothing yet, gemma3-tiny is not trained.
"""

from gemma3_jax.config import MODELS, REAL_WEIGHTS, Config, DataConfig, OptimizerConfig

config = Config(
    model=MODELS["gemma3-tiny"],
    data=DataConfig(strips=96, real_strips=96, real_weights=REAL_WEIGHTS, curriculum_steps=1500),
    optimizer=OptimizerConfig(
        learning_rate=3e-3, warmup_steps=100, total_steps=12_000, method="muon"
    ),
)
