"""Formats of one text file per picture and one word per line: which files are meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gemma3_jax.data.annotations.folder import LOOKED_INTO, Folder

PREFIX = "gt_"  # ICDAR: gt_img_1.txt belongs to img_1.jpg
LISTS = {"classes.txt", "Label.txt", "fileState.txt", "rec_gt.txt"}  # of other formats

Parser = Callable[[str, str], object]  # line, place -> word; ValueError when it is no such line


def any_begins_with(folder: Folder, parse: Parser) -> bool:
    """Whether a .txt file begins with a line that `parse` takes."""
    return any(_begins_with(path, parse) for path in _texts(folder)[:LOOKED_INTO])


def annotation_files(folder: Folder, parse: Parser) -> list[Path]:
    """The .txt files that are annotations: they begin with a line that `parse` takes, or a picture goes by their name.

    An empty one says that its picture has no words. A readme is neither.
    """
    return [
        path
        for path in _texts(folder)
        if folder.pictures.has_stem(path.stem.removeprefix(PREFIX)) or _begins_with(path, parse)
    ]


def _texts(folder: Folder) -> list[Path]:
    return [path for path in folder.having(".txt") if path.name not in LISTS]


def _begins_with(path: Path, parse: Parser) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line.rstrip("\r\n") for line in file if line.strip()), None)
    try:
        return first is not None and bool(parse(first, path.name))
    except ValueError:
        return False
