"""Prefix beam search for CTC (Hannun et al. 2014, algorithm 1; Graves and Jaitly 2014), with room for a language model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gemma3_jax.charset import BLANK

Prefix = tuple[int, ...]
Language = Callable[[Prefix, int], float]

NEVER = -math.inf
PRUNE = 1e-4  # classes below this in a column open no new prefix, nor does a prefix so much rarer than the best live on


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

    The bonus of a text is the sum of `language(prefix, id)` over its characters (shallow fusion), asked once for each. The
    search is exact when `width` exceeds the number of prefixes and `prune` is 0.

    Raises:
        ValueError: when `width` is below 1.
    """
    if width < 1:
        raise ValueError(f"{width=} must be at least 1")
    floor = math.log(prune) if prune > 0 else NEVER
    beams: dict[Prefix, tuple[float, float]] = {(): (0.0, NEVER)}  # log P ending in blank, and not
    bonus: dict[Prefix, float] = {(): 0.0}
    for column in np.asarray(log_probs, np.float64):
        open_ids = [int(i) for i in np.flatnonzero(column > floor) if i != BLANK]
        beams = _step(beams, column.tolist(), open_ids)
        best = max(_total(ends) for ends in beams.values())
        beams = {prefix: ends for prefix, ends in beams.items() if _total(ends) >= best + floor}
        for prefix in beams:
            if prefix not in bonus:
                added = language(prefix[:-1], prefix[-1]) if language is not None else 0.0
                bonus[prefix] = bonus[prefix[:-1]] + added
        if len(beams) > width:
            kept = sorted(beams, key=lambda p: -(_total(beams[p]) + bonus[p]))[:width]
            beams = {prefix: beams[prefix] for prefix in kept}
    found = [Hypothesis(prefix, _total(ends), bonus[prefix]) for prefix, ends in beams.items()]
    return sorted(found, key=lambda h: -(h.log_prob + h.bonus))


def _step(
    beams: dict[Prefix, tuple[float, float]], row: list[float], open_ids: list[int]
) -> dict[Prefix, tuple[float, float]]:
    following: dict[Prefix, tuple[float, float]] = {}

    def add(prefix: Prefix, blank: float, label: float) -> None:
        old = following.get(prefix, (NEVER, NEVER))
        following[prefix] = (_log_add(old[0], blank), _log_add(old[1], label))

    for prefix, ends in beams.items():
        ends_blank, ends_label = ends
        total = _total(ends)
        repeated = ends_label + row[prefix[-1]] if prefix else NEVER
        add(prefix, total + row[BLANK], repeated)
        for i in open_ids:
            # the same letter again is a new letter only after a blank
            before = ends_blank if prefix and prefix[-1] == i else total
            if before > NEVER:
                add((*prefix, i), NEVER, before + row[i])
    return following


def _total(ends: tuple[float, float]) -> float:
    return _log_add(*ends)


def _log_add(a: float, b: float) -> float:
    high, low = (a, b) if a > b else (b, a)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))
