"""One look at a picture with any engine: detect, then read no more slots than there are words, in static buckets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gemma3_jax.config import THRESHOLD
from gemma3_jax.decoding.boxes import columns_used, sides, suppress
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.resize import SizePolicy, plan, to_picture, windows
from gemma3_jax.page import Word
from gemma3_jax.reading.ahead import ahead, batches
from gemma3_jax.reading.candidates import Found, candidates
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.parting import mended, parted
from gemma3_jax.reading.strips import COLUMNS, SQUEEZE, bucket_of, decode_with, words_of

SLOTS = (32, 128, 512)  # words read at once
CROWDED = (512, 1024, 2048)  # words looked for in a window: more when all of these are found


def scout(engine: Engine, pixels: np.ndarray, policy: SizePolicy) -> tuple[Found, float]:
    """What is detected in the picture at one size (of one that is cut into windows, in the middle one), and its scale."""
    height, width = pixels.shape[:2]
    where = plan(height, width, policy)
    middle = len(where.origins) // 2
    (window,) = itertools.islice(windows(pixels, where), middle, middle + 1)
    return _detect(engine, window), where.scaled[0] / height


def look(
    engine: Engine,
    pixels: np.ndarray,
    policy: SizePolicy,
    options: ReadOptions,
    scouted: Found | None = None,
) -> tuple[list[Word], bool]:
    """Words of the picture at one size, and whether a window held more than there are slots.

    `scouted`: what `scout` found at this size.
    """
    height, width = pixels.shape[:2]
    where = plan(height, width, policy)
    words: list[Word] = []
    full = False
    if scouted and len(where.origins) == 1:
        sights = iter([scouted])
    else:
        sights = (_detect(engine, window) for window in windows(pixels, where))
    for origin, found in zip(where.origins, sights, strict=True):
        place = partial(to_picture, origin=origin, where=where, height=height, width=width)
        words, full = words + _read(engine, found, options, place), full or found.full
    if len(where.origins) > 1 and words:
        size = np.sqrt(np.prod(sides(np.stack([word.quad for word in words])), axis=0))
        # a whole word wins over its cut-off half
        words = _once(words, size * [word.detection for word in words])
    return words, full


def likeliest(words: list[Word]) -> list[Word]:
    """Of words that lie on each other only the one that is surest to be there as it was read."""
    return _once(words, [word.confidence * word.detection for word in words])


def parted_once(words: Sequence[Word]) -> list[Word]:
    """`words`, those that one box held together apart, unless they were found alone too."""
    apart = parted(words)
    return likeliest(apart) if len(apart) > len(words) else apart


def _once(words: list[Word], scores: Any) -> list[Word]:
    """Of words that lie on each other only the one with the highest score."""
    if len(words) < 2:
        return words
    return [words[i] for i in suppress(np.stack([word.quad for word in words]), scores)]


def _read(
    engine: Engine,
    found: Found,
    options: ReadOptions,
    place: Callable[[np.ndarray], np.ndarray],
) -> list[Word]:
    """Words of a window, their quads put in `place` in the picture."""
    quads, scores, seen, groups = candidates(found, options)
    words: dict[int, Word] = {}
    parts = [
        (columns, some[start:stop], slots)
        for columns, some in _by_columns(seen)
        for start, stop, slots in batches(engine, len(some), SLOTS)
    ]
    calls = [
        partial(_read_boxes, engine, found.features, seen[some], columns, slots)
        for columns, some, slots in parts
    ]
    for (columns, some, _), log_probs in zip(parts, ahead(engine, calls), strict=True):
        used = columns_used(seen[some], columns)
        decoded = decode_with(engine.charset, log_probs, used, options)
        texts = [k for k, one in enumerate(decoded) if one.text.strip()]
        kept, some = [decoded[k] for k in texts], some[texts]
        own = words_of(kept, place(quads[some]), place(seen[some]), scores[some].tolist())
        words |= dict(zip(some.tolist(), own, strict=True))
    in_order = {i: words[i] for i in sorted(words)}
    return parted_once(mended(in_order, groups, len(quads) - len(groups)))


def _detect(engine: Engine, window: np.ndarray) -> Found:
    """Most pictures need few slots, and a runtime without dynamic shapes compares all pairs of them: a crowded page is worth
    a second detection."""
    for slots in CROWDED:
        features, quads, scores, valid = engine.detect(window[None], slots)
        full = quads.shape[1] >= slots and bool((scores[0] > THRESHOLD).all())
        if not full:
            break
    return Found(features, quads[0], scores[0], valid[0], full)


def _read_boxes(
    engine: Engine, features: Any, quads: np.ndarray, columns: int, slots: int
) -> np.ndarray:
    """log P `[n, columns, v]` of `quads` `[n, 4, 2]`, at most `slots`, read as so many."""
    padded = np.zeros((1, slots, 4, 2), np.float32)
    padded[0, : len(quads)] = quads
    return engine.read(features, padded, columns)[0, : len(quads)]


def _by_columns(quads: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Indices of the quads per bucket of strip columns, only the buckets that have any, short words first."""
    used = columns_used(quads, round(SQUEEZE * COLUMNS[-1]))
    order, bucket = np.argsort(used, kind="stable"), bucket_of(used)
    return [(COLUMNS[k], order[bucket[order] == k]) for k in np.unique(bucket)]
