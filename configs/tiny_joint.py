"""gemma3-tiny: cut out of gemma3-base, then taught by it and by labels, strips and scenes together.

    python -m gemma3_jax.prune --config configs/tiny_joint.py --data ../shared/data --out runs/tiny_start
    python train.py --config configs/tiny_joint.py --workdir runs/tiny --release runs/tiny/model

Two quiet CPU cores, 80 minutes. MEASURED so far: 200 steps, iiit5k-val 55.5 % of words by pixels alone.
"""

import dataclasses
import runpy
from pathlib import Path

from gemma3_jax.config import MODELS

joint = runpy.run_path(str(Path(__file__).with_name("base_joint.py")))["config"]

config = dataclasses.replace(
    joint,
    model=MODELS["gemma3-tiny"],
    optimizer=dataclasses.replace(joint.optimizer, learning_rate=3e-3, total_steps=6000),
    start_from="runs/tiny_start",
    teacher="gemma3-base",
)
