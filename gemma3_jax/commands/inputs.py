"""What a person names on the command line, file by file: pictures, documents, folders, patterns, URLs, standard input."""

from __future__ import annotations

import dataclasses
import glob
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from gemma3_jax.imaging.documents import document_pages, is_pdf
from gemma3_jax.imaging.download import fetch, is_url
from gemma3_jax.imaging.load import ImageError, Source

STDIN = "<stdin>"
# What is taken from a folder; a file that is named itself may be called anything.
RASTER = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
SUFFIXES = frozenset((*RASTER, ".heic", ".heif", ".avif", ".pdf"))


class Document(NamedTuple):
    """One named file. Its pages are sources to read; a file whose pages cannot be told is its error, in their place."""

    name: str
    pages: list[Source | ImageError]

    @property
    def path(self) -> Path | None:
        """The file on disk; None of standard input and downloads."""
        return None if self.name == STDIN or is_url(self.name) else Path(self.name)


@dataclasses.dataclass(frozen=True)
class Documents:
    """Named files: how many there are is known, yet each is opened (or fetched) when its turn comes in a loop, not before."""

    files: list[str | ImageError]
    dpi: float | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Document]:
        for file in self.files:
            if isinstance(file, ImageError):
                yield Document(file.source, [file])
            else:
                yield _document(file, self.dpi)


def documents(names: Iterable[str], recursive: bool = False, dpi: float | None = None) -> Documents:
    """Everything that is named, in its order.

    "-" is standard input; a folder stands for the pictures in it, sorted by name (with `recursive`, below it as well); a
    pattern with * ? or [ ] that no file is called stands for the files that match it.
    """
    return Documents([file for name in names for file in _files(name, recursive)], dpi)


def _files(name: str, recursive: bool) -> Iterator[str | ImageError]:
    if name == "-" or is_url(name):
        yield name
        return
    try:
        matches = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))
    except (
        OSError,
        ValueError,
    ):  # a name that cannot be one: what is wrong is said when it is opened
        matches = [name]
    if not matches and glob.has_magic(name):
        yield ImageError(name, "no file matches")
        return
    for match in matches or [name]:
        if Path(match).is_dir():
            yield from _pictures(Path(match), recursive)
        else:
            yield match


def _pictures(folder: Path, recursive: bool) -> Iterator[str | ImageError]:
    """Hidden files, such as the ._x.jpg of a Macintosh, are no pictures."""
    entries = sorted(folder.rglob("*") if recursive else folder.glob("*"))
    found = [
        str(entry)
        for entry in entries
        if entry.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in entry.relative_to(folder).parts)
        and entry.is_file()
    ]
    if not found:
        deeper = "" if recursive else "; --recursive looks into its folders too"
        yield ImageError(str(folder), f"no picture or PDF in this folder{deeper}")
    yield from found


def _document(file: str, dpi: float | None) -> Document:
    """A single picture stays a path, so that its page can be drawn again from it."""
    name = STDIN if file == "-" else file
    try:
        if file == "-":
            pages = document_pages(sys.stdin.buffer.read(), dpi, name)
        elif is_url(file):
            pages = document_pages(fetch(file), dpi, name)
        else:
            pages = document_pages(file, dpi)
            if len(pages) == 1 and not is_pdf(file):
                return Document(name, [file])
    except ImageError as error:
        return Document(name, [error])
    return Document(name, list(pages) or [ImageError(name, "has no pages")])
