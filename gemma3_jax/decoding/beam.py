"""Prefix beam search for CTC (Hannun et al. 2014, algorithm 1; Graves and Jaitly 2014), with room for a language model."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gemma3_jax.charset import BLANK

Prefix = tuple[int, ...]
Hook = Callable[[Prefix, int], float]

NEVER = -math.inf
PRUNE = 1e-4  # classes below this in a column open no new prefix


def beam_search(
    log_probs: np.ndarray,
    width: int = 8,
    language_model: Hook | None = None,
    language_weight: float = 0.3,
    prune: float = PRUNE,
) -> list[tuple[Prefix, float]]:
    """The likeliest texts (ids) of one strip `[t, v]`, best first, at most `width`, with their scores.

    The score is log P(text | columns) + `language_weight` · Σ log P_lm(character | prefix), in natural logarithms;
    `language_model(prefix, id)` gives each term and is asked once per prefix and character. The search is exact when
    `width` exceeds the number of prefixes and `prune` is 0.

    Raises:
        ValueError: when `width` is below 1.
    """
    if width < 1:
        raise ValueError(f"{width=} must be at least 1")
    weigh = _memo(language_model, language_weight)
    floor = math.log(prune) if prune > 0 else NEVER
    beams: dict[Prefix, tuple[float, float]] = {(): (0.0, NEVER)}  # log P ending in blank, and not
    bonus: dict[Prefix, float] = {(): 0.0}
    for row in np.asarray(log_probs, np.float64):
        open_ids = [int(i) for i in np.flatnonzero(row > floor) if i != BLANK]
        beams = _step(beams, row, open_ids)
        for prefix in beams:
            if prefix not in bonus:
                bonus[prefix] = bonus[prefix[:-1]] + weigh(prefix[:-1], prefix[-1])
        ranked = sorted(beams, key=lambda p: -(_total(beams[p]) + bonus[p]))[:width]
        beams = {prefix: beams[prefix] for prefix in ranked}
    return [(prefix, _total(ends) + bonus[prefix]) for prefix, ends in beams.items()]


def _step(
    beams: dict[Prefix, tuple[float, float]], row: np.ndarray, open_ids: list[int]
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


def _memo(language_model: Hook | None, weight: float) -> Hook:
    known: dict[tuple[Prefix, int], float] = {}

    def weigh(prefix: Prefix, i: int) -> float:
        if language_model is None:
            return 0.0
        if (prefix, i) not in known:
            known[prefix, i] = weight * language_model(prefix, i)
        return known[prefix, i]

    return weigh


def _total(ends: tuple[float, float]) -> float:
    return _log_add(*ends)


def _log_add(a: float, b: float) -> float:
    high, low = (a, b) if a > b else (b, a)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))
