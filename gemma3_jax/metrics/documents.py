"""Figures of whole pages: words as a bag, words in their places, the text in reading order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gemma3_jax.metrics.detection import Found, Truth, excused
from gemma3_jax.metrics.edit_distance import edit_distance
from gemma3_jax.metrics.polygons import overlaps
from gemma3_jax.metrics.scores import Scores, scores

LEAST_IOU = 0.5  # docTR's: exactly this much is enough


class ErrorRates(NamedTuple):
    """Edits over what there was to read, all pages together; both may exceed 1."""

    cer: float  # of characters, one space between words
    wer: float  # of words


def tokens(texts: Iterable[str], ignore_case: bool = False) -> list[str]:
    """The words of some texts, cut at white space; upper-cased when case is to be ignored."""
    words = [word for text in texts for word in text.split()]
    return [word.upper() for word in words] if ignore_case else words


def bag_of_words(pages: Iterable[tuple[Iterable[str], Iterable[str]]]) -> Scores:
    """Scores of (true words, read words) per page as multisets: a word said twice counts twice.

    Places and order do not matter; counts are summed over all pages.
    """
    matched = truths = found = 0
    for true_words, read_words in pages:
        truth, read = Counter(true_words), Counter(read_words)
        matched += (truth & read).total()
        truths += truth.total()
        found += read.total()
    return scores(matched, truths, found)


def word_scores_in_place(pages: Iterable[tuple[Truth, Found]]) -> Scores:
    """Scores of words in their places with the exact text, as docTR's `OCRMetric` counts raw matches.

    Boxes are paired one to one so that the sum of their IoU is greatest, whatever their texts; a pair
    counts with IoU >= 0.5 and equal text, case kept. docTR has no do-not-care words: here they are left
    out, and so are answers with more than half their area in one.
    """
    from scipy.optimize import linear_sum_assignment

    matched = truths = found = 0
    for truth, answer in pages:
        ignore = np.asarray(truth.ignore, bool).reshape(-1)
        shared, iou = overlaps(truth.quads, answer.quads)
        cared, counted = (
            np.flatnonzero(~ignore),
            np.flatnonzero(~excused(shared[ignore], answer.quads)),
        )
        truths += len(cared)
        found += len(counted)
        iou = iou[np.ix_(cared, counted)]
        for i, j in zip(*linear_sum_assignment(iou, maximize=True), strict=True):
            same = truth.texts[int(cared[i])] == answer.texts[int(counted[j])]
            matched += bool(same and iou[i, j] >= LEAST_IOU)
    return scores(matched, truths, found)


def error_rates(pages: Iterable[tuple[Sequence[str], Sequence[str]]]) -> ErrorRates:
    """Error rates of (true words, read words) per page, both in reading order.

    Where there is nothing to read a rate is 0 when nothing was read and 1 otherwise.
    """
    edits, lengths = np.zeros(2, np.int64), np.zeros(2, np.int64)
    for truth, read in pages:
        spelt = " ".join(truth)
        edits += edit_distance(spelt, " ".join(read)), edit_distance(truth, read)
        lengths += len(spelt), len(truth)
    rates = [float(e / n) if n else float(e > 0) for e, n in zip(edits, lengths, strict=True)]
    return ErrorRates(*rates)
