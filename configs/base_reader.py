"""The recogniser of gemma3-base alone: backbone, neck and detector stay as they are, and all time goes into reading.

    python train.py --config configs/base_reader.py --workdir runs/reader --release runs/reader/model

Run 12 of docs/training_log.md is this with two blocks more (`gemma3_jax.training.deepen`), 83 minutes on two CPU cores: 480 k
strips and 180 k words of scenes. MEASURED, that state: iiit5k-val 99.5 %, svt-val 77.5 %, ic03-val 86.0 %, ic15 words 75.4 %,
ic15-val detection H 76.3, end to end H 62.9, funsd-val bag-of-words F 83.2, sroie-val 82.5. It is not shipped.
"""

from gemma3_jax.config import REAL_WEIGHTS, Config, DataConfig, OptimizerConfig

config = Config(
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
        total_steps=2500,
        final_fraction=0.01,
        ema_decay=0.998,
        method="muon",
    ),
    frozen=("backbone", "neck", "detector"),
    start_from="gemma3-base",
)
