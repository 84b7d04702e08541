"""What bytes cost, part by part: each part of the network alone in bytes, all others in float, next to the float network.

So one sees which layers to leave in float, and which ranges to measure better. Labels are not needed: what is compared is
the float network's own boxes and character probabilities.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from gemma3_jax.config import ModelConfig
from gemma3_jax.decoding.boxes import columns_used, sides, with_margin
from gemma3_jax.engine import Detection, Engine
from gemma3_jax.engine_onnx import OnnxEngine
from gemma3_jax.export.files import FILES, build, write_files
from gemma3_jax.export.int8 import build_int8
from gemma3_jax.imaging.resize import plan, windows
from gemma3_jax.quantize.layers import layers
from gemma3_jax.quantize.ranges import Range
from gemma3_jax.reading import COLUMNS, SLOTS

NEAR = 0.25  # of a box's height
WORDS = 32  # words of a picture whose probabilities are compared
CROPS = 8  # pieces of a picture that are read as crops


class Cost(NamedTuple):
    """How far a network of bytes is from the float one; the last two are total variations of class probabilities (0..1), means
    over columns."""

    boxes: float  # share of the boxes of either that have none of the other within NEAR
    corners: float  # of a box's height, median over boxes of their farthest corner
    words: float  # of the float network's words
    crops: float  # of crops that show more or less text


class Reference:
    """What the float network says of pictures, to compare others with."""

    def __init__(self, engine: Engine, pictures: Iterable[np.ndarray]) -> None:
        self.windows = [next(windows(p, plan(p.shape[0], p.shape[1]))) for p in pictures]
        self.found = [engine.detect(window[None], SLOTS[-1]) for window in self.windows]
        self.places = [with_margin(f.quads[:, f.valid[0]][:, :WORDS]) for f in self.found]
        self.read = [_read(engine, f, q) for f, q in zip(self.found, self.places, strict=True)]
        self.strips = np.concatenate([_strips(window) for window in self.windows])
        self.cropped = _read_strips(engine, self.strips)

    def cost(self, engine: Engine) -> Cost:
        """Of another engine, on the same pictures."""
        others = [engine.detect(window[None], SLOTS[-1]) for window in self.windows]
        near = np.concatenate([distances(a, b) for a, b in zip(self.found, others, strict=True)])
        read = [_read(engine, f, q) for f, q in zip(others, self.places, strict=True)]
        words = _variation(np.concatenate(self.read), np.concatenate(read))
        crops = _variation(self.cropped, _read_strips(engine, self.strips))
        return Cost(float((near > NEAR).mean()), float(np.median(near)), words, crops)


def _read(engine: Engine, found: Detection, places: np.ndarray) -> np.ndarray:
    """Class probabilities `[columns, v]` of the columns that hold text."""
    probabilities = np.exp(engine.read(found.features, places, COLUMNS[0]))[0]
    used = np.asarray(columns_used(places[0], COLUMNS[0]))
    return probabilities[np.arange(COLUMNS[0]) < used[:, None]]


def _strips(window: np.ndarray) -> np.ndarray:
    """Pieces `[CROPS, 32, 128, 3]` from the middle of a picture downwards; a smaller one is repeated."""
    wide = np.tile(window, (-(-64 // window.shape[0]), -(-256 // window.shape[1]), 1))
    top, left = (side // 2 - half for side, half in zip(wide.shape[:2], (32, 64), strict=True))
    return np.stack([wide[top + y : top + y + 32, left : left + 128] for y in range(0, 32, 4)])


def _read_strips(engine: Engine, strips: np.ndarray) -> np.ndarray:
    widths = np.full(len(strips), strips.shape[2], np.float32)
    return np.exp(engine.read_strips(strips, widths)).reshape(-1, engine.charset.size)


def _variation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).sum(axis=-1).mean() / 2) if len(a) else 0.0


def distances(a: Detection, b: Detection) -> np.ndarray:
    """How far the other's nearest box is, for each valid box of either: the farthest of four corners, in heights of the box;
    inf where there is none."""
    ours, theirs = (found.quads[0][found.valid[0]] for found in (a, b))
    if not len(ours) or not len(theirs):
        return np.full(len(ours) + len(theirs), np.inf)
    apart = np.abs(ours[:, None] - theirs[None]).max(axis=(2, 3))
    heights = [np.maximum(sides(quads)[1], 1.0) for quads in (ours, theirs)]
    return np.concatenate([apart.min(axis=1) / heights[0], apart.min(axis=0) / heights[1]])


def parts(names: Sequence[str]) -> list[str]:
    """Layers by block: `backbone/stage1_block0/pointwise/Conv` belongs to `backbone/stage1_block0`."""
    return list(dict.fromkeys(re.sub(r"(/(depth|point)wise)?/[A-Z]\w*$", "", x) for x in names))


def search(
    config: ModelConfig,
    variables: Any,
    ranges: Mapping[str, Range],
    pictures: Sequence[np.ndarray],
    floats: tuple[str, ...] = (),
) -> Iterator[tuple[str, Cost]]:
    """The cost of everything together (less `floats`), then of each part alone."""
    names = layers(build("spotter", config, variables, packed=True))
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), config, variables, "")
        reference = Reference(OnnxEngine(folder, config, variables), pictures)
    yield "all", cost_of(config, variables, ranges, reference, floats)
    for part in parts(names):
        others = tuple(name for name in names if not name.startswith(part + "/"))
        yield part, cost_of(config, variables, ranges, reference, others)


def cost_of(
    config: ModelConfig,
    variables: Any,
    ranges: Mapping[str, Range],
    reference: Reference,
    floats: tuple[str, ...],
) -> Cost:
    """Of the network with all layers but `floats` in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        models = build_int8(config, variables, ranges, floats=floats)
        for name in FILES:
            onnx.save(models[name], Path(folder) / f"{name}.onnx")
        return reference.cost(OnnxEngine(folder, config, variables))
