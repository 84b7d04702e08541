"""Folders that people annotated with other tools, as `Sample`s: a picture and its words (quad, text, ignore).

A format is a module with `LAYOUT` (what its files look like), `matches` and `read`; those in `WRITERS` can be written too,
and what is written reads back equal. `FORMATS` is the whole list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from gemma3_jax.data.annotations import (
    coco_text,
    createml,
    doctr,
    icdar2013,
    icdar2015,
    icdar_crops,
    label_studio,
    lmdb_crops,
    ppocrlabel,
    tsv,
    voc,
    yolo,
)
from gemma3_jax.data.annotations.errors import AnnotationError as AnnotationError
from gemma3_jax.data.annotations.folder import Folder as Folder
from gemma3_jax.data.corpora import Sample


class Format(Protocol):
    """What the module of a format has."""

    @property
    def LAYOUT(self) -> str:
        """What its files look like, for messages."""
        ...

    def matches(self, folder: Folder) -> bool:
        """Whether the folder looks like this format."""
        ...

    def read(self, folder: Folder) -> Iterator[Sample]:
        """The annotated pictures; what cannot be used goes to `folder.problems`."""
        ...


FORMATS: dict[str, Format] = {
    "voc": voc,
    "yolo": yolo,
    "createml": createml,
    "ppocrlabel": ppocrlabel,
    "icdar2013": icdar2013,
    "icdar2015": icdar2015,
    "icdar-crops": icdar_crops,
    "label-studio": label_studio,
    "doctr": doctr,
    "coco-text": coco_text,
    "lmdb": lmdb_crops,
    "tsv": tsv,
}
WRITERS: dict[str, Callable[[Iterable[Sample], Path], None]] = {
    "voc": voc.write,
    "icdar2015": icdar2015.write,
    "tsv": tsv.write,
}


@dataclasses.dataclass(frozen=True)
class Reading:
    """All that was understood of a folder.

    problems: one line per annotation that could not be used, naming its file; its picture is not in `samples`.
    unannotated: pictures in the folder that no annotation speaks of.
    """

    folder: Path
    format: str
    samples: list[Sample]
    problems: list[str]
    unannotated: list[Path]


def detect(folder: str | Path) -> str:
    """The name of the format in a folder.

    Raises:
        ValueError: when nothing is recognised (saying what was looked for), or more than one format is.
        FileNotFoundError: when there is no such folder.
    """
    return _detect(Folder(folder))


def read_folder(folder: str | Path, format: str | None = None) -> list[Sample]:
    """The annotated pictures of a folder, in a format of `FORMATS` (None: detect it).

    Raises:
        ValueError: as `detect`; an unknown format; or annotations that cannot be used, with the first few of them.
    """
    reading = scan_folder(folder, format)
    if reading.problems:
        some = "; ".join(reading.problems[:3])
        raise ValueError(
            f"{reading.folder}: {len(reading.problems)} annotations cannot be used: {some} "
            "(gemma3-ocr validate lists all)"
        )
    return reading.samples


def scan_folder(folder: str | Path, format: str | None = None) -> Reading:
    """As `read_folder`, but annotations that cannot be used are listed in `problems` instead of raised."""
    if format is not None and format not in FORMATS:
        raise ValueError(f"{format=} is not one of {', '.join(FORMATS)}")
    found = Folder(folder)
    format = format or _detect(found)
    samples = list(FORMATS[format].read(found))
    unannotated = [path for path in found.pictures.files if path not in found.used]
    return Reading(found.root, format, samples, found.problems, unannotated)


def write_folder(samples: Iterable[Sample], folder: str | Path, format: str) -> None:
    """Copy the pictures of `samples` into `folder` and write their annotations in a format of `WRITERS`.

    Raises:
        ValueError: an unknown format, or what the format cannot hold (see its module).
    """
    if format not in WRITERS:
        raise ValueError(f"{format=} cannot be written, only {', '.join(WRITERS)}")
    WRITERS[format](samples, Path(folder))


def _detect(folder: Folder) -> str:
    names = [name for name, one in FORMATS.items() if one.matches(folder)]
    if len(names) > 1:
        several = " and ".join(names)
        raise ValueError(
            f"{folder.root} looks like {several}: keep one kind of annotation in it, or name the format"
        )
    if not names:
        layouts = "; ".join(f"{name}: {one.LAYOUT}" for name, one in FORMATS.items())
        broken = f" ({'; '.join(folder.unparsable)})" if folder.unparsable else ""
        raise ValueError(
            f"{folder.root} has no annotations that are known{broken}. Looked for: {layouts}"
        )
    return names[0]
