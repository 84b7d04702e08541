"""Stage 3 of gemma3-base: the joint mix with seven real crops for each drawn one, at a low rate; then a mean.

    python train.py --config configs/base_real.py --workdir runs/real --release runs/real/model
    python -m gemma3_jax.training.blend runs/joint/model runs/real/model --out runs/blend

Two CPU cores, 20 minutes (run 7b of docs/training_log.md: 6 k scenes, 102 k strips, after 27 k and 434 k of `base_joint`).
MEASURED, the mean: iiit5k-val 99.0 %, svt-val 82.5 %, ic03-val 89.0 %, ic15 words 67.5 %, ic15-val end to end
H 57.4, funsd-val bag-of-words F 83.0, sroie-val 82.2. By itself stage 3 reads crops as well and pages worse; after run 10 it
added nothing.
"""

import dataclasses
import runpy
from pathlib import Path

joint = runpy.run_path(str(Path(__file__).with_name("base_joint.py")))["config"]

config = dataclasses.replace(
    joint,
    data=dataclasses.replace(joint.data, strips=16, real_strips=112),
    optimizer=dataclasses.replace(
        joint.optimizer, learning_rate=5e-4, warmup_steps=40, total_steps=800
    ),
    start_from="runs/joint/model",
)
