"""The text of pictures that are already cut to a word or a line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT, COLUMN_PX
from gemma3_jax.decoding.lattice import collapse
from gemma3_jax.decoding.text import Decoded, mask_padding
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.resize import resize
from gemma3_jax.imaging.threshold import contrast, enhanced
from gemma3_jax.language.fusion import LOST
from gemma3_jax.page import Word
from gemma3_jax.reading.confidence import calibrated
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.strips import COLUMNS, bucket_of, chunks, decode_with, words_of
from gemma3_jax.reading.views import SURE, crop_views, straightened, vote

CROPS_AT_ONCE = (1, 8, 64)
FILL = 0.2  # of a bucket: for less of it, smaller ones; a call costs as much as half a crop
FAINT, CLEAR = 80.0, 0.9  # contrast (grey levels) and confidence below which it is raised


def read_crops(engine: Engine, crops: Sequence[np.ndarray], options: ReadOptions) -> list[Word]:
    """The text of RGB crops uint8 `[h, w, 3]`, each a word or a line, in order; `quad` is the crop's outline, or the part of it
    that a doubtful word was read in.

    A crop with nothing to read gives a word with empty text and its confidence that it is empty.
    """
    sizes = np.array([(crop.shape[1], crop.shape[0]) for crop in crops], np.float32).reshape(
        -1, 1, 2
    )
    seen = sizes * np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    decoded = decode_crops(engine, crops, options, lost=0.0)
    if options.look_again:
        look_again(engine, crops, decoded, seen, options, lost=0.0)
    words = words_of(decoded, seen, seen, [1.0] * len(crops))
    return calibrated(words, options.word_temperature)


def look_again(
    engine: Engine,
    crops: Sequence[np.ndarray],
    decoded: list[Decoded],
    seen: np.ndarray,
    options: ReadOptions,
    lost: float = LOST,
) -> None:
    """Put what the views of doubtful crops agree on into `decoded`, and the view it was read in into `seen` `[n, 4, 2]`."""
    doubtful = [i for i, one in enumerate(decoded) if one.confidence < SURE]
    views = {i: crop_views(crops[i].shape[1], crops[i].shape[0]) for i in doubtful}
    cuts = [straightened(crops[i], quad) for i, quads in views.items() for quad in quads]
    found = iter(_decode(engine, cuts, options, lost))
    for i, quads in views.items():
        readings = [decoded[i], *(next(found) for _ in quads)]
        winner, sure = vote([one.text for one in readings], [one.confidence for one in readings])
        decoded[i] = dataclasses.replace(readings[winner], confidence=sure)
        if winner:
            seen[i] = quads[winner - 1]


def decode_crops(
    engine: Engine, crops: Sequence[np.ndarray], options: ReadOptions, lost: float = LOST
) -> list[Decoded]:
    """What each crop says; a faint one that is unsure is read with its contrast raised too, and the likelier stays."""
    found = _decode(engine, crops, options, lost)
    if not options.enhance:
        return found
    faint = [
        i
        for i, (crop, one) in enumerate(zip(crops, found, strict=True))
        if one.confidence < CLEAR and contrast(crop) < FAINT
    ]
    plain = [(i, picture) for i in faint for picture in enhanced(crops[i])]
    for (i, _), one in zip(
        plain, _decode(engine, [p for _, p in plain], options, lost), strict=True
    ):
        if one.text.strip() and one.confidence > found[i].confidence:
            found[i] = one
    return found


def _decode(
    engine: Engine, crops: Sequence[np.ndarray], options: ReadOptions, lost: float
) -> list[Decoded]:
    decoded: dict[int, Decoded] = {}
    for some, log_probs, used in crop_log_probs(engine, crops):
        texts = decode_with(engine.charset, log_probs, used, options, lost)
        decoded |= dict(zip(some, texts, strict=True))
    return [decoded[i] for i in range(len(crops))]


def best_paths(engine: Engine, crops: Sequence[np.ndarray]) -> list[str]:
    """What the likeliest class of each column spells: a glance, with no search and no language model."""
    texts: dict[int, str] = {}
    for some, log_probs, used in crop_log_probs(engine, crops):
        paths = mask_padding(log_probs, used).argmax(axis=-1)
        texts |= {
            i: engine.charset.decode(collapse(path)[0]) for i, path in zip(some, paths, strict=True)
        }
    return [texts[i] for i in range(len(crops))]


def crop_log_probs(
    engine: Engine, crops: Sequence[np.ndarray]
) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
    """Indices of some of the crops, their log-probabilities `[n, t, v]` and how many columns of each count `[n]`."""
    strips = [_strip(crop) for crop in crops]
    bucket = np.array([bucket_of(_natural_columns(crop)) for crop in crops], np.int64)
    for k in np.unique(bucket):
        members = np.flatnonzero(bucket == k)
        for start, stop, slots in chunks(len(members), CROPS_AT_ONCE, FILL):
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
    """uint8 [slots, 32, width, 3] and used widths float32 [slots], 0 of spare ones; the last column goes on, as in training."""
    canvas = np.zeros((slots, CANVAS_HEIGHT, width, 3), np.uint8)
    widths = np.zeros(slots, np.float32)
    for row, strip in enumerate(strips):
        widths[row] = strip.shape[1]
        canvas[row] = np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), "edge")
    return canvas, widths
