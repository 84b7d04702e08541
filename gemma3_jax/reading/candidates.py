"""What is read in a window: the words that were found, and boxes that may be the whole of one that was found in part.

Two of these are read beside the words they would replace, and stay where the reader prefers them (`parting.mended`): boxes
that overlap as words never do, in one; and boxes that were dropped because they lie on a better word, but reach beyond it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gemma3_jax.config import THRESHOLD
from gemma3_jax.decoding.boxes import plausible
from gemma3_jax.decoding.neighbours import beyond, joined, pieces, room, with_fair_margin
from gemma3_jax.reading.options import ReadOptions


class Found(NamedTuple):
    """What was detected in a window: features for the reader, and `n` slots, best first."""

    features: Any
    quads: np.ndarray  # [n, 4, 2] float32, px of the window
    scores: np.ndarray  # [n]
    valid: np.ndarray  # [n] bool
    full: bool  # there may be more words than slots


class Candidates(NamedTuple):
    """`n` boxes to read, the last `len(groups)` of which compete each with a group of the others."""

    quads: np.ndarray  # [n, 4, 2] float32, px of the window
    scores: np.ndarray  # [n]
    seen: np.ndarray  # [n, 4, 2]: with the margin that they are read with
    groups: list[list[int]]


def chosen(found: Found, options: ReadOptions) -> np.ndarray:
    """Indices of the slots that are words."""
    fit = found.valid & plausible(found.quads) & (found.scores >= options.min_score)
    return np.flatnonzero(fit)


def candidates(found: Found, options: ReadOptions) -> Candidates:
    """The words of `found` as `options` choose them, then what competes with some of them."""
    picked = chosen(found, options)
    words, scores = found.quads[picked], found.scores[picked]
    pairs, around = pieces(words), room(words)
    peaks = found.scores > max(THRESHOLD, options.min_score)
    dropped = np.flatnonzero(peaks & ~found.valid & plausible(found.quads))
    further, own = beyond(found.quads[dropped], words)
    larger = found.quads[dropped[further]]
    quads = np.concatenate([words, joined(words, pairs), larger])
    between = np.stack([around[pairs[:, 0], 0], around[pairs[:, 1], 1]], axis=1)
    around = np.concatenate([around, between, room(larger, words, own)])
    return Candidates(
        quads,
        np.concatenate([scores, scores[pairs].max(axis=1), found.scores[dropped[further]]]),
        with_fair_margin(quads, around),
        [*pairs.tolist(), *(np.flatnonzero(row).tolist() for row in own)],
    )
