"""The recogniser of gemma3-base alone: backbone, neck and detector stay as they are, and all time goes into reading.

    python train.py --config configs/base_reader.py --workdir runs/reader --release runs/reader/model

Run 12 of docs/training_log.md is this with two blocks more (`python -m gemma3_jax.training.deepen gemma3-base --out runs/deep
--strip-depths 2 4`, then `--set start_from=runs/deep 'model.strip_depths=[2,4]'`), 83 minutes on two CPU cores: 480 k
strips and 180 k words of scenes. MEASURED, that state: iiit5k-val 99.5 %, svt-val 77.5 %, ic03-val 86.0 %, ic15 words 75.4 %,
ic15-val detection H 76.3, end to end H 62.9, funsd-val bag-of-words F 83.2, sroie-val 82.5. It is not shipped.
"""

import dataclasses
import runpy
from pathlib import Path

joint = runpy.run_path(str(Path(__file__).with_name("base_joint.py")))["config"]

config = dataclasses.replace(
    joint,
    data=dataclasses.replace(
        joint.data, strips=96, real_strips=96, real_scenes=4, read_words=12, read_nothing=2
    ),
    optimizer=dataclasses.replace(joint.optimizer, learning_rate=1.6e-3, total_steps=2500),
    frozen=("backbone", "neck", "detector"),
)
