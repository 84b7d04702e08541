"""The recogniser of gemma3-tiny alone, three blocks deeper than `tiny_joint` leaves it, taught by gemma3-base.

    python -m gemma3_jax.training.deepen runs/tiny/model --out runs/tiny_deep --strip-depths 2 3 --attention-depth 2
    python train.py --config configs/tiny_reader.py --workdir runs/tiny_reader --release runs/tiny_reader/model
    python -m gemma3_jax.training.blend runs/tiny_reader/model runs/tiny_deep --out runs/tiny_mean

One CPU core, 34 minutes (run 13 tiny reader of docs/training_log.md: 154 k strips). The mean was shipped until run 15.
MEASURED, with the reader: iiit5k-val 98.0 %, svt-val 85.0 %, ic03-val 86.0 %, ic15 words 68.1 %, ic15-val end to end H 42.8,
funsd-val bag-of-words F 76.3, sroie-val 72.8.
"""

import dataclasses
import runpy
from pathlib import Path

from gemma3_jax.config import MODELS

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_joint.py")))["config"]

config = dataclasses.replace(
    tiny,
    model=MODELS["gemma3-tiny"],
    data=dataclasses.replace(tiny.data, strips=96, real_strips=96, real_scenes=4, read_words=12),
    optimizer=dataclasses.replace(tiny.optimizer, learning_rate=2.4e-3, total_steps=800),
    start_from="runs/tiny_deep",
    frozen=("backbone", "neck", "detector"),
)
