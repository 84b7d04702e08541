"""How likely a box holds a word: what the detector says of it and what the reader makes of it, together.

The detector's score alone is a poor judge: windows and leaves look like words to it. The reader, which sees the box closely
and has learnt that a box may be empty (`training.to_read.nothing_to_read`), reads little there and is not sure of it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

from gemma3_jax.page import Word

EDGE = 1e-4  # probabilities are taken to be at least as far from 0 and 1
LIKELY = 0.5  # from here on a box is handed out as one that holds a word, read or not


class Presence(NamedTuple):
    """Log-odds that a box holds a word: a sum of `evidence`, each with its weight (`evaluation.calibrate` fits them).

    As it stands here, unfitted, it is the detector's own score.
    """

    bias: float = 0.0
    reading: float = 0.0  # times the log-odds of the reading's confidence
    detector: float = 1.0  # times those of the detector's score
    letters: float = 0.0  # times the logarithm of how many characters were read

    def of(self, confidence: float, score: float, letters: int) -> float:
        """The probability, 0..1."""
        terms = zip(self, evidence(confidence, score, letters), strict=True)
        return 1 / (1 + math.exp(-sum(weight * term for weight, term in terms)))


def evidence(confidence: float, score: float, letters: int) -> tuple[float, float, float, float]:
    """What speaks for a word: 1, log-odds of the reading's confidence and of the detector's score, log of the text's length."""
    return 1.0, _log_odds(confidence), _log_odds(score), math.log(max(letters, 1))


def present(words: list[Word], presence: Presence) -> list[Word]:
    """`words` whose `detection`, until here the detector's score, is the probability that their box holds a word."""
    return [
        dataclasses.replace(
            word, detection=presence.of(word.confidence, word.detection, len(word.text))
        )
        for word in words
    ]


def _log_odds(share: float) -> float:
    share = min(max(share, EDGE), 1 - EDGE)
    return math.log(share / (1 - share))
