"""A folder of annotations looked over before training: counts, statistics, odd characters, faults, copies and leaks."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gemma3_jax.data.annotations import Reading
from gemma3_jax.data.annotations.faults import Fault, box_faults, text_faults
from gemma3_jax.data.annotations.fingerprints import (
    Fingerprint,
    fingerprint,
    matches_between,
    matches_within,
)
from gemma3_jax.data.corpora import Annotation, Sample, rectangle
from gemma3_jax.data.pipeline.texts import TextRule, fit_charset
from gemma3_jax.decoding.boxes import sides
from gemma3_jax.imaging.load import ImageError, load_image

MANY_WORDS = 20  # as many with one and the same text are a category, not transcriptions
PERCENTILES = (0, 5, 50, 95, 100)

Progress = Callable[[Iterable[Sample]], Iterable[Sample]]


class OddCharacter(NamedTuple):
    """A character that the charset lacks, how often it comes and in which files; `respelt` when it is learnt without its
    accent or as a plainer form (NFKD)."""

    char: str
    times: int
    files: list[str]
    respelt: bool


@dataclasses.dataclass(frozen=True)
class Report:
    """What is in a folder.

    crops: every picture is one word that fills it. spreads: PERCENTILES of each statistic, over words that are to be read.
    """

    folder: Path
    format: str
    pictures: int
    words: int
    ignored: int
    crops: bool
    spreads: dict[str, tuple[float, ...]]
    characters: list[OddCharacter]
    faults: list[Fault]

    @property
    def errors(self) -> list[Fault]:
        """Faults that would spoil training."""
        return [fault for fault in self.faults if fault.severity == "error"]


def picture_name(sample: Sample, folder: Path) -> str:
    """How the report calls a picture: its path below the folder."""
    path = sample.image_path
    return path.relative_to(folder).as_posix() if isinstance(path, Path) else str(path)


def inspect(
    reading: Reading, rule: TextRule, against: Reading | None = None, progress: Progress = iter
) -> Report:
    """Look over all pictures and words of `reading`, and for copies of its pictures in `against`.

    Pictures are decoded one at a time. Looking for near-duplicates compares each with each: 10 000 pictures are 10^8 pairs.
    """
    faults = [Fault("unusable annotation", *_split(problem)) for problem in reading.problems]
    unused = (path.relative_to(reading.folder).as_posix() for path in reading.unannotated)
    faults += [Fault("not annotated", name, "") for name in unused]
    prints: list[Fingerprint] = []
    crops = bool(reading.samples)
    for sample in progress(reading.samples):
        name = picture_name(sample, reading.folder)
        try:
            pixels = load_image(sample.image_path)
        except ImageError as error:
            faults.append(Fault("unreadable picture", name, error.reason))
            continue
        prints.append(fingerprint(name, pixels))
        size = (pixels.shape[1], pixels.shape[0])
        crop = _is_crop(sample.words, size)
        crops &= crop
        faults += box_faults(sample.words, size, name)
        faults += text_faults(sample.words, rule, name, crop)
        if not sample.words:
            faults.append(Fault("no words", name, ""))
    faults += [*_copies(prints, against, progress), *_whole_set_faults(reading)]
    words = [word for sample in reading.samples for word in sample.words]
    return Report(
        folder=reading.folder,
        format=reading.format,
        pictures=len(reading.samples),
        words=len(words),
        ignored=sum(word.ignore for word in words),
        crops=crops,
        spreads=_spreads(reading.samples),
        characters=_odd_characters(reading, rule),
        faults=faults,
    )


def _is_crop(words: list[Annotation], size: tuple[int, int]) -> bool:
    return len(words) == 1 and np.array_equal(words[0].quad, rectangle(0, 0, *size))


def _split(problem: str) -> tuple[str, str]:
    where, _, what = problem.partition(": ")
    return where, what


def _copies(
    prints: list[Fingerprint], against: Reading | None, progress: Progress
) -> Iterator[Fault]:
    for match in matches_within(prints):
        kind = "same picture" if match.how == "same" else "near-duplicate"
        yield Fault(kind, match.first, f"as {match.second}")
    if against is not None:
        others = list(_fingerprints(against, progress))
        for match in matches_between(prints, others):
            kind = "leak" if match.how == "same" else "near leak"
            yield Fault(kind, match.first, f"as {against.folder}/{match.second}")


def _fingerprints(reading: Reading, progress: Progress) -> Iterator[Fingerprint]:
    """Of the pictures that can be read: what is wrong with the others is told by a look at their own folder."""
    for sample in progress(reading.samples):
        try:
            pixels = load_image(sample.image_path)
        except ImageError:
            continue
        yield fingerprint(picture_name(sample, reading.folder), pixels)


def _whole_set_faults(reading: Reading) -> Iterator[Fault]:
    texts = [word.text for word in _readable(reading.samples)]
    if not texts:
        yield Fault("nothing to read", str(reading.folder), "all words are do-not-care or none")
    elif len(texts) >= MANY_WORDS and len(set(texts)) == 1:
        yield Fault("one text only", str(reading.folder), f"{len(texts)} words say {texts[0]!r}")


def _readable(samples: list[Sample]) -> list[Annotation]:
    return [word for sample in samples for word in sample.words if not word.ignore]


def _spreads(samples: list[Sample]) -> dict[str, tuple[float, ...]]:
    words = _readable(samples)
    if not words:
        return {}
    width, height = sides(np.array([word.quad for word in words]))
    columns = {
        "height, px": height,
        "width / height": width / np.maximum(height, 1e-6),
        "characters": np.array([len(word.text) for word in words]),
        "words per picture": np.array([len(sample.words) for sample in samples]),
    }
    return {
        name: tuple(np.percentile(column, PERCENTILES).tolist()) for name, column in columns.items()
    }


def _odd_characters(reading: Reading, rule: TextRule) -> list[OddCharacter]:
    times: collections.Counter[str] = collections.Counter()
    files: dict[str, dict[str, None]] = {}
    for sample in reading.samples:
        name = picture_name(sample, reading.folder)
        for char in "".join(word.text for word in sample.words if not word.ignore):
            if char not in rule.charset.characters:
                times[char] += 1
                files.setdefault(char, {})[name] = None
    return [
        OddCharacter(char, count, list(files[char]), bool(fit_charset(char, rule.charset)))
        for char, count in times.most_common()
    ]
