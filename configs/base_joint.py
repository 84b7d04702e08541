"""Stage 2 of gemma3-base: strips and scenes, drawn and real, together; goes on from the shipped weights.

    python train.py --config configs/base_joint.py --workdir runs/joint --release runs/joint/model

Two CPU cores, 64 minutes beside other work (run 4b of docs/training_log.md: 46 k scenes, 50 k strips, from the weights of 4a).
MEASURED, as shipped: iiit5k-val 94.0 %, svt-val 67.5 %, ic03-val 83.0 %, ic15 words 51.4 %, ic15-val end to end H 35.5,
funsd-val bag-of-words F 74.6.
"""

from gemma3_jax.config import Config, DataConfig, OptimizerConfig

config = Config(
    data=DataConfig(
        strips=8,
        real_strips=16,
        scenes=4,
        real_scenes=18,
        scene_size=288,
        scene_words=64,
        read_words=3,
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
        learning_rate=1.4e-3, warmup_steps=100, total_steps=2200, final_fraction=0.01
    ),
    lambda_det=5.0,
    start_from="gemma3-base",
)
