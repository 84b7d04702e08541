"""gemma3-tiny: cut out of gemma3-base, then taught by it and by labels, strips and scenes together.

    python -m gemma3_jax.prune --config configs/tiny_joint.py --data ../shared/data --out runs/tiny_start
    python train.py --config configs/tiny_joint.py --workdir runs/tiny --release runs/tiny/model

Two CPU cores, 100 minutes (run 8a of docs/training_log.md: 43 k scenes, 691 k strips). MEASURED, the mean of that and of 2100
steps more at 2e-3 (8b), with the reader: iiit5k-val 98.5 %, svt-val 80.0 %, ic03-val 85.0 %, ic15 words 67.7 %,
ic15-val end to end H 42.5, funsd-val bag-of-words F 76.8, sroie-val 72.5. Pruning leaves depths no larger than
gemma3-base has: the recogniser grows to what is shipped in `tiny_reader`.
"""

import dataclasses
import runpy
from pathlib import Path

from gemma3_jax.config import MODELS

joint = runpy.run_path(str(Path(__file__).with_name("base_joint.py")))["config"]

config = dataclasses.replace(
    joint,
    model=dataclasses.replace(MODELS["gemma3-tiny"], strip_depths=(1, 2), attention_depth=1),
    optimizer=dataclasses.replace(joint.optimizer, learning_rate=3e-3, total_steps=5400),
    start_from="runs/tiny_start",
    teacher="gemma3-base",
)
