"""From a picture to its words with any engine: looks at several sizes, second readings, reading order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gemma3_jax.decoding.boxes import sides
from gemma3_jax.decoding.order import reading_order
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.resize import LONG_SIDES, SizePolicy
from gemma3_jax.page import Line, Word
from gemma3_jax.reading.again import read_again
from gemma3_jax.reading.candidates import chosen
from gemma3_jax.reading.confidence import calibrated
from gemma3_jax.reading.ends import LIKELY, lengthened
from gemma3_jax.reading.looks import CROWDED, likeliest, look, parted_once, scout
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.orientation import turned
from gemma3_jax.reading.presence import LIKELY as PRESENT
from gemma3_jax.reading.presence import present

PRINT_WORDS, PRINT_PX = 30, 20  # a page of small print: as many words, px as the network sees them
SMALL_PX = 17  # below it a larger look is worth its time (docs/reader.md), if it is as many
WORTHWHILE = 1.1  # times as large
TINY_PX = 13  # below it a small scan is enlarged beyond its own pixels,
GROWN_PX = 1280  # to this long side
MIN_PICTURE_PX = 6  # no letter is told from another with less


class Reading(NamedTuple):
    """What a picture says: lines in reading order, boxes that hold a word more likely than not but were not read surely
    enough to be among them, and warnings."""

    lines: tuple[Line, ...]
    unread: tuple[Word, ...] = ()
    warnings: tuple[str, ...] = ()


def read_page(engine: Engine, pixels: np.ndarray, options: ReadOptions) -> Reading:
    """The words of an RGB picture uint8 `[h, w, 3]`, quads in its pixels."""
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_PICTURE_PX:
        reason = f"{width}x{height} px is too small to hold text (at least {MIN_PICTURE_PX})"
        return Reading((), warnings=(reason,))
    words, warnings = _find(engine, pixels, options)
    if options.turn:
        words = turned(pixels, words, lambda picture: _find(engine, picture, options)[0])
    if options.look_again:
        photograph = not _printed(words)
        words = parted_once(read_again(engine, pixels, words, options, search=photograph))
        if photograph:
            words = likeliest(lengthened(engine, pixels, words, options))
    words = calibrated(present(words, options.presence), options.page_temperature)
    least = options.min_confidence
    unread = [word for word in words if word.confidence < least and word.detection >= PRESENT]
    return Reading(lay_out(words, least), tuple(unread), tuple(warnings))


def find_words(engine: Engine, pixels: np.ndarray, options: ReadOptions) -> list[Word]:
    """The words of `read_page`, line after line."""
    return [word for line in read_page(engine, pixels, options).lines for word in line.words]


def _find(engine: Engine, pixels: np.ndarray, options: ReadOptions) -> tuple[list[Word], list[str]]:
    """Words of the picture as it lies there."""
    sizes, found = (options.sizes,), None
    if options.look_again:
        found, factor = scout(engine, pixels, options.sizes)
        heights = sides(found.quads[chosen(found, options)])[1]
        sizes = looks_worth_taking(heights, factor, pixels.shape[:2], options.sizes)
    words, full = [], False
    for policy in sizes:
        seen, found = (found if policy == options.sizes else None), None  # its maps are large
        more, more_full = look(engine, pixels, policy, options, seen)
        words, full = words + more, full or more_full
    warnings = []
    if full:
        warnings.append(
            f"more than {CROWDED[-1]} words: the faintest were left out; read the page in parts"
        )
    return likeliest(words), warnings


def looks_worth_taking(
    heights: np.ndarray, factor: float, shape: tuple[int, int], first: SizePolicy
) -> tuple[SizePolicy, ...]:
    """Sizes at which a picture of `shape` (h, w) is read, by the `heights` (px) of the words found in it at `first`, which
    scaled it by `factor`.

    The detector knows words of up to about 60 px: a picture is looked at again at half the size, which costs a quarter more,
    unless it is a page of print, which has nothing to gain. Small print is read at a larger size instead, where the picture
    has more to show: as large as makes it PRINT_PX or as the picture is, tiny print GROWN_PX long where that is more.
    """
    typical = float(np.median(heights)) if len(heights) >= PRINT_WORDS else PRINT_PX
    if typical >= PRINT_PX:
        return first, SizePolicy(scale=factor / 2)
    long = max(shape)
    grown = GROWN_PX / long if typical < TINY_PX else 1.0
    most = min(max(1.0, grown), LONG_SIDES[-1] / long)
    larger = min(most, factor * PRINT_PX / typical)
    if typical >= SMALL_PX or larger < WORTHWHILE * factor:
        return (first,)
    return (SizePolicy(scale=larger),)


def _printed(words: Sequence[Word]) -> bool:
    """Whether they are a page of print, on which ends of boxes are no trouble (docs/reader.md)."""
    return sum(word.confidence >= LIKELY for word in words) >= PRINT_WORDS


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
