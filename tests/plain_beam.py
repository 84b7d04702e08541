"""Prefix beam search as the papers have it, in logarithms and without a shortcut: what the fast one is compared with."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

import numpy as np

Text = tuple[int, ...]


def plain_beam(
    log_probs: np.ndarray, width: int, bonus: Callable[[Text], float], prune: float
) -> dict[Text, tuple[float, float]]:
    """{text: (log P, bonus)}, best first: extend all, drop what is `prune` times rarer than the best, keep `width`.

    `bonus(text)` is what a language model adds to a whole text.
    """
    floor = math.log(prune) if prune else -math.inf
    beams: dict[Text, tuple[float, float]] = {(): (0.0, -math.inf)}
    told: dict[Text, float] = {}
    for column in log_probs:
        following: dict[Text, tuple[float, float]] = defaultdict(lambda: (-math.inf, -math.inf))
        for text, (blank, label) in beams.items():
            total = np.logaddexp(blank, label)
            same = label + column[text[-1]] if text else -math.inf
            _add(following, text, total + column[0], same)
            for i in range(1, len(column)):
                before = blank if text[-1:] == (i,) else total
                if column[i] > floor and before > -math.inf:
                    _add(following, (*text, i), -math.inf, before + column[i])
        mass = {text: float(np.logaddexp(*ends)) for text, ends in following.items()}
        alive = [text for text in mass if mass[text] >= max(mass.values()) + floor]
        told |= {text: bonus(text) for text in alive if text not in told}
        best = sorted(alive, key=lambda text: -(mass[text] + told[text]))[:width]
        beams = {text: following[text] for text in best}
    return {text: (float(np.logaddexp(*ends)), told[text]) for text, ends in beams.items()}


def _add(beams: dict[Text, tuple[float, float]], text: Text, blank: float, label: float) -> None:
    old = beams[text]
    beams[text] = (float(np.logaddexp(old[0], blank)), float(np.logaddexp(old[1], label)))
