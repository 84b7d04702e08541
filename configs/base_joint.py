"""Stage 2 of gemma3-base: strips and real scenes together, starting from stage 1.

    python train.py --config configs/base_joint.py --workdir runs/joint --release runs/joint/model

Two CPU cores, 44 minutes (28 k scenes, 80 k strips). MEASURED: iiit5k-val 91.0 %, svt-val 52.5 %, ic03-val 69.0 %, ic15 words
36.6 %, ic15-val end to end H 8.7, funsd-val bag-of-words F 48.1 (docs/training_log.md, run 3; it began from legs 2a and 2b).
"""

from gemma3_jax.config import Config, DataConfig, OptimizerConfig

config = Config(
    data=DataConfig(
        strips=24,
        real_strips=16,
        real_scenes=14,
        scene_size=288,
        scene_words=64,
        read_words=4,
        real_weights={
            "iiit5k": 4.0,
            "svt": 6.0,
            "ic03": 4.0,
            "ic15": 4.0,
            "funsd": 0.6,
            "sroie": 0.5,
        },
        curriculum_steps=0,
    ),
    optimizer=OptimizerConfig(
        learning_rate=1.6e-3, warmup_steps=100, total_steps=2000, final_fraction=0.01
    ),
    lambda_det=5.0,
    start_from="runs/strips/model",
)
