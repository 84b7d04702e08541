"""Whether confidences can be believed: expected calibration error, the reliability diagram, and the temperature.

Guo et al., On calibration of modern neural networks (ICML 2017): bins of equal width, a confidence of
exactly a bin's upper edge belongs to it. The temperature divides the log-odds of a confidence, so it changes neither the
order of words nor on which side of 0.5 each of them is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BINS = 15
TEMPERATURES = (0.2, 5.0)  # what is believed possible
EDGE = 1e-6  # confidences are taken to be at least as far from 0 and 1: no sum of logarithms is infinite
_SIDE, _MARGIN = 220, 34  # px of the diagram


class Reliability(NamedTuple):
    """Per bin of confidence [BINS]: how many words, their mean confidence, the share that is right."""

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean |accuracy - confidence| weighted by count; 0 without words."""
        gaps = np.abs(self.accuracy - self.confidence) * self.counts
        return float(gaps.sum() / max(self.counts.sum(), 1))


def reliability(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> Reliability:
    """The bins of words with `confidences` in 0..1 of which some were read `right`.

    Raises:
        ValueError: for lists of different length or a confidence outside 0..1.
    """
    sure, correct = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    if sure.shape != correct.shape:
        raise ValueError(
            f"{sure.size} confidences but {correct.size} judgements: give one per word"
        )
    if sure.size and not (sure.min() >= 0 and sure.max() <= 1):
        raise ValueError(f"confidences from {sure.min()} to {sure.max()}: they must lie in 0..1")
    # Rounding undoes what binary fractions add: 0.2 * 15 is 3.0000000000000004.
    place = np.clip(np.ceil(np.round(sure * bins, 9)).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    filled = np.maximum(counts, 1)
    return Reliability(
        counts,
        np.bincount(place, sure, bins) / filled,
        np.bincount(place, correct, bins) / filled,
    )


def tempered(confidence: float, temperature: float) -> float:
    """The confidence whose log-odds are those of `confidence` divided by `temperature`; over 1 it comes closer to 0.5."""
    if temperature == 1:
        return confidence
    low, high = sorted((confidence, 1 - confidence))
    odds = (low / high) ** (1 / temperature)
    return (1.0 if confidence >= 0.5 else odds) / (1 + odds)


def fit_temperature(
    confidences: Sequence[float], right: Sequence[bool], weights: Sequence[float] | None = None
) -> float:
    """The temperature at which words with `confidences`, of which some were read `right`, are likeliest to be just so.

    It minimises the (weighted) sum of negative log-likelihoods, which is convex in 1 / temperature: bisection on its slope.

    Raises:
        ValueError: without words.
    """
    if not len(confidences):
        raise ValueError("no words to fit a temperature to")
    sure = np.clip(np.asarray(confidences, np.float64), EDGE, 1 - EDGE)
    odds = np.log(sure) - np.log1p(-sure)
    against = np.where(np.asarray(right, bool), -odds, odds)
    shares = np.ones(len(odds)) if weights is None else np.asarray(weights, np.float64)

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(50):
        middle = (low + high) / 2
        rises = shares @ (against / (1 + np.exp(-middle * against))) > 0
        low, high = (low, middle) if rises else (middle, high)
    return 2 / (low + high)


def fit_logistic(
    evidence: Sequence[Sequence[float]],
    right: Sequence[bool],
    weights: Sequence[float] | None = None,
    ridge: float = 1e-3,
) -> np.ndarray:
    """Coefficients [k] of the logistic regression of `right` [n] on `evidence` [n, k] (the caller adds the column of ones).

    Newton's method on the (weighted) negative log-likelihood plus `ridge / 2` times the squared coefficients, without which
    cases that can be told apart perfectly would have none; convex (Hastie, Tibshirani and Friedman 2009, section 4.4.1).

    Raises:
        ValueError: without cases.
    """
    rows, truth = np.asarray(evidence, np.float64), np.asarray(right, np.float64)
    if not len(rows):
        raise ValueError("no cases to fit a logistic regression to")
    shares = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)

    def cost(found: np.ndarray) -> float:
        against = np.where(truth > 0, -1.0, 1.0) * (rows @ found)
        return float(shares @ np.logaddexp(0, against) + ridge / 2 * found @ found)

    found = np.zeros(rows.shape[1])
    for _ in range(50):
        odds = 1 / (1 + np.exp(-np.clip(rows @ found, -40, 40)))
        slope = rows.T @ (shares * (odds - truth)) + ridge * found
        bend = (rows.T * (shares * odds * (1 - odds))) @ rows + ridge * np.eye(len(found))
        step = np.linalg.solve(bend, slope)
        while cost(found - step) > cost(found) and np.abs(step).max() > 1e-12:
            step = step / 2
        found = found - step
        if np.abs(step).max() < 1e-9:
            break
    return found


def reliability_svg(bins: Reliability) -> str:
    """The diagram as an SVG element: bars of accuracy by confidence, wider where more words are."""
    number = len(bins.counts)
    step = _SIDE / number
    full = _SIDE + 2 * _MARGIN
    bars = []
    for i in np.flatnonzero(bins.counts).tolist():
        width = max(2.0, (step - 2) * np.sqrt(bins.counts[i] / bins.counts.max()))
        height = _SIDE * bins.accuracy[i]
        x, y = _MARGIN + (i + 0.5) * step - width / 2, _MARGIN + _SIDE - height
        title = f"{bins.counts[i]} words, confidence {bins.confidence[i]:.2f}, right {bins.accuracy[i]:.2f}"
        bars.append(
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' fill='#009688'>"
            f"<title>{title}</title></rect>"
        )
    low, high = _MARGIN, _MARGIN + _SIDE
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{full}' height='{full}' font-family='sans-serif' "
        f"font-size='11' fill='#555'><rect x='{low}' y='{low}' width='{_SIDE}' height='{_SIDE}' "
        f"fill='none' stroke='#ccc'/>{''.join(bars)}"
        f"<path d='M{low} {high}L{high} {low}' stroke='#b00' stroke-dasharray='4'/>"
        f"<text x='{low}' y='{low - 12}'>share right by confidence: ECE {100 * bins.error:.1f} %, "
        f"{int(bins.counts.sum())} words</text>"
        f"<text x='{low}' y='{high + 16}'>0</text><text x='{high - 6}' y='{high + 16}'>1</text></svg>"
    )
