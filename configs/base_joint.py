"""Stage 2 of gemma3-base: strips and scenes, drawn and real, together; goes on from the shipped weights.

    python train.py --config configs/base_joint.py --workdir runs/joint --release runs/joint/model

Two CPU cores, 65 minutes with jemalloc (run 10 of docs/training_log.md: 29 k scenes, 461 k strips; rate 1.6e-3, cosine over
3600 steps). MEASURED, that state: iiit5k-val 99.5 %, svt-val 77.5 %, ic03-val 89.0 %, ic15 words 71.1 %,
ic15-val end to end H 58.3, funsd-val bag-of-words F 82.0, sroie-val 81.7. Its mean with what it began with, at a
temperature of 1.2 (`gemma3_jax.training.blend`), was shipped until run 15 and is where that began.
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
