"""Training crops cut from real photographs, forms and receipts, on the host.

A crop is a function of (seed, step, slot) alone: nothing is remembered between calls but decoded
pictures, so a run resumes exactly and every process of a pod can cut its own part of a batch.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.data.corpora import (
    Annotation,
    Sample,
    Split,
    funsd_pages,
    icdar2015_scenes,
    sroie_receipts,
)
from gemma3_jax.data.cutting import cut, erase, heights, photometry, placement
from gemma3_jax.data.real import MAX_LABEL, fit_charset
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.polygons import inside_fractions
from gemma3_jax.types import Batch

LEAST_HEIGHT = 5.0  # px in the crop: smaller words are not to be found
READABLE, FINDABLE, GONE = 0.9, 0.7, 0.05  # share of a word's area inside the crop
CACHE_BYTES = 3_000_000_000


@dataclasses.dataclass(frozen=True)
class SceneSet:
    """Pictures that are cut alike: weight among the sets, range of scale and of aspect (x / y)."""

    samples: Sequence[Sample]
    weight: float = 1.0
    scales: tuple[float, float] = (0.6, 1.6)
    aspects: tuple[float, float] = (0.9, 1.1)


class ScenePool:
    """Annotated pictures to cut from; decoded pictures are kept up to `cache_bytes`.

    Raises:
        ValueError: when a set is empty.
    """

    def __init__(self, sets: Sequence[SceneSet], cache_bytes: int = CACHE_BYTES) -> None:
        if not sets or not all(scene_set.samples for scene_set in sets):
            raise ValueError(f"every set needs a picture: {[len(s.samples) for s in sets]}")
        self.sets = tuple(sets)
        weights = np.asarray([scene_set.weight for scene_set in sets], np.float64)
        self.shares = weights / weights.sum()
        self._cache_bytes = cache_bytes
        self._decoded: collections.OrderedDict[Path, np.ndarray] = collections.OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def image(self, path: Path) -> np.ndarray:
        """The picture uint8 [h, w, 3], decoded once while it fits the cache (least recent out)."""
        with self._lock:
            if path in self._decoded:
                self._decoded.move_to_end(path)
                return self._decoded[path]
        image = load_image(path)
        with self._lock:
            if path not in self._decoded:
                self._decoded[path] = image
                self._held += image.nbytes
            while self._held > self._cache_bytes:
                self._held -= self._decoded.popitem(last=False)[1].nbytes
        return image


def real_scenes(data_dir: str | Path, split: Split = "train") -> ScenePool:
    """ICDAR 2015 photographs, FUNSD forms and SROIE receipts, weighted 6 : 3 : 1.

    ICDAR 2015 is at hand squeezed to 3:2, so its crops are stretched by up to 1.25 to where they
    were. Street View Text is left out: its unboxed words would be learnt as background.
    """
    photographs = icdar2015_scenes(data_dir, split)
    receipts = [Sample(s.image_path, _words_of_lines(s)) for s in sroie_receipts(data_dir, split)]
    return ScenePool(
        [
            SceneSet(photographs, 6.0, (0.5, 1.6), (0.95, 1.25)),
            SceneSet(funsd_pages(data_dir, split), 3.0, (0.8, 1.6)),
            SceneSet(receipts, 1.0, (0.6, 1.5)),
        ]
    )


def scene_batch(
    pool: ScenePool,
    seed: int,
    step: int,
    batch: int,
    size: tuple[int, int] = (384, 384),
    slots: int = 64,
    charset: Charset = Charset(),
    max_label: int = MAX_LABEL,
    first: int = 0,
) -> Batch:
    """A batch of crops of `size` (h, w) px as NumPy arrays, see `types.Batch`.

    Words cut off by more than 30 % are `ignore`; words cut by more than 10 %, with characters
    outside the charset, or longer than `max_label` have an all-zero label: to be found, not read.
    Where more than `slots` words remain the surplus is painted over. `first` is the index of the
    first crop within the global batch, for a process that cuts only a part of it.
    """
    crops = []
    for index in range(first, first + batch):
        rng = np.random.default_rng((seed, step, index))
        crops.append(_scene(pool, rng, size, slots, charset, max_label))
    return Batch(*(np.stack(field) for field in zip(*crops, strict=True)))


def _scene(
    pool: ScenePool,
    rng: np.random.Generator,
    size: tuple[int, int],
    slots: int,
    charset: Charset,
    max_label: int,
) -> tuple[np.ndarray, ...]:
    scene_set = pool.sets[int(rng.choice(len(pool.sets), p=pool.shares))]
    sample = scene_set.samples[int(rng.integers(len(scene_set.samples)))]
    image = pool.image(sample.image_path)
    quads = np.asarray([word.quad for word in sample.words], np.float32).reshape(-1, 4, 2)
    ignore = np.asarray([word.ignore for word in sample.words], bool)
    matrix = placement(
        rng, scene_set.scales, scene_set.aspects, image.shape[:2], quads[~ignore], size
    )
    quads = (quads @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    inside = inside_fractions(quads, size[1], size[0])
    small = heights(quads) < LEAST_HEIGHT
    kept = rng.permutation(np.flatnonzero(inside > GONE))
    kept = kept[np.argsort(ignore[kept], kind="stable")]  # if any go, the do-not-cares
    crop = erase(cut(image, matrix, size), quads[kept[slots:]])
    kept = kept[:slots]

    out = np.zeros((slots, 4, 2), np.float32)
    labels = np.zeros((slots, max_label), np.int32)
    valid, ignored = np.arange(slots) < len(kept), np.zeros(slots, bool)
    out[: len(kept)] = quads[kept]
    ignored[: len(kept)] = ignore[kept] | small[kept] | (inside[kept] < FINDABLE)
    for row, i in enumerate(kept.tolist()):
        text = fit_charset(sample.words[i].text, charset)
        if text and len(text) <= max_label and inside[i] >= READABLE and not ignored[row]:
            labels[row, : len(text)] = charset.encode(text)
    return photometry(rng, crop), out, labels, valid, ignored


def _words_of_lines(receipt: Sample) -> list[Annotation]:
    """SROIE boxes lines: only those of one word are words, the others nobody cares for.

    With letters in it even such a word has no label: the set upper-cases what the receipt shows.
    """
    words = []
    for line in receipt.words:
        caseless = line.text.upper() == line.text.lower()
        text = line.text if caseless else ""
        words.append(Annotation(line.quad, text, line.ignore or len(line.text.split()) != 1))
    return words
