"""Only the recogniser of gemma3-base learns."""

from gemma3_jax.config import REAL_WEIGHTS, Config, DataConfig, ModelConfig, OptimizerConfig

config = Config(
    model=ModelConfig(strip_depths=(2, 4)),
    data=DataConfig(
        strips=96,
        real_strips=96,
        scenes=2,
        real_scenes=4,
        scene_size=288,
        scene_words=64,
        read_words=12,
        read_nothing=2,
        real_weights=REAL_WEIGHTS,
        curriculum_steps=0,
        quad_jitter=0.09,
    ),
    optimizer=OptimizerConfig(
        learning_rate=1.6e-3,
        warmup_steps=60,
        total_steps=3200,
        final_fraction=0.01,
        ema_decay=0.998,
        method="muon",
    ),
    frozen=("backbone", "neck", "detector"),
    start_from="runs/deep24",
)
