"""Who is measured, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Protocol

import numpy as np


class Reader(Protocol):
    """What is measured; `GemmaOCR` is one.

    An answer may carry `seconds`, the time that it took when it was made: so do predictions that are replayed.
    """

    def recognize(self, crops: list[np.ndarray], /) -> Sequence[Any]:
        """For each crop uint8 [h, w, 3] an object with `text` and `confidence`."""
        ...

    def read_batch(self, sources: list[np.ndarray], /) -> Sequence[Any]:
        """For each picture an object whose `words` have `text`, `quad` and `confidence`."""
        ...


class Stopwatch:
    """A reader that notes the time of its calls; decoding pictures and scoring are not in it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._pace: list[float] = []  # s per picture, one entry a call

    def recognize(self, crops: list[np.ndarray]) -> Sequence[Any]:
        return self._timed(self.reader.recognize, crops)

    def read_batch(self, sources: list[np.ndarray]) -> Sequence[Any]:
        return self._timed(self.reader.read_batch, sources)

    @property
    def ms(self) -> float | None:
        """Median over the calls of ms per picture, the first (warm-up) left out; None without a second."""
        return 1000 * median(self._pace[1:]) if len(self._pace) > 1 else None

    def _timed(
        self, call: Callable[[list[np.ndarray]], Sequence[Any]], pictures: list[np.ndarray]
    ) -> Sequence[Any]:
        begun = time.perf_counter()
        answers = call(pictures)
        taken = time.perf_counter() - begun
        if answers and all(hasattr(answer, "seconds") for answer in answers):
            taken = sum(answer.seconds for answer in answers)
        self._pace.append(taken / max(len(pictures), 1))
        return answers
