"""How well single words are read: accuracy, normalised edit distance, character error rate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gemma3_jax.metrics.edit_distance import edit_distance


class WordScores(NamedTuple):
    """Figures of a set of word pictures; all but `words` are shares, `cer` may exceed 1."""

    accuracy: float  # letters and digits only, case ignored: the figure that papers quote
    exact: float  # every character, case included
    one_minus_ned: float
    cer: float
    words: int


def letters_and_digits(text: str) -> str:
    """`text` in lower case, reduced to the 36 symbols 0-9 and a-z."""
    return re.sub(r"[^0-9a-z]", "", text.lower())


def accuracy(truths: Sequence[str], reads: Sequence[str]) -> float:
    """Share of words right in the 36 symbols 0-9 and a-z.

    This is the convention of the six-benchmark tables (Baek et al., What is wrong with scene text
    recognition model comparisons?, ICCV 2019). Truths without such a symbol are not counted.
    """
    pairs = [(letters_and_digits(t), letters_and_digits(r)) for t, r in _pairs(truths, reads)]
    right = [truth == read for truth, read in pairs if truth]
    return float(np.mean(right)) if right else 0.0


def exact_accuracy(truths: Sequence[str], reads: Sequence[str]) -> float:
    """Share of words right in every character, case and punctuation included; 0 without words."""
    right = [truth == read for truth, read in _pairs(truths, reads)]
    return float(np.mean(right)) if right else 0.0


def one_minus_ned(truths: Sequence[str], reads: Sequence[str]) -> float:
    """Mean of 1 - edit distance / length of the longer text (1-N.E.D. of ICDAR 2019 ReCTS).

    Two empty texts agree fully; no words give 0.
    """
    pairs = _pairs(truths, reads)
    near = [1 - edit_distance(t, r) / max(len(t), len(r), 1) for t, r in pairs]
    return float(np.mean(near)) if near else 0.0


def character_error_rate(truths: Sequence[str], reads: Sequence[str]) -> float:
    """Edit distances over the characters of the truth, all texts together.

    Where there is nothing to read it is 0 when nothing was read and 1 otherwise.
    """
    pairs = _pairs(truths, reads)
    errors = sum(edit_distance(truth, read) for truth, read in pairs)
    length = sum(len(truth) for truth, _ in pairs)
    return errors / length if length else float(errors > 0)


def word_scores(truths: Sequence[str], reads: Sequence[str]) -> WordScores:
    """All figures at once. Raises ValueError when the lists differ in length."""
    return WordScores(
        accuracy(truths, reads),
        exact_accuracy(truths, reads),
        one_minus_ned(truths, reads),
        character_error_rate(truths, reads),
        len(truths),
    )


def _pairs(truths: Sequence[str], reads: Sequence[str]) -> list[tuple[str, str]]:
    if len(truths) != len(reads):
        raise ValueError(f"{len(truths)} true words but {len(reads)} read: give one per picture")
    return list(zip(truths, reads, strict=True))
