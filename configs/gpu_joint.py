"""gemma3-base on one data-centre GPU, in legs of minutes (docs/training.md): goes on from the shipped weights.

    python train.py --config configs/gpu_joint.py --cache .leg/cache --data .leg/data \
        --workdir /tmp/run --to-pack BACK --budget-minutes 8

MEASURED: nothing yet; no session was lent a GPU. The first minute of the first leg is for the rate: set `optimizer.total_steps`
to what all legs together will reach (8000 steps are 8 M strips and 384 k scenes), and `data.strips` to what the memory holds.
"""

from gemma3_jax.config import REAL_WEIGHTS, Config, DataConfig, OptimizerConfig

config = Config(
    data=DataConfig(
        strips=768,
        real_strips=256,
        scenes=24,
        real_scenes=24,
        scene_size=512,
        scene_words=128,
        read_words=8,
        real_weights=REAL_WEIGHTS,
        curriculum_steps=0,
        quad_jitter=0.09,
    ),
    optimizer=OptimizerConfig(
        learning_rate=2e-3,
        warmup_steps=200,
        total_steps=8000,
        final_fraction=0.01,
        ema_decay=0.999,
        method="muon",
    ),
    lambda_det=2.5,
    start_from="gemma3-base",
)
