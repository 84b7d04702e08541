"""Levenshtein distance between two sequences, and from one text to many at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """The least number of insertions, deletions and replacements; of characters or of words."""
    numbers: dict[Hashable, int] = {}
    codes = [
        np.array([numbers.setdefault(item, len(numbers)) for item in sequence], np.int64)
        for sequence in (first, second)
    ]
    return int(edit_distances(codes[1], codes[0][None])[0])


def edit_distances(codes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances int [k] from `codes` [l] to each row of `others` [k, m], all rows together.

    Wagner and Fischer, The string-to-string correction problem (1974): one row of their table a step.
    """
    columns = np.arange(len(codes) + 1)
    row = np.broadcast_to(columns, (len(others), len(columns)))
    for letters in others.T:
        # Deletion and replacement look at the row above; insertions run along the row and are a
        # running minimum once the column number is taken off.
        step = np.minimum(row[:, 1:] + 1, row[:, :-1] + (codes != letters[:, None]))
        started = np.concatenate([row[:, :1] + 1, step], axis=1) - columns
        row = np.minimum.accumulate(started, axis=1) + columns
    return row[:, -1]
