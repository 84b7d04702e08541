"""The whole line, small: draws, trains, validates, saves in about a minute and a half on two CPU cores, 40 s of it compiling.

    python train.py --config configs/debug.py --workdir runs/debug

MEASURED: 250 steps of 64 drawn strips at 5.6 steps/s, loss 17.0 -> 10.4. That is inside the CTC plateau: it shows that
everything works and reads nothing yet.
"""

from gemma3_jax.config import MODELS, Config, DataConfig, OptimizerConfig

config = Config(
    model=MODELS["debug"],
    data=DataConfig(strips=64, real_strips=0, curriculum_steps=100_000),  # short, clean words
    optimizer=OptimizerConfig(learning_rate=3e-3, warmup_steps=20, total_steps=250),
)
