"""Stage 2 of gemma3-base: strips and scenes, drawn and real, together; goes on from the shipped weights.

    python train.py --config configs/base_joint.py --workdir runs/joint --release runs/joint/model

Two CPU cores, 80 minutes beside light work (run 7a of docs/training_log.md: 27 k scenes, 434 k strips; rate 1.6e-3, cosine
over 4200 steps, stopped at 3394). MEASURED, that state: iiit5k-val 99.0 %, svt-val 80.0 %, ic03-val 83.0 %, ic15 words 66.1 %,
ic15-val end to end H 57.6, funsd-val bag-of-words F 82.7, sroie-val 81.7. configs/base_real.py goes on from it.
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
