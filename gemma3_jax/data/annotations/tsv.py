"""Word crops and a plain .tsv file: `name<TAB>text` per line. Each crop is one word that fills its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from gemma3_jax.data.annotations.errors import AnnotationError
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.pictures import picture_size
from gemma3_jax.data.annotations.words import whole_picture
from gemma3_jax.data.annotations.writing import bring_pictures, one_line
from gemma3_jax.data.corpora import DO_NOT_CARE, Sample, rectangle

LAYOUT = "a .tsv file of `name<TAB>text`, one word crop per line"


def matches(folder: Folder) -> bool:
    """Whether there is a .tsv file."""
    return bool(folder.having(".tsv"))


def read(folder: Folder) -> Iterator[Sample]:
    """The crop of each line, in the files' order."""
    lines = folder.all_lines(folder.having(".tsv"))
    return folder.collect(lines, lambda line: _sample(folder, *line))


def _sample(folder: Folder, path: Path, where: str, line: str) -> Sample:
    name, tab, text = line.partition("\t")
    if not tab:
        raise AnnotationError(where, f"expected name<TAB>text, found {line!r}")
    picture = folder.pictures.find(name.strip(), path)
    return Sample(picture, [whole_picture(picture_size(picture), text)])


def write(samples: Iterable[Sample], folder: Path) -> None:
    """Write crops and labels.tsv into `folder`; of do-not-care words the text is not kept.

    Raises:
        ValueError: a sample that is not one word filling its picture, or a text with a tab or line break in it.
    """
    rows = []
    for sample, (width, height) in bring_pictures(samples, folder):
        path, whole = sample.image_path, rectangle(0, 0, width, height)
        if len(sample.words) != 1 or not np.array_equal(sample.words[0].quad, whole):
            raise ValueError(f"{path.name}: not the crop of one word: cut the words out first")
        (annotation,) = sample.words
        text = DO_NOT_CARE if annotation.ignore else one_line(annotation.text, path, "\t\r\n")
        rows.append(f"{path.name}\t{text}\n")
    (folder / "labels.tsv").write_text("".join(rows), encoding="utf-8", newline="")
