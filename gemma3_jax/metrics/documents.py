"""Figures of whole pages: words as a bag, words in their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from gemma3_jax.metrics.detection import LEAST_IOU, Found, Truth, excused
from gemma3_jax.metrics.polygons import overlaps
from gemma3_jax.metrics.scores import Scores, scores


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
    """Scores of words with the exact text (case kept) and IoU > 0.5, matched one to one.

    Do-not-care truths are left out; so are answers with more than half their area in one.
    """
    matched = truths = found = 0
    for truth, answer in pages:
        ignore = np.asarray(truth.ignore, bool).reshape(-1)
        shared, iou = overlaps(truth.quads, answer.quads)
        free = ~excused(shared[ignore], answer.quads)
        found += int(free.sum())
        truths += int((~ignore).sum())
        for i in np.flatnonzero(~ignore).tolist():
            for j in np.flatnonzero((iou[i] > LEAST_IOU) & free).tolist():
                if truth.texts[i] == answer.texts[j]:
                    free[j] = False
                    matched += 1
                    break
    return scores(matched, truths, found)
