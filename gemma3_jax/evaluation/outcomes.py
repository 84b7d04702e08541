"""What measuring one set gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from gemma3_jax.metrics.calibration import Reliability, reliability
from gemma3_jax.metrics.gallery import Mistake
from gemma3_jax.metrics.scores import Scores

COUNTS = ("words", "images")  # figures that are no shares
Judged = tuple[float, bool]


class Boxed(NamedTuple):
    """A box that was found: what speaks for a word in it, and whether there is one."""

    confidence: float
    detection: float
    letters: int
    word: bool


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Figures of one set, by name (shares in 0..1 and counts), and the words that went wrong.

    `judged` are the confidences of words whose truth is known, and whether each was right, in the order of the pictures.
    `boxed` are all boxes of pages but those on do-not-care regions, where the reader says how sure it is of each.
    `ms` is the reader's own time per picture or crop, first call left out (`readers.Stopwatch`); None where it was
    called only once. `notes` say what a user must know to read the figures.
    """

    name: str
    figures: dict[str, float]
    mistakes: list[Mistake] = dataclasses.field(default_factory=list, repr=False)
    judged: list[Judged] | None = dataclasses.field(default=None, repr=False)
    boxed: list[Boxed] = dataclasses.field(default_factory=list, repr=False)
    ms: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def reliability(self) -> Reliability | None:
        """The bins of `judged`."""
        return None if self.judged is None else bins_of(self.judged)


def bins_of(judged: Sequence[Judged]) -> Reliability:
    """The judged words by how sure the reader was of them."""
    return reliability([sure for sure, _ in judged], [right for _, right in judged])


def shares(kind: str, scores: Scores) -> dict[str, float]:
    """Precision, recall and harmonic mean as figures `kind_precision`, `kind_recall`, `kind_hmean`."""
    values = {"precision": scores.precision, "recall": scores.recall, "hmean": scores.hmean}
    return {f"{kind}_{name}": value for name, value in values.items()}
