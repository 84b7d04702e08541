"""Stage 2 of gemma3-base: strips and scenes, drawn and real, together; goes on from the shipped weights.

    python train.py --config configs/base_joint.py --workdir runs/joint --release runs/joint/model

Two CPU cores, 77 minutes beside light work (run 6b of docs/training_log.md: 26 k scenes, 422 k strips, from the weights of
run 6a, 75 minutes of nearly the same; 3300 steps, rate 1.6e-3). MEASURED, as shipped: iiit5k-val 99.0 %, svt-val 85.0 %,
ic03-val 85.0 %, ic15 words 66.5 %, ic15-val end to end H 56.9, funsd-val bag-of-words F 82.5, sroie-val 81.3 (with the reader
of that day; pixels alone 95.0, 67.5, 77.0, 50.4 of the words).
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
