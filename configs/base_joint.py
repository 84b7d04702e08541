"""Stage 2 of gemma3-base: strips and real scenes together, starting from stage 1.

    python train.py --config configs/base_joint.py --workdir runs/joint --release runs/joint/model

Hardware, time and result: see docs/training_log.md, run 2.
"""

from gemma3_jax.config import Config, DataConfig, OptimizerConfig

config = Config(
    data=DataConfig(
        strips=48,
        real_strips=32,
        real_scenes=6,
        scene_size=288,
        scene_words=64,
        read_words=6,
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
        learning_rate=1.6e-3, warmup_steps=100, total_steps=2900, final_fraction=0.01
    ),
    lambda_det=2.0,
    start_from="runs/strips/model",
)
