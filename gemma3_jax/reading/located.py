"""Where the word lies in a crop of it: found as words of pages are.

A word crop is often the upright box around a leaning word, with corners of its neighbours in it. What the detector finds there
is read straight, and so are the rectangle that leans as much and touches the crop's four edges, as the word itself must, and
what lies between the word's two lines from one end of the crop to the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gemma3_jax.decoding.boxes import sides, with_margin
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.resize import resize
from gemma3_jax.reading.ahead import chunks
from gemma3_jax.reading.views import LEAST_PX, USUAL, levelled

# A crop is laid into the middle of a square, its edge pixels repeated around it, once smaller and once larger: px of the
# square and of the crop's long side. What is found differs with the size (docs/reader.md).
SQUARE, LONG = 192, (96, 128)
WORDS = 32  # looked for in a square
AT_ONCE, FILL = (1, 8), 0.7  # squares, and how much of a bucket they must fill
LEAST_LEAN, MOST_LEAN = (
    3.0,
    42.0,
)  # degrees: level is how crops are read anyway, and steeper ones are turned


def located_views(engine: Engine, crops: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Quads float64 `[4, 2]` (px) in each of the RGB crops uint8 `[h, w, 3]`: none where nothing is found."""
    views: list[list[np.ndarray]] = [[] for _ in crops]
    squares = [(i, *_square(crop, long)) for long in LONG for i, crop in enumerate(crops)]
    for start, stop, slots in chunks(len(squares), AT_ONCE, FILL):
        some = squares[start:stop]
        pictures = np.zeros((slots, SQUARE, SQUARE, 3), np.uint8)
        pictures[: len(some)] = [picture for _, picture, _, _ in some]
        found = engine.detect(pictures, WORDS)
        for k, (i, _, scale, corner) in enumerate(some):
            valid = found.valid[k]
            quads = (np.asarray(found.quads[k][valid], np.float64) - corner) / scale
            height, width = crops[i].shape[:2]
            views[i] += _views(quads, found.scores[k][valid], width, height)
    return views


def _square(crop: np.ndarray, long: int) -> tuple[np.ndarray, float, np.ndarray]:
    """The crop in its square, by how much it was scaled, and where its corner lies (x, y)."""
    height, width = crop.shape[:2]
    scale = long / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (SQUARE - rows) // 2, (SQUARE - columns) // 2
    around = ((top, SQUARE - rows - top), (left, SQUARE - columns - left), (0, 0))
    picture = np.pad(resize(crop, rows, columns), around, "edge")
    return picture, scale, np.array([left, top], np.float64)


def _views(quads: np.ndarray, scores: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """Of quads `[n, 4, 2]` in a crop the most central large one: with a margin, the crop levelled as it leans, and drawn out to
    the crop's ends."""
    if not len(quads):
        return []
    size = np.array([width, height], np.float64)
    share = np.sqrt(np.prod(sides(quads), axis=0) / np.prod(size))
    off = np.abs(quads.mean(axis=1) / size - 0.5).max(axis=1)
    word = quads[np.argmax(scores * share * (1 - off))]
    along = word[1] - word[0] + word[2] - word[3]
    lean = math.degrees(math.atan2(along[1], along[0]))
    views = [with_margin(word, USUAL)]
    if LEAST_LEAN < abs(lean) < MOST_LEAN and (level := levelled(width, height, lean)) is not None:
        views.append(level)
    if (whole := _drawn_out(word, width)) is not None:
        views.append(whole)
    return views


def _drawn_out(word: np.ndarray, width: int) -> np.ndarray | None:
    """What lies between the upper and the lower line of a quad `[4, 2]`, from x = 0 to `width`; None where these cross or the
    quad stands upright."""
    (left, right, low_right, low_left), ends = word, np.array([0.0, width])
    if min(right[0] - left[0], low_right[0] - low_left[0]) < LEAST_PX:
        return None
    over = left[1] + (right[1] - left[1]) / (right[0] - left[0]) * (ends - left[0])
    under = low_left[1] + (low_right[1] - low_left[1]) / (low_right[0] - low_left[0]) * (
        ends - low_left[0]
    )
    if min(under - over) < LEAST_PX:
        return None
    return np.stack(
        [np.concatenate([ends, ends[::-1]]), np.concatenate([over, under[::-1]])], axis=-1
    )
