"""Precision, recall and their harmonic mean from three counts."""

from __future__ import annotations

from typing import NamedTuple


class Scores(NamedTuple):
    """Shares in 0..1 and the counts behind them, over all images together (micro average)."""

    precision: float
    recall: float
    hmean: float
    matched: float
    truths: int
    found: int


def scores(matched: int, truths: int, found: int) -> Scores:
    """Scores of `matched` among `truths` to be found and `found` answers.

    As in the ICDAR scripts, precision without answers, recall without truths, and the harmonic
    mean of two zeros are 0.
    """
    precision = matched / found if found else 0.0
    recall = matched / truths if truths else 0.0
    hmean = 2 * matched / (truths + found) if matched else 0.0
    return Scores(precision, recall, hmean, matched, truths, found)


def credited_scores(
    recall_credit: float, precision_credit: float, truths: int, found: int
) -> Scores:
    """Scores where a match earns a different credit on each side (DetEval); `matched` is the recall's."""
    precision = precision_credit / found if found else 0.0
    recall = recall_credit / truths if truths else 0.0
    both = precision + recall
    hmean = 2 * precision * recall / both if both else 0.0
    return Scores(precision, recall, hmean, recall_credit, truths, found)
