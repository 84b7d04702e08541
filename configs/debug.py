"""A reader of short words in about a minute on a laptop: what the whole line looks like, small.

python train.py --config configs/debug.py --workdir runs/debug
"""

from gemma3_jax.config import MODELS, Config, DataConfig, OptimizerConfig

config = Config(
    model=MODELS["debug"],
    data=DataConfig(
        strips=64, real_strips=0, curriculum_steps=100_000
    ),  # stays at short, clean words
    optimizer=OptimizerConfig(learning_rate=3e-3, warmup_steps=20, total_steps=250),
)
