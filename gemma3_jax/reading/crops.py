"""The text of pictures that are already cut to a word or a line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT, COLUMN_PX
from gemma3_jax.decoding.lattice import collapse
from gemma3_jax.decoding.text import Decoded, mask_padding
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.hue import hued
from gemma3_jax.imaging.resize import resize
from gemma3_jax.imaging.threshold import contrast, enhanced
from gemma3_jax.language.fusion import LOST
from gemma3_jax.page import Word
from gemma3_jax.reading.ahead import ahead, batches
from gemma3_jax.reading.confidence import calibrated
from gemma3_jax.reading.located import located_views
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.strips import COLUMNS, bucket_of, decode_with, words_of
from gemma3_jax.reading.views import (
    AGREED,
    SURE,
    close_views,
    leaning_views,
    outline,
    straightened,
    vote,
)

CROPS_AT_ONCE = (1, 8, 64)
FILL = 0.2  # of a bucket: for less of it, smaller ones; a call costs as much as half a crop
FAINT, CLEAR = 80.0, 0.9  # contrast (grey levels) and confidence below which it is raised

View = tuple[np.ndarray, np.ndarray]  # where in the crop, [4, 2]; what is read


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
    """Put what the views of doubtful crops agree on into `decoded`, and the view it was read in into `seen` `[n, 4, 2]`.

    Where the first views leave it in doubt, the word is looked for in the crop, and then in its colours.
    """
    asked = [i for i, one in enumerate(decoded) if one.confidence < SURE]
    readings = {i: [decoded[i]] for i in asked}
    views = {i: [seen[i].copy()] for i in asked}
    for further in (_close_views, _other_views, _hued_views):
        more = further(engine, [crops[i] for i in asked])
        cuts = [picture for own in more for _, picture in own]
        found = iter(_decode(engine, cuts, options, lost))
        for i, own in zip(asked, more, strict=True):
            views[i] += [quad for quad, _ in own]
            readings[i] += [next(found) for _ in own]
            texts = [one.text for one in readings[i]]
            winner, sure = vote(texts, [one.confidence for one in readings[i]])
            decoded[i] = dataclasses.replace(readings[i][winner], confidence=sure)
            seen[i] = views[i][winner]
        asked = [i for i in asked if decoded[i].confidence < AGREED]


def _close_views(_: Engine, crops: Sequence[np.ndarray]) -> list[list[View]]:
    return [_cut(crop, close_views(crop.shape[1], crop.shape[0])) for crop in crops]


def _other_views(engine: Engine, crops: Sequence[np.ndarray]) -> list[list[View]]:
    """Leaning views by rule, and the word as it is found."""
    found = located_views(engine, crops)
    return [
        _cut(crop, leaning_views(crop.shape[1], crop.shape[0]) + own)
        for crop, own in zip(crops, found, strict=True)
    ]


def _hued_views(_: Engine, crops: Sequence[np.ndarray]) -> list[list[View]]:
    return [
        [(outline(crop.shape[1], crop.shape[0]), picture) for picture in hued(crop)]
        for crop in crops
    ]


def _cut(crop: np.ndarray, quads: Sequence[np.ndarray]) -> list[View]:
    return [(quad, straightened(crop, quad)) for quad in quads]


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
    parts: list[tuple[list[int], int, int]] = []
    for k in np.unique(bucket):
        members = np.flatnonzero(bucket == k)
        for start, stop, slots in batches(engine, len(members), CROPS_AT_ONCE, FILL):
            parts.append((members[start:stop].tolist(), slots, COLUMNS[k] * COLUMN_PX))

    def read(some: list[int], slots: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        canvas, widths = _canvas([strips[i] for i in some], slots, width)
        log_probs = engine.read_strips(canvas, widths)[: len(some)]
        return log_probs, widths[: len(some)] / COLUMN_PX

    answers = ahead(engine, [partial(read, *part) for part in parts])
    for (some, _, _), (log_probs, used) in zip(parts, answers, strict=True):
        yield some, log_probs, used


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
        canvas[row, :, : strip.shape[1]] = strip
        canvas[row, :, strip.shape[1] :] = strip[:, -1:]
    return canvas, widths
