"""The text of pictures that are already cut to a word or a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT, COLUMN_PX
from gemma3_jax.decoding.text import Decoded
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.resize import resize
from gemma3_jax.imaging.threshold import contrast, enhanced
from gemma3_jax.page import Word
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.strips import COLUMNS, bucket_of, chunks, decode_with, word_of

CROPS_AT_ONCE = (1, 8, 64)
FAINT, SURE = (
    80.0,
    0.9,
)  # grey levels of contrast and confidence below which a crop is read with more contrast


def read_crops(engine: Engine, crops: Sequence[np.ndarray], options: ReadOptions) -> list[Word]:
    """The text of RGB crops uint8 `[h, w, 3]`, each a word or a line, in order; `quad` is the crop's own outline.

    A crop with nothing to read gives a word with empty text and its confidence that it is empty.
    """
    words = []
    for crop, one in zip(crops, decode_crops(engine, crops, options), strict=True):
        height, width = crop.shape[:2]
        outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        words.append(word_of(one, outline, outline, 1.0))
    return words


def decode_crops(
    engine: Engine, crops: Sequence[np.ndarray], options: ReadOptions
) -> list[Decoded]:
    """What each crop says; a faint one that is unsure is read with its contrast raised too, and the likelier stays."""
    found = _decode(engine, crops, options)
    if not options.enhance:
        return found
    faint = [
        i
        for i, (crop, one) in enumerate(zip(crops, found, strict=True))
        if one.confidence < SURE and contrast(crop) < FAINT
    ]
    plain = [(i, picture) for i in faint for picture in enhanced(crops[i])]
    for (i, _), one in zip(plain, _decode(engine, [p for _, p in plain], options), strict=True):
        if one.text.strip() and one.confidence > found[i].confidence:
            found[i] = one
    return found


def _decode(engine: Engine, crops: Sequence[np.ndarray], options: ReadOptions) -> list[Decoded]:
    decoded: dict[int, Decoded] = {}
    for some, log_probs, used in crop_log_probs(engine, crops):
        texts = decode_with(engine.charset, log_probs, used, options)
        decoded |= dict(zip(some, texts, strict=True))
    return [decoded[i] for i in range(len(crops))]


def crop_log_probs(
    engine: Engine, crops: Sequence[np.ndarray]
) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
    """Indices of some of the crops, their log-probabilities `[n, t, v]` and how many columns of each count `[n]`."""
    strips = [_strip(crop) for crop in crops]
    bucket = np.array([bucket_of(_natural_columns(crop)) for crop in crops], np.int64)
    for k in np.unique(bucket):
        members = np.flatnonzero(bucket == k)
        for start, stop, slots in chunks(len(members), CROPS_AT_ONCE):
            some = members[start:stop].tolist()
            canvas, widths = _canvas([strips[i] for i in some], slots, COLUMNS[k] * COLUMN_PX)
            log_probs = engine.read_strips(canvas, widths)[: len(some)]
            yield some, log_probs, widths[: len(some)] / COLUMN_PX


def _strip(crop: np.ndarray) -> np.ndarray:
    """The crop 32 px high, its aspect kept until its strip is full."""
    natural = _natural_columns(crop)
    columns = max(2.0, min(natural, COLUMNS[bucket_of(natural)]))
    return resize(crop, CANVAS_HEIGHT, round(columns * COLUMN_PX))


def _natural_columns(crop: np.ndarray) -> Any:
    """CTC columns of the crop at its own aspect, not rounded."""
    return np.float64(CANVAS_HEIGHT * crop.shape[1] / crop.shape[0] / COLUMN_PX)


def _canvas(strips: list[np.ndarray], slots: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [slots, 32, width, 3] and used widths float32 [slots]; the rest repeats the last column, as in training."""
    canvas = np.zeros((slots, CANVAS_HEIGHT, width, 3), np.uint8)
    widths = np.full(slots, 2 * COLUMN_PX, np.float32)
    for row, strip in enumerate(strips):
        widths[row] = strip.shape[1]
        canvas[row] = np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), "edge")
    return canvas, widths
