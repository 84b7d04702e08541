"""Pictures and files for tests of annotation formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from gemma3_jax.data.corpora import Sample


def put_picture(path: Path, width: int = 200, height: int = 100, seed: int = 0, **save) -> Path:
    """A picture of noise in large blocks, another for every seed."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (10, 10, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC).save(path, **save)
    return path


def put_text(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """A text file with exactly these line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    """The corners of an upright box, clockwise from the top left, written out apart from the code under test."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


GOOD = (box(10, 20, 110, 50), "Hello")


def put_annotated(folder: Path, name: str, *words: tuple[list, str], seed: int = 0) -> None:
    """A picture of 200 x 100 px and its ICDAR 2015 file."""
    put_picture(folder / f"{name}.png", seed=seed)
    lines = [",".join([str(v) for xy in quad for v in xy] + [text]) for quad, text in words]
    put_text(folder / f"gt_{name}.txt", "\n".join(lines))


def seen(sample: Sample) -> list[tuple[str, bool, list[list[float]]]]:
    """Text, ignore and corners (to a tenth of a px) of the words of a sample."""
    return [
        (word.text, word.ignore, np.round(word.quad.astype(float), 1).tolist())
        for word in sample.words
    ]
