"""gemma3-base on a TPU slice of eight chips or more: strips and scenes, drawn and real, from nothing.

    python train.py --config configs/tpu_pod.py --workdir gs://BUCKET/runs/pod --tensorboard

256 strips and 16 scenes a chip and step on eight chips. 16 chips: `--set data.strips=3072 data.real_strips=1024
data.scenes=192 data.real_scenes=64`, and so on. Without packs and pictures of the public sets: `--set data.strips=2048
data.real_strips=0 data.scenes=128 data.real_scenes=0`. docs/tpu.md goes from an empty project to a running pod.

MEASURED: nothing yet, it has never run on a TPU. docs/tpu.md says how far the TPU compiler has seen it.
"""

from gemma3_jax.config import REAL_WEIGHTS, Config, DataConfig, OptimizerConfig

config = Config(
    data=DataConfig(
        strips=1536,
        real_strips=512,
        scenes=96,
        real_scenes=32,
        scene_size=320,
        scene_words=64,
        read_words=4,
        real_weights=REAL_WEIGHTS,
        curriculum_steps=3000,
    ),
    optimizer=OptimizerConfig(
        learning_rate=4e-3, warmup_steps=1000, total_steps=60_000, final_fraction=0.01
    ),
    lambda_det=5.0,
)
