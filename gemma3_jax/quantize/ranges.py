"""What is measured of activations while pictures are read: histograms, ranges that cut their tails off, means of channels.

A histogram holds a tensor's values in BINS equal bins over -top .. top; `top` doubles when something larger comes, two bins
become one, and nothing has to be seen twice.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

RANGES = "quantization.json"  # in a model's folder
BINS = 8192
LEVELS = 255  # steps of an unsigned byte
Range = tuple[float, float]  # lowest and highest value; zero lies within


class Histogram:
    """How often which value was seen."""

    def __init__(self) -> None:
        self.top, self.counts = 2.0**-10, np.zeros(BINS)

    def add(self, values: np.ndarray) -> None:
        """Count finite `values` of any shape."""
        largest = float(np.abs(values).max(initial=0.0))
        if not np.isfinite(largest):
            raise ValueError("an activation is not finite: these weights cannot be quantised")
        while largest >= self.top:
            self.top *= 2
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.pad(merged, BINS // 4)
        where = ((values.ravel() + self.top) * (BINS / 2 / self.top)).astype(np.int64)
        self.counts += np.bincount(where, minlength=BINS)

    @property
    def centres(self) -> np.ndarray:
        """The value in the middle of each bin."""
        return ((np.arange(BINS) + 0.5) / BINS * 2 - 1) * self.top


class ChannelMeans:
    """The mean of each channel of maps `[b, c, h, w]` that come one after the other."""

    def __init__(self) -> None:
        self._sums: np.ndarray | float = 0.0
        self._cells = 0

    def add(self, maps: np.ndarray) -> None:
        """Count all cells of `maps`."""
        self._sums = self._sums + maps.sum(axis=(0, 2, 3), dtype=np.float64)
        self._cells += maps.shape[0] * maps.shape[2] * maps.shape[3]

    @property
    def means(self) -> list[float]:
        """As many as there are channels; none where no cell was seen."""
        return (np.atleast_1d(self._sums) / self._cells).tolist() if self._cells else []


def largest(histogram: Histogram) -> Range:
    """All that was seen."""
    return percentile(histogram, 100.0)


def percentile(histogram: Histogram, percent: float = 99.99) -> Range:
    """The shortest range that leaves out `100 - percent` % of the values, half of them at either end if both signs occur."""
    counts, width = histogram.counts, 2 * histogram.top / BINS
    total = counts.sum()
    signed = counts[: BINS // 2].sum() > 0
    spare = total * (1 - percent / 100) / (2 if signed else 1)
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])
    first = int(np.searchsorted(below, spare, side="right"))
    last = BINS - 1 - int(np.searchsorted(above, spare, side="right"))
    low, high = (first * width - histogram.top, (last + 1) * width - histogram.top)
    return min(low, 0.0) if signed else 0.0, max(high, width)


def least_squares(histogram: Histogram) -> Range:
    """The range with the least expected squared error, of rounding within it and cutting off beyond it."""
    return _best(histogram, _squared_error)


def entropy(histogram: Histogram) -> Range:
    """The range whose rounded distribution tells least from the cut-off one (Kullback-Leibler; Migacz, GTC 2017)."""
    return _best(histogram, _divergence)


METHODS: dict[str, Callable[[Histogram], Range]] = {
    "max": largest,
    "99.9": lambda h: percentile(h, 99.9),
    "99.99": lambda h: percentile(h, 99.99),
    "99.999": lambda h: percentile(h, 99.999),
    "least-squares": least_squares,
    "entropy": entropy,
}
# Of 67 pictures and six methods the one that costs neither boxes nor words (docs/export.md).
METHOD = "99.999"


def _best(histogram: Histogram, loss: Callable[[Histogram, Range], float]) -> Range:
    """Of the whole range and ever smaller fractions of it, the one that loses least."""
    low, high = largest(histogram)
    fractions = np.geomspace(1.0, 0.1, 60)
    choices = [(float(low * f), float(high * f)) for f in fractions]
    return min(choices, key=lambda choice: loss(histogram, choice))


def _squared_error(histogram: Histogram, choice: Range) -> float:
    low, high = choice
    step = (high - low) / LEVELS
    beyond = histogram.centres - np.clip(histogram.centres, low, high)
    inside = beyond == 0
    return float((histogram.counts * (beyond**2 + inside * step**2 / 12)).sum())


def _divergence(histogram: Histogram, choice: Range) -> float:
    low, high = choice
    kept = np.clip(histogram.centres, low, high)
    step = np.rint((kept - low) / (high - low) * LEVELS).astype(np.int64)
    half = histogram.top / BINS
    inside = (histogram.centres > low - half) & (histogram.centres < high + half)
    # p has what was cut off at its ends; q is made of what lies inside, spread evenly over the bins of a step
    ends = np.flatnonzero(inside)[[0, -1]]
    places = np.clip(np.arange(BINS), *ends)
    p = np.bincount(places, histogram.counts, BINS)
    q = histogram.counts * inside
    seen = (p > 0) & inside
    per_step = np.bincount(step, q * inside, LEVELS + 1)
    bins = np.bincount(step, seen, LEVELS + 1)
    q = np.where(seen, per_step[step] / np.maximum(bins[step], 1), 0.0)
    p, q = p / p.sum(), np.maximum(q / max(q.sum(), 1e-12), 1e-9)
    return float((p[seen] * np.log(p[seen] / q[seen])).sum())


@dataclasses.dataclass(frozen=True)
class Ranges:
    """What a model's activations were measured to span and to be on average, and which weights (SHA-256) they belong to.

    `means`: of each channel of what convolutions read; without them their biases are not corrected (`qdq`).
    """

    sha256: str
    method: str
    pictures: int
    tensors: Mapping[str, Range]
    means: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)

    def save(self, path: Path) -> None:
        """A line per tensor."""
        head = {"sha256": self.sha256, "method": self.method, "pictures": self.pictures}
        parts = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        for key, digits in (("tensors", 5), ("means", 4)):
            rows = (
                f"  {json.dumps(name)}: [{', '.join(f'{x:.{digits}g}' for x in values)}]"
                for name, values in getattr(self, key).items()
            )
            parts.append(f" {json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n }")
        path.write_text("{\n" + ",\n".join(parts) + "\n}\n")

    @classmethod
    def load(cls, path: Path) -> Ranges:
        """Inverse of `save`."""
        values = json.loads(path.read_text())
        tensors = {name: (low, high) for name, (low, high) in values.pop("tensors").items()}
        return cls(**values, tensors=tensors)
