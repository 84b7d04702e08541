"""Stage 2 of gemma3-base: strips and scenes, drawn and real, together; goes on from the shipped weights.

    python train.py --config configs/base_joint.py --workdir runs/joint --release runs/joint/model

Two CPU cores, 2 hours beside other work (run 5 of docs/training_log.md: 44 k scenes, 153 k strips, from the weights of 4b).
MEASURED, as shipped: iiit5k-val 97.5 %, svt-val 77.5 %, ic03-val 80.0 %, ic15 words 60.4 %, ic15-val end to end H 44.6,
funsd-val bag-of-words F 79.4 (with the reader of that day; pixels alone 89.0, 52.5, 74.0, 42.5 of the words).
"""

from gemma3_jax.config import REAL_WEIGHTS, Config, DataConfig, OptimizerConfig

config = Config(
    data=DataConfig(
        strips=64,
        real_strips=64,
        scenes=2,
        real_scenes=6,
        scene_size=288,
        scene_words=64,
        read_words=6,
        real_weights=REAL_WEIGHTS,
        curriculum_steps=0,
        quad_jitter=0.09,
    ),
    optimizer=OptimizerConfig(
        learning_rate=2e-3,
        warmup_steps=60,
        total_steps=4000,
        final_fraction=0.01,
        ema_decay=0.998,
        method="muon",
    ),
    lambda_det=2.5,
    start_from="gemma3-base",
)
