"""Prefix beam search for CTC (Hannun et al. 2014, algorithm 1; Graves and Jaitly 2014), with room for a language model.

Probabilities are added and multiplied as they are, without logarithms, and a prefix too rare to live on, or outdone already by
as many as the search keeps, is not made at all. That, and plain tuples, is what makes it fast in Python.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from gemma3_jax.charset import BLANK

Prefix = tuple[int, ...]
Language = Callable[[Prefix], Sequence[float]]
# P of all paths to a prefix, the prefix, P of those that end in a blank, P of the others, worth to the language, P times worth
Beam = tuple[float, Prefix, float, float, float, float]
Likely = list[tuple[float, int]]  # probability and class id, the likeliest first

PRUNE = 1e-4  # classes below this in a column open no new prefix, nor does a prefix so much rarer than the best live on
SMALL = 1e-100  # when the best P is below this, all are scaled up: none worth keeping comes near the end of the floats
LEAST = sys.float_info.min
SCORE = itemgetter(5)


class Hypothesis(NamedTuple):
    """A text that the columns may say: class ids, log P(text | columns), and what the language model adds."""

    ids: Prefix
    log_prob: float
    bonus: float


def beam_search(
    log_probs: np.ndarray,
    width: int = 8,
    language: Language | None = None,
    prune: float = PRUNE,
) -> list[Hypothesis]:
    """The likeliest texts of one strip `[t, v]`, at most `width`, by log P(text | columns) + bonus in natural logarithms.

    `language(prefix)[id]` is by how much the language model multiplies P for a next class (shallow fusion); the bonus of a text
    is the logarithm of all these. The search is exact when `width` exceeds the number of prefixes and `prune` is 0. Columns
    in which nothing is possible say no text.

    Raises:
        ValueError: when `width` is below 1.
    """
    if width < 1:
        raise ValueError(f"{width=} must be at least 1")
    probs = np.exp(np.asarray(log_probs, np.float64))
    same = [1.0] * probs.shape[1]
    opinion = language or (lambda prefix: same)
    beams: dict[Prefix, Beam] = {(): (1.0, (), 1.0, 0.0, 1.0, 1.0)}
    best, scale = 1.0, 0.0  # P of the best prefix, and log of what a P of 1 stands for
    for column, likely in zip(map(memoryview, probs), _likely(probs, prune), strict=True):
        following = _stay(beams, column, prune)
        most = best * likely[0][0] if likely else 0.0  # no new prefix is better
        best = max(following)[0]
        if likely:
            # who is over this lives on, and where as many do as are kept, a new prefix must outdo one of them
            floor = max(best, most) * prune + LEAST
            full = len(following) == width and min(following)[0] >= floor
            bar = min(map(SCORE, following)) if full else 0.0
            best = _open(beams, likely, following, best, prune, opinion, bar)
        if best < LEAST:
            return []
        floor = best * prune + LEAST
        kept = [beam for beam in following if beam[0] >= floor]
        if len(kept) > width:
            kept.sort(key=SCORE, reverse=True)
            del kept[width:]
        if best < SMALL:
            kept = [(p / best, i, a / best, b / best, w, s / best) for p, i, a, b, w, s in kept]
            best, scale = 1.0, scale + math.log(best)
        beams = {beam[1]: beam for beam in kept}
    ranked = sorted(beams.values(), key=SCORE, reverse=True)
    return [Hypothesis(i, math.log(p) + scale, math.log(w)) for p, i, _, _, w, _ in ranked]


def _likely(probs: np.ndarray, prune: float) -> list[Likely]:
    """Of each column the classes that may open a new prefix."""
    found: list[Likely] = [[] for _ in probs]
    columns, ids = np.nonzero(probs > prune)
    entries = zip(columns.tolist(), probs[columns, ids].tolist(), ids.tolist(), strict=True)
    for column, p, i in entries:
        if i != BLANK:
            found[column].append((p, i))
    for classes in found:
        classes.sort(reverse=True)
    return found


def _stay(beams: dict[Prefix, Beam], column: Sequence[float], prune: float) -> list[Beam]:
    """The prefixes after one more column, also reached from the ones that are a letter shorter."""
    following = []
    for total, ids, _, label, worth, _ in beams.values():
        if ids:
            last = ids[-1]
            p = column[last]
            label *= p
            shorter = beams.get(ids[:-1]) if p > prune else None
            if shorter is not None:
                # the same letter again is a new letter only after a blank
                twice = len(ids) > 1 and ids[-2] == last
                label += (shorter[2] if twice else shorter[0]) * p
        blank = total * column[BLANK]
        total = blank + label
        following.append((total, ids, blank, label, worth, total * worth))
    return following


def _open(
    beams: dict[Prefix, Beam],
    likely: Likely,
    following: list[Beam],
    best: float,
    prune: float,
    language: Language,
    bar: float,
) -> float:
    """Appends the prefixes that one more letter makes, those too rare or no better than `bar` left out; returns the best P."""
    floor = best * prune + LEAST
    for total, ids, blank, _, worth, _ in beams.values():
        last, opinion = ids[-1] if ids else BLANK, None
        for p, i in likely:
            label = total * p
            if label < floor:
                break  # the others are rarer still
            if i == last:
                label = blank * p
                if label < floor:
                    continue
            if opinion is None:
                opinion = language(ids)
            weight = worth * opinion[i]
            if label * weight <= bar:
                continue
            longer = (*ids, i)
            if longer in beams:
                continue
            following.append((label, longer, 0.0, label, weight, label * weight))
            if label > best:
                best, floor = label, label * prune + LEAST
    return best
