r"""ICDAR 2013 and 2015 word crops: a text file of `word_1.png, "text"` lines beside the crops, `\"` for a quote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gemma3_jax.data.annotations.errors import blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.lines import annotation_files, any_begins_with
from gemma3_jax.data.annotations.pictures import picture_size
from gemma3_jax.data.annotations.words import whole_picture
from gemma3_jax.data.corpora import Sample
from gemma3_jax.data.corpora.formats import parse_named_texts

LAYOUT = 'a .txt file of `word_1.png, "text"` (ICDAR word crops)'


def matches(folder: Folder) -> bool:
    """Whether a .txt file begins with a name and a text in quotes."""
    return any_begins_with(folder, parse_named_texts)


def read(folder: Folder) -> Iterator[Sample]:
    """The crop of each line, in the files' order."""
    lines = folder.all_lines(annotation_files(folder, parse_named_texts))
    return folder.collect(lines, lambda line: _sample(folder, *line))


def _sample(folder: Folder, path: Path, where: str, line: str) -> Sample:
    with blaming(where):
        ((name, text),) = parse_named_texts(line, "ICDAR word crops")
        picture = folder.pictures.find(name, path)
        return Sample(picture, [whole_picture(picture_size(picture), text)])
