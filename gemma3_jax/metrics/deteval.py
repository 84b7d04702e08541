"""Boxes against the truth by DetEval, which forgives split and merged boxes.

Wolf and Jolion, Object count/area graphs for the evaluation of object detection and segmentation
algorithms (IJDAR 2006), with the constants and the order of the ICDAR 2013 robust reading
competition's DetEval script: one to one, then one truth in many boxes, then many truths in one box.
The script counts pixels of upright rectangles, both ends included; here areas are those of the quads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gemma3_jax.metrics.detection import Found, Truth
from gemma3_jax.metrics.polygons import overlaps, quad_areas
from gemma3_jax.metrics.scores import Scores, credited_scores

LEAST_AREA_RECALL = 0.8  # of a truth's area must be covered
LEAST_AREA_PRECISION = 0.4  # of an answer's area must be truth
SPLIT_CREDIT = 0.8  # for a truth found in pieces, and for each of its pieces
MERGE_CREDIT = 1.0  # for each truth of a box that holds several, and for that box
FARTHEST_CENTRES = 1.0  # of a one-to-one match, in mean diagonals


class Credit(NamedTuple):
    """What the matches of one image earn, and how many truths and answers count."""

    recall: float
    precision: float
    truths: int
    found: int


def deteval_scores(images: Iterable[tuple[Truth, Found]]) -> Scores:
    """Precision, recall and harmonic mean over all images; texts are not looked at."""
    earned = [deteval_credit(t.quads, t.ignore, f.quads) for t, f in images]
    if not earned:
        return credited_scores(0.0, 0.0, 0, 0)
    recall, precision, truths, found = (sum(column) for column in zip(*earned, strict=True))
    return credited_scores(recall, precision, int(truths), int(found))


def deteval_credit(truth_quads: np.ndarray, ignore: np.ndarray, found_quads: np.ndarray) -> Credit:
    """Credits of one image: `truth_quads` [n, 4, 2] with `ignore` [n], `found_quads` [m, 4, 2].

    Do-not-care truths do not count, nor do answers with more than 0.4 of their area in one.
    """
    ignore = np.asarray(ignore, bool).reshape(-1)
    recall, precision = _area_shares(truth_quads, found_quads)
    excused = (precision[ignore] > LEAST_AREA_PRECISION).any(axis=0)
    cared = ~ignore[:, None] & ~excused
    # How many answers touch a truth, and truths an answer: alone is one to one, else a split or merge.
    touching_truth = ((recall > 0) & ~excused).sum(axis=1)
    touching_found = ((recall > 0) & ~ignore[:, None]).sum(axis=0)

    close = (recall >= LEAST_AREA_RECALL) & (precision >= LEAST_AREA_PRECISION)
    alone = (close.sum(axis=1) == 1)[:, None] & (close.sum(axis=0) == 1)
    alone &= (touching_truth == 1)[:, None] & (touching_found == 1)
    single = close & alone & cared & _near(truth_quads, found_quads)
    free_truths, free_found = ~single.any(axis=1) & ~ignore, ~single.any(axis=0) & ~excused
    recall_credit = precision_credit = float(single.sum())

    pieces = precision >= LEAST_AREA_PRECISION  # an answer that may be a piece of the truth
    parts = recall.T >= LEAST_AREA_RECALL  # a truth that may be a part of the answer
    split_truths = free_truths & (touching_truth > 1)
    for i, group in _groups(split_truths, free_found, pieces, recall, LEAST_AREA_RECALL):
        free_truths[i] = False
        credit = SPLIT_CREDIT if group > 1 else 1.0
        recall_credit, precision_credit = recall_credit + credit, precision_credit + credit * group
    merged_found = free_found & (touching_found > 1)
    for _, group in _groups(merged_found, free_truths, parts, precision.T, LEAST_AREA_PRECISION):
        credit = MERGE_CREDIT if group > 1 else 1.0
        recall_credit, precision_credit = recall_credit + credit * group, precision_credit + credit
    truths, found = int((~ignore).sum()), int((~excused).sum())
    return Credit(recall_credit, precision_credit, truths, found)


def _groups(
    ones: np.ndarray, free: np.ndarray, member: np.ndarray, share: np.ndarray, least: float
) -> Iterator[tuple[int, int]]:
    """Each of `ones` [n] that enough of the `free` [m] cover together, and by how many; takes those.

    `member` [n, m]: who may belong to whom. `share` [n, m] of one's area in the other must add up to `least`.
    """
    for i in np.flatnonzero(ones).tolist():
        group = free & member[i]
        if group.any() and round(float(share[i, group].sum()), 4) >= least:
            free[group] = False
            yield i, int(group.sum())


def _area_shares(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much of each truth lies in each answer, and of each answer in each truth, both [n, m]."""
    shared, _ = overlaps(truth, found)
    of_truth, of_found = quad_areas(truth)[:, None], quad_areas(found)[None]
    nothing = np.zeros_like(shared)
    recall = np.divide(shared, of_truth, out=nothing.copy(), where=of_truth > 0)
    return recall, np.divide(shared, of_found, out=nothing, where=of_found > 0)


def _near(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Bool [n, m]: the centres are nearer than the mean of the bounding boxes' diagonals."""
    (centres_a, diagonals_a), (centres_b, diagonals_b) = _frame(truth), _frame(found)
    apart = np.linalg.norm(centres_a[:, None] - centres_b[None], axis=-1)
    return 2 * apart < FARTHEST_CENTRES * (diagonals_a[:, None] + diagonals_b[None])


def _frame(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres [n, 2] and diagonals [n] of the bounding boxes of quads [n, 4, 2]."""
    quads = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    low, high = quads.min(axis=1), quads.max(axis=1)
    return (low + high) / 2, np.linalg.norm(high - low, axis=1)
