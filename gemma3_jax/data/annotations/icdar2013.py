"""ICDAR 2013 text files: `gt_NAME.txt` beside `NAME.jpg`, a line `left, top, right, bottom, "text"` per word.

The training half separates the numbers by spaces, the test half by commas; a quote inside the text has a backslash.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gemma3_jax.data.annotations.errors import blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.lines import PREFIX, annotation_files, any_begins_with
from gemma3_jax.data.annotations.words import word
from gemma3_jax.data.corpora import Annotation, Sample
from gemma3_jax.data.corpora.formats import parse_boxes

LAYOUT = '.txt files of `left, top, right, bottom, "text"` (ICDAR 2013)'


def matches(folder: Folder) -> bool:
    """Whether a .txt file begins with four numbers and a text in quotes."""
    return any_begins_with(folder, parse_boxes)


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each .txt file, in the files' order."""
    return folder.collect(annotation_files(folder, parse_boxes), lambda path: _sample(folder, path))


def _sample(folder: Folder, path: Path) -> Sample:
    picture = folder.pictures.find_stem(path.stem.removeprefix(PREFIX), path)
    return Sample(picture, [_word(line, where) for where, line in folder.lines(path)])


def _word(line: str, where: str) -> Annotation:
    with blaming(where):
        (box,) = parse_boxes(line, "ICDAR 2013")
        return word(*box)
