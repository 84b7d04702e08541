"""From a picture to its words with any engine: detect, then read no more slots than there are words, in static buckets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gemma3_jax.config import THRESHOLD
from gemma3_jax.decoding.boxes import columns_used, plausible, sides, suppress
from gemma3_jax.decoding.neighbours import room, with_fair_margin
from gemma3_jax.decoding.order import reading_order
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.resize import LONG_SIDES, SizePolicy, plan, to_picture, windows
from gemma3_jax.page import Line, Word
from gemma3_jax.reading.again import read_again
from gemma3_jax.reading.confidence import calibrated
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.orientation import turned
from gemma3_jax.reading.parting import parted
from gemma3_jax.reading.strips import COLUMNS, SQUEEZE, bucket_of, chunks, decode_with, words_of

SLOTS = (32, 128, 512)  # words read at once
CROWDED = (512, 1024, 2048)  # words looked for in a window: more when all of these are found
PRINT_WORDS, PRINT_PX = 30, 24  # a page of small print: as many words, px as the network sees them
SMALL_PX = 17  # below it a larger look is worth its time (docs/reader.md), if it is as many
WORTHWHILE = 1.1  # times as large
MIN_PICTURE_PX = 6  # no letter is told from another with less


def read_page(
    engine: Engine, pixels: np.ndarray, options: ReadOptions
) -> tuple[tuple[Line, ...], list[str]]:
    """The words of an RGB picture uint8 `[h, w, 3]` as lines in reading order, quads in its pixels, and warnings."""
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_PICTURE_PX:
        reason = f"{width}x{height} px is too small to hold text (at least {MIN_PICTURE_PX})"
        return (), [reason]
    words, warnings = _find(engine, pixels, options)
    if options.turn:
        words = turned(pixels, words, lambda picture: _find(engine, picture, options)[0])
    if options.look_again:
        words = _parted(read_again(engine, pixels, words, options))
    return lay_out(calibrated(words, options.page_temperature), options.min_confidence), warnings


def find_words(engine: Engine, pixels: np.ndarray, options: ReadOptions) -> list[Word]:
    """The words of `read_page`, line after line."""
    return [word for line in read_page(engine, pixels, options)[0] for word in line.words]


def _find(engine: Engine, pixels: np.ndarray, options: ReadOptions) -> tuple[list[Word], list[str]]:
    """Words of the picture as it lies there."""
    height, width = pixels.shape[:2]
    words, full = _look(engine, pixels, options.sizes, options)
    for policy in (
        further_looks(words, (height, width), options.sizes) if options.look_again else ()
    ):
        more, more_full = _look(engine, pixels, policy, options)
        words, full = words + more, full or more_full
    warnings = []
    if full:
        warnings.append(
            f"more than {CROWDED[-1]} words: the faintest were left out; read the page in parts"
        )
    return _likeliest(words), warnings


def further_looks(
    words: Sequence[Word], shape: tuple[int, int], first: SizePolicy
) -> list[SizePolicy]:
    """Other sizes at which a picture of `shape` (h, w) is worth a look, by the words that the first one found.

    The detector knows words of up to about 60 px: a picture is looked at again at half the size, which costs a quarter more,
    unless it is a page of small print, which has nothing to gain. Very small print that was shrunk for the first look is looked
    at again as large as it is, or as PRINT_PX asks.
    """
    where = plan(*shape, first)
    factor = where.scaled[0] / shape[0]
    heights = [float(sides(word.quad)[1]) * factor for word in words]
    typical = float(np.median(heights)) if len(heights) >= PRINT_WORDS else PRINT_PX
    if typical >= PRINT_PX:
        return [SizePolicy(scale=factor / 2)]
    larger = min(1.0, factor * PRINT_PX / typical, LONG_SIDES[-1] / max(shape))
    if typical >= SMALL_PX or larger < WORTHWHILE * factor:
        return []
    return [SizePolicy(scale=larger)]


def _look(
    engine: Engine, pixels: np.ndarray, policy: SizePolicy, options: ReadOptions
) -> tuple[list[Word], bool]:
    """Words of the picture at one size, and whether a window held more than there are slots."""
    height, width = pixels.shape[:2]
    where = plan(height, width, policy)
    words: list[Word] = []
    full = False
    for origin, window in zip(where.origins, windows(pixels, where), strict=True):
        place = partial(to_picture, origin=origin, where=where, height=height, width=width)
        found, was_full = _read_window(engine, window, options, place)
        words, full = words + found, full or was_full
    if len(where.origins) > 1 and words:
        size = np.sqrt(np.prod(sides(np.stack([word.quad for word in words])), axis=0))
        # a whole word wins over its cut-off half
        words = _once(words, size * [word.detection for word in words])
    return words, full


def _likeliest(words: list[Word]) -> list[Word]:
    """Of words that lie on each other only the one that is surest to be there as it was read."""
    return _once(words, [word.confidence * word.detection for word in words])


def _parted(words: Sequence[Word]) -> list[Word]:
    """`words`, those that one box held together apart, unless they were found alone too."""
    apart = parted(words)
    return _likeliest(apart) if len(apart) > len(words) else apart


def _once(words: list[Word], scores: Any) -> list[Word]:
    """Of words that lie on each other only the one with the highest score."""
    if len(words) < 2:
        return words
    return [words[i] for i in suppress(np.stack([word.quad for word in words]), scores)]


def _read_window(
    engine: Engine,
    window: np.ndarray,
    options: ReadOptions,
    place: Callable[[np.ndarray], np.ndarray],
) -> tuple[list[Word], bool]:
    """Words of one window, their quads put in `place` in the picture, and whether every slot was taken."""
    features, quads, scores, valid, full = _detect(engine, window)
    chosen = np.flatnonzero(valid & plausible(quads) & (scores >= options.min_score))
    words = []
    seen = np.zeros_like(quads)
    seen[chosen] = with_fair_margin(quads[chosen], room(quads[chosen]))
    for columns, members in _by_columns(seen[chosen]):
        some = chosen[members]
        log_probs = _read_boxes(engine, features, seen[some], columns)
        used = columns_used(seen[some], columns)
        decoded = decode_with(engine.charset, log_probs, used, options)
        texts = [k for k, one in enumerate(decoded) if one.text.strip()]
        kept, some = [decoded[k] for k in texts], some[texts]
        words += words_of(kept, place(quads[some]), place(seen[some]), scores[some].tolist())
    return _parted(words), full


def _detect(
    engine: Engine, window: np.ndarray
) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, bool]:
    """Features, quads, scores and validity of a window's words, and whether there are more than can be looked for.

    Most pictures need few slots, and a runtime without dynamic shapes compares all pairs of them: a crowded page is worth a
    second detection.
    """
    for slots in CROWDED:
        features, quads, scores, valid = engine.detect(window[None], slots)
        full = quads.shape[1] >= slots and bool((scores[0] > THRESHOLD).all())
        if not full:
            break
    return features, quads[0], scores[0], valid[0], full


def _read_boxes(engine: Engine, features: Any, quads: np.ndarray, columns: int) -> np.ndarray:
    """log P `[n, columns, v]` of `quads` `[n, 4, 2]`, read in static buckets."""
    found = []
    for start, stop, slots in chunks(len(quads), SLOTS):
        padded = np.zeros((1, slots, 4, 2), np.float32)
        padded[0, : stop - start] = quads[start:stop]
        found.append(engine.read(features, padded, columns)[0, : stop - start])
    return np.concatenate(found)


def _by_columns(quads: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Indices of the quads per bucket of strip columns, only the buckets that have any."""
    bucket = bucket_of(columns_used(quads, round(SQUEEZE * COLUMNS[-1])))
    return [(COLUMNS[k], np.flatnonzero(bucket == k)) for k in np.unique(bucket)]


def lay_out(words: Sequence[Word], least: float = 0.0) -> tuple[Line, ...]:
    """Words in reading order: lines with block numbers.

    Words of a confidence below `least` are left out, but hold their place while lines are made: the gap that one leaves is no
    gap between columns.
    """
    blocks = reading_order(np.array([w.quad for w in words]), [w.text for w in words])
    lines = (
        Line(tuple(words[i] for i in line if words[i].confidence >= least), number)
        for number, block in enumerate(blocks)
        for line in block
    )
    return tuple(line for line in lines if line.words)
