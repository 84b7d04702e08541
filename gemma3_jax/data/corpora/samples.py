"""What every reader, parser and builder of real data hands on: a picture and its words."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

DO_NOT_CARE = "###"  # the Robust Reading Competition's mark of text nobody can read


class Annotation(NamedTuple):
    """One word (or line) of a picture; `quad` float32 [4, 2] px, clockwise from the top left."""

    quad: np.ndarray
    text: str
    ignore: bool = False


class Sample(NamedTuple):
    """A picture and all its words."""

    image_path: Path
    words: list[Annotation]


class WordSample(NamedTuple):
    """A picture of one word and its text."""

    image_path: Path
    text: str


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """The quad float32 [4, 2] of an upright box, clockwise from top left."""
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return np.asarray(corners, np.float32)
