"""Words that one box holds together, parted where the reader saw a space; and words in two boxes, put together again.

A detector boxes "PTE LTD" as one word now and then: 14 % of the words of photographs were lost so (docs/reader.md). The reader
learns on pairs and phrases that a space is a character (`training.to_read`), which tells such boxes from long words.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from gemma3_jax.decoding.boxes import sides, slice_quads
from gemma3_jax.page import Word

ABOUT = 0.8  # times as likely, for a word in one box instead of two
NOISE = 0.02  # confidence below which spaces mean nothing
HALF_SPACE = 0.13  # heights: half of the white between two printed words


def parted(words: Sequence[Word]) -> list[Word]:
    """`words`, those with spaces in their text as the words between the spaces; texts without letters and such as are hardly
    more than noise as they are."""
    return [piece for word in words for piece in (_pieces(word) if _several(word) else [word])]


def _several(word: Word) -> bool:
    return " " in word.text and word.confidence >= NOISE


def mended(words: Mapping[int, Word], groups: Sequence[Sequence[int]], first: int) -> list[Word]:
    """Words by slot: `first + k` is a box that holds those of `groups[k]` (`candidates`), and leaves them out where its text
    is about as likely as all of theirs together: words do not overlap."""
    kept = dict(words)
    for slot, group in enumerate(groups, first):
        parts = [words[i].confidence for i in group if i in words]
        if slot in words and words[slot].confidence >= ABOUT * math.prod(parts):
            kept = {i: word for i, word in kept.items() if i not in group}
        else:
            kept.pop(slot, None)
    return list(kept.values())


def _pieces(word: Word) -> list[Word]:
    """The words of one box. Together they are as likely as the whole was, each by its share of the letters."""
    runs = _runs(word.text)
    letters = sum(stop - start for start, stop in runs)
    raws = word.raw.split()
    if len(raws) != len(runs):  # the pixels alone saw other spaces
        raws = [word.text[start:stop] for start, stop in runs]
    left, right = _edges(word)
    half = HALF_SPACE * float(sides(word.quad)[1] / max(sides(word.quad)[0], 1e-6))
    middle = (left + right) / 2
    found = []
    for (start, stop), raw in zip(runs, raws, strict=True):
        first = middle[start - 1] + half if start else 0.0
        last = middle[stop] - half if stop < len(word.text) else 1.0
        if last <= first:  # a space with no room for it
            return [word]
        spans = np.stack([left[start:stop], right[start:stop]], axis=1).clip(first, last)
        spans[0, 0], spans[-1, 1] = first, last
        quads = slice_quads(word.quad, np.array([[first, last], *spans]))
        text = word.text[start:stop]
        chars = (
            dataclasses.replace(char, quad=quad)
            for char, quad in zip(word.chars[start:stop], quads[1:], strict=True)
        )
        sure = word.confidence ** ((stop - start) / letters)
        reason = word.reason if raw != text else ""
        found.append(Word(text, sure, quads[0], tuple(chars), word.detection, raw, reason))
    return found or [word]


def _runs(text: str) -> list[tuple[int, int]]:
    """(start, stop) of the words of `text`."""
    edges = [k for k in range(1, len(text)) if (text[k] == " ") != (text[k - 1] == " ")]
    pairs = itertools.pairwise([0, *edges, len(text)])
    return [(start, stop) for start, stop in pairs if text[start] != " "]


def _edges(word: Word) -> tuple[np.ndarray, np.ndarray]:
    """Where the characters begin and end, as fractions `[l]` of the word's width."""
    quads = np.stack([char.quad for char in word.chars]).astype(np.float64)
    corners = word.quad.astype(np.float64)
    origin = (corners[0] + corners[3]) / 2
    along = (corners[1] + corners[2]) / 2 - origin
    along /= max(float(along @ along), 1e-6)
    starts, ends = quads[:, [0, 3]].mean(1), quads[:, [1, 2]].mean(1)
    return (starts - origin) @ along, (ends - origin) @ along
