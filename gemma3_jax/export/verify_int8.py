"""INT8 files against the float model: the words and boxes that stay, and how far the numbers behind them move.

Rounding to bytes moves every number, so the bounds are on what a user would notice and on means, not on the worst of a million.
The float model is the one of `files.write_files`, which `verify.verify_onnx` and the tests hold to JAX.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.config import ModelConfig
from gemma3_jax.engine import Engine
from gemma3_jax.engine_onnx import OnnxEngine
from gemma3_jax.export.files import write_files
from gemma3_jax.export.verify import (
    Difference,
    compare_spotter,
    compare_texts,
    sample_sheet,
    settle,
)
from gemma3_jax.quantize.pictures import bundled
from gemma3_jax.quantize.sensitivity import NEAR, Cost, Reference
from gemma3_jax.reading import ReadOptions, find_words

# What ranges that cost no accuracy came near, and ranges that cost some went beyond (docs/export.md). Most words that
# change are doubtful ones.
WORDS_CHANGED = 0.2  # share of the words that may be read otherwise, or not at all
LARGEST = Cost(boxes=0.18, corners=0.09, words=0.04, crops=0.1)


def verify_int8(
    folder: Path, config: ModelConfig, variables: Any, say: Callable[[str], None] = print
) -> None:
    """Compare the four files with the float model and `say` what was found.

    Raises:
        ExportError: naming everything that differs by more than is allowed.
    """
    pictures = list(bundled())
    rounded = OnnxEngine(folder, config, variables)
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name), config, variables, "")
        exact = OnnxEngine(name, config, variables)
        differences = compare_rounded(exact, rounded, pictures)
        words = [texts_of(engine, pictures) for engine in (exact, rounded)]
    differences.append(compare_texts(*words, allowed=round(WORDS_CHANGED * len(words[0]))))
    # spotter.onnx has the same bytes inside as detector and reader: it agrees with them to the last digits
    differences += compare_spotter(folder, rounded, sample_sheet())
    settle(config.name, differences, say)


def compare_rounded(
    exact: Engine, rounded: Engine, pictures: Sequence[np.ndarray]
) -> list[Difference]:
    """Boxes, words and crops of RGB pictures uint8 `[h, w, 3]`."""
    found = Reference(exact, pictures).cost(rounded)
    names = (
        f"boxes, share without one within {NEAR:g} of their height",
        "corners, in heights of the box, median",
        "character probabilities of words, mean",
        "character probabilities of crops, mean",
    )
    return [Difference(*each) for each in zip(names, found, LARGEST, strict=True)]


def texts_of(engine: Engine, pictures: Sequence[np.ndarray]) -> list[str]:
    """The words of all pictures, read as by default."""
    read = [find_words(engine, picture, ReadOptions()) for picture in pictures]
    return [word.text for words in read for word in words]
