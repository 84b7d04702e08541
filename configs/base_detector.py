"""The detector of gemma3-base alone: backbone, neck and recogniser stay as they are, and all time goes into finding words.

    python -m gemma3_jax.training.deepen gemma3-base --out runs/deep --detector-depth 4
    python train.py --config configs/base_detector.py --workdir runs/detector --release runs/detector/model

What a box says does not change with it, only where boxes are. A step has no strips and reads nothing, and most of it is a
forward pass: larger scenes than elsewhere, so that long words are whole.
"""

import dataclasses
import runpy
from pathlib import Path

joint = runpy.run_path(str(Path(__file__).with_name("base_joint.py")))["config"]

config = dataclasses.replace(
    joint,
    model=dataclasses.replace(joint.model, detector_depth=4),
    data=dataclasses.replace(
        joint.data, strips=0, real_strips=0, real_scenes=6, scene_size=416, read_words=0
    ),
    optimizer=dataclasses.replace(joint.optimizer, learning_rate=1e-3, total_steps=6000),
    frozen=("backbone", "neck", "recognizer"),
    start_from="runs/deep",
)
