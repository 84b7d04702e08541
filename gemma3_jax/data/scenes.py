"""Training crops cut from real photographs, forms and receipts, on the host.

A crop is a function of (seed, step, slot) alone: nothing is remembered between calls but decoded
pictures, so a run resumes exactly and every process of a pod can cut its own part of a batch.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.data.annotations import read_folder
from gemma3_jax.data.corpora import SCENE_SETS, Annotation, Sample, Split
from gemma3_jax.data.cutting import cut, erase, heights, move, photometry, placement
from gemma3_jax.data.pipeline.manifest import Manifest
from gemma3_jax.data.pipeline.texts import TextRule
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.polygons import inside_fractions
from gemma3_jax.types import Batch

LEAST_HEIGHT = 5.0  # px in the crop: smaller words are not to be found
READABLE, FINDABLE, GONE = 0.9, 0.7, 0.05  # share of a word's area inside the crop
CACHE_BYTES = 3_000_000_000
# Weights among the public sets. Street View Text is left out: its unboxed words would be learnt as background.
SCENE_WEIGHTS: Mapping[str, float] = {"ic15": 6.0, "funsd": 3.0, "sroie": 1.0}
# Their ranges of scale and of aspect. ICDAR 2015 is at hand squeezed to 3:2: stretched by up to 1.25 to where it was.
_RANGES = {"ic15": ((0.5, 1.6), (0.95, 1.25)), "funsd": ((0.8, 1.6),), "sroie": ((0.6, 1.5),)}


@dataclasses.dataclass(frozen=True)
class SceneSet:
    """Pictures that are cut alike: weight among the sets, range of scale and of aspect (x / y).

    `samples` is anything with a length and samples by number: a list, or a `pipeline.manifest.Manifest` of millions.
    """

    samples: Sequence[Sample]
    weight: float = 1.0
    scales: tuple[float, float] = (0.6, 1.6)
    aspects: tuple[float, float] = (0.9, 1.1)


class ScenePool:
    """Annotated pictures to cut from; decoded pictures are kept up to `cache_bytes`.

    Raises:
        ValueError: when a set is empty or its weight is not positive.
    """

    def __init__(self, sets: Sequence[SceneSet], cache_bytes: int = CACHE_BYTES) -> None:
        if not sets or not all(len(scene_set.samples) for scene_set in sets):
            raise ValueError(f"every set needs a picture: {[len(s.samples) for s in sets]}")
        weights = np.asarray([scene_set.weight for scene_set in sets], np.float64)
        if not (weights > 0).all():
            raise ValueError(f"weights of sets must be positive, are {weights.tolist()}")
        self.sets = tuple(sets)
        self.shares = weights / weights.sum()
        self.cache_bytes = cache_bytes
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
            while self._held > self.cache_bytes:
                self._held -= self._decoded.popitem(last=False)[1].nbytes
        return image

    def __reduce__(self) -> tuple[Any, ...]:
        """What a worker process gets: the sets, and an empty cache of its own."""
        return ScenePool, (self.sets, self.cache_bytes)


def real_scenes(
    data_dir: str | Path,
    split: Split = "train",
    weights: Mapping[str, float] = SCENE_WEIGHTS,
    own: Mapping[str, float] | None = None,
) -> ScenePool:
    """Public sets by name and `own` annotated pictures by path, each with its weight among all.

    A path is a folder in any format of `data.annotations`, or the file of a `Manifest`. Of a step's
    crops a set gets its weight's share of all weights; one without a weight, or with 0, is not read.

    Raises:
        ValueError: naming public sets that do not exist; what is wrong with a folder.
        FileNotFoundError: naming what is missing.
    """
    if unknown := set(weights) - set(SCENE_SETS):
        raise ValueError(f"no scene sets {sorted(unknown)}, known are {sorted(SCENE_SETS)}")
    public = [_public_set(name, data_dir, split, w) for name, w in weights.items() if w]
    return ScenePool(public + [_own_set(Path(path), w) for path, w in (own or {}).items() if w])


def _public_set(name: str, data_dir: str | Path, split: Split, weight: float) -> SceneSet:
    samples = SCENE_SETS[name](data_dir, split)
    if name == "sroie":
        samples = [Sample(s.image_path, _words_of_lines(s)) for s in samples]
    return SceneSet(samples, weight, *_RANGES.get(name, ()))


def _own_set(path: Path, weight: float) -> SceneSet:
    return SceneSet(Manifest(path) if path.is_file() else read_folder(path), weight)


def scene_batch(
    pool: ScenePool,
    seed: int,
    step: int,
    batch: int,
    size: tuple[int, int] = (384, 384),
    slots: int = 64,
    rule: TextRule = TextRule(),
    first: int = 0,
) -> Batch:
    """A batch of crops of `size` (h, w) px as NumPy arrays, see `types.Batch`.

    Words cut off by more than 30 % are `ignore`; words cut by more than 10 %, and those whose text
    `rule` does not learn, have an all-zero label: to be found, not read. Where more than `slots`
    words remain the surplus is painted over. `first` is the index of the first crop within the
    global batch, for a process that cuts only a part of it.
    """
    crops = []
    for index in range(first, first + batch):
        rng = np.random.default_rng((seed, step, index))
        crops.append(_scene(pool, rng, size, slots, rule))
    return Batch(*(np.stack(field) for field in zip(*crops, strict=True)))


def _scene(
    pool: ScenePool,
    rng: np.random.Generator,
    size: tuple[int, int],
    slots: int,
    rule: TextRule,
) -> tuple[np.ndarray, ...]:
    scene_set = pool.sets[int(rng.choice(len(pool.sets), p=pool.shares))]
    sample = scene_set.samples[int(rng.integers(len(scene_set.samples)))]
    image = pool.image(sample.image_path)
    quads = np.asarray([word.quad for word in sample.words], np.float32).reshape(-1, 4, 2)
    ignore = np.asarray([word.ignore for word in sample.words], bool)
    matrix = placement(
        rng, scene_set.scales, scene_set.aspects, image.shape[:2], quads[~ignore], size
    )
    quads = move(quads, matrix)
    inside = inside_fractions(quads, size[1], size[0])
    small = heights(quads) < LEAST_HEIGHT
    kept = rng.permutation(np.flatnonzero(inside > GONE))
    kept = kept[np.argsort(ignore[kept], kind="stable")]  # if any go, the do-not-cares
    crop = erase(cut(image, matrix, size), quads[kept[slots:]])
    kept = kept[:slots]

    out = np.zeros((slots, 4, 2), np.float32)
    labels = np.zeros((slots, rule.max_label), np.int32)
    valid, ignored = np.arange(slots) < len(kept), np.zeros(slots, bool)
    out[: len(kept)] = quads[kept]
    ignored[: len(kept)] = ignore[kept] | small[kept] | (inside[kept] < FINDABLE)
    for row, i in enumerate(kept.tolist()):
        if inside[i] >= READABLE and not ignored[row]:
            labels[row] = rule.label(sample.words[i].text)
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
