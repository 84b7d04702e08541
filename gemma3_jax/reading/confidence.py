"""Confidences as they are handed out: what decoding says, brought to how often words so sure are right."""

from __future__ import annotations

import dataclasses

from gemma3_jax.metrics.calibration import tempered
from gemma3_jax.page import Alternative, Word


def calibrated(words: list[Word], temperature: float) -> list[Word]:
    """`words` with the confidences that a temperature makes of theirs (`evaluation.calibrate` fits it): none crosses 0.5.

    What is left for the alternatives stays in the same shares; characters keep theirs, which nobody has measured.
    """
    return words if temperature == 1 else [_calibrated(word, temperature) for word in words]


def _calibrated(word: Word, temperature: float) -> Word:
    sure = tempered(word.confidence, temperature)
    left = (1 - sure) / (1 - word.confidence) if word.confidence < 1 else 1.0
    others = tuple(Alternative(one.text, one.confidence * left) for one in word.alternatives)
    return dataclasses.replace(word, confidence=sure, alternatives=others)
