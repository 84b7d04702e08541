"""Boxes against the truth by the protocol of ICDAR 2015 (incidental scene text, task 4.1).

Karatzas et al., ICDAR 2015 Competition on Robust Reading. The official script cuts coordinates to
whole pixels; here they stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gemma3_jax.metrics.polygons import overlaps, quad_areas
from gemma3_jax.metrics.scores import Scores, scores

LEAST_IOU = 0.5  # a match needs more
LEAST_AREA_PRECISION = 0.5  # a box with more of it inside a do-not-care region is not counted


class Truth(NamedTuple):
    """The words of one image: `quads` [n, 4, 2], `texts`, `ignore` [n] (do not care)."""

    quads: np.ndarray
    texts: Sequence[str]
    ignore: np.ndarray


class Found(NamedTuple):
    """What was found in one image: `quads` [m, 4, 2] and `texts`."""

    quads: np.ndarray
    texts: Sequence[str]


class Matching(NamedTuple):
    """Which truth met which answer, and how many of each count."""

    pairs: list[tuple[int, int]]
    truths: int
    found: int


def excused(shared: np.ndarray, found_quads: np.ndarray) -> np.ndarray:
    """Which answers [m] bool do not count: more than half of the area in one do-not-care region.

    `shared` [k, m] are the areas that `found_quads` [m, 4, 2] share with the k regions.
    """
    areas = quad_areas(found_quads)
    return np.any((shared > LEAST_AREA_PRECISION * areas) & (areas > 0), axis=0)


def match(truth_quads: np.ndarray, ignore: np.ndarray, found_quads: np.ndarray) -> Matching:
    """One-to-one matches of IoU > 0.5, in the order of the truths and then of the answers.

    Do-not-care truths neither match nor count, nor do answers with more than half of their area in
    one of them. Each truth takes the first free answer, not the best: so does the official script.
    """
    ignore = np.asarray(ignore, bool).reshape(-1)
    shared, iou = overlaps(truth_quads, found_quads)
    pardoned = excused(shared[ignore], found_quads)
    close = (iou > LEAST_IOU) & ~ignore[:, None] & ~pardoned
    free = np.ones(close.shape[1], bool)
    pairs = []
    for i in np.flatnonzero(close.any(axis=1)).tolist():
        candidates = np.flatnonzero(close[i] & free)
        if candidates.size:
            free[candidates[0]] = False
            pairs.append((i, int(candidates[0])))
    return Matching(pairs, int((~ignore).sum()), int((~pardoned).sum()))


def detection_scores(images: Iterable[tuple[Truth, Found]]) -> Scores:
    """Precision, recall and harmonic mean of boxes over all images; texts are not looked at."""
    matched = truths = found = 0
    for truth, answer in images:
        matching = match(truth.quads, truth.ignore, answer.quads)
        matched += len(matching.pairs)
        truths += matching.truths
        found += matching.found
    return scores(matched, truths, found)
