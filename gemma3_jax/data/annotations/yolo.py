"""YOLO as LabelImg writes it: `class x y width height` per line, fractions of the picture, x and y the CENTRE.

Classes are the lines of classes.txt, counted from 0. LabelImg puts there whatever was typed as the label, so for text it
holds transcriptions. The format has no do-not-care flag: type `###`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gemma3_jax.data.annotations.errors import AnnotationError
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.lines import annotation_files, any_begins_with
from gemma3_jax.data.annotations.pictures import picture_size
from gemma3_jax.data.annotations.words import centred, word
from gemma3_jax.data.corpora import Annotation, Sample

LAYOUT = "classes.txt and .txt files of `class x y width height` (LabelImg, YOLO)"

CLASSES = "classes.txt"
LINE = re.compile(r"\s*\d+(?:\s+-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?){4}\s*")


def matches(folder: Folder) -> bool:
    """Whether there is a classes.txt and a text file that begins with five numbers."""
    return bool(folder.named(CLASSES)) and any_begins_with(folder, _is_line)


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each .txt file, in the files' order."""
    names = functools.cache(lambda file: folder.text(file).rstrip("\n").split("\n"))
    files = annotation_files(folder, _is_line)
    return folder.collect(
        files, lambda path: _sample(folder, path, names(_classes_file(folder, path)))
    )


def _is_line(line: str, where: str) -> bool:
    return LINE.fullmatch(line) is not None


def _classes_file(folder: Folder, path: Path) -> Path:
    """The classes.txt of a label file: of its own folder, else the only one there is."""
    found = folder.named(CLASSES)
    beside = [file for file in found if file.parent == path.parent] or found
    if len(beside) != 1:
        what = f"which of {len(beside)} files {CLASSES} is meant? Put one beside it"
        raise AnnotationError(folder.where(path), what)
    return beside[0]


def _sample(folder: Folder, path: Path, classes: list[str]) -> Sample:
    picture = folder.pictures.find_stem(path.stem, path)
    size = picture_size(picture)
    lines = folder.lines(path)
    return Sample(picture, [_word(line, classes, size, where) for where, line in lines])


def _word(line: str, classes: list[str], size: tuple[int, int], where: str) -> Annotation:
    if not LINE.fullmatch(line):
        raise AnnotationError(where, f"expected class x y width height, found {line!r}")
    index, *numbers = line.split()
    if int(index) >= len(classes):
        what = f"class {index} is not in {CLASSES}, which has {len(classes)} lines"
        raise AnnotationError(where, what)
    x, y, width, height = np.array(numbers, np.float64) * [*size, *size]
    return word(centred(x, y, width, height), classes[int(index)])
