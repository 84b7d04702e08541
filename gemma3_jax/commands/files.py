"""Files that a run writes: what they are called, and how they come to be there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gemma3_jax.commands.inputs import Document
from gemma3_jax.imaging.download import is_url
from gemma3_jax.imaging.load import ImageError


@contextlib.contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """What the operating system has against a place becomes one `ImageError` that names it."""
    try:
        yield
    except OSError as error:
        raise ImageError(str(path), f"cannot be written ({error.strerror})") from error


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to, with the same suffix; it becomes `path` when the block ends well.

    However the program ends, `path` is what it was before or it is complete. One thread of a process writes at a time.

    Raises:
        ImageError: naming `path`, when it cannot be written to.
    """
    make_folder(path.parent)
    unfinished = path.with_name(f".unfinished-{os.getpid()}{path.suffix}")
    try:
        with writing_to(path):
            yield unfinished
            os.replace(unfinished, path)
    except ImageError as error:
        # what is wrong with the other name is wrong with this one
        source = str(path) if error.source == str(unfinished) else error.source
        raise ImageError(source, error.reason) from error
    finally:
        unfinished.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """A folder, and those above it, where there is none.

    Raises:
        ImageError: naming the folder that cannot be made.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)


def printable(name: str) -> str:
    r"""A file's name as text: bytes that are no UTF-8, which Python keeps as lone surrogates, are spelt out as \xe9."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


class FileNames:
    """File names without extension for documents and their pages, each given once: a second cat.jpg becomes cat-2.

    `taken` are names that are not to be given at all. The same documents in the same order get the same names.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self.counts: dict[
            str, int
        ] = {}  # of a thousand page.jpg the last need not try every number

    def of(self, document: Document) -> tuple[str, list[str]]:
        """The name of the document's own file, and of its pages'."""
        stem, total = _stem(document.name), len(document.pages)
        count = self.counts.get(stem, 1)
        while True:
            own = stem if count == 1 else f"{stem}-{count}"
            pages = [own] if total == 1 else [f"{own}-{k + 1}" for k in range(total)]
            folded = {
                name.casefold() for name in (own, *pages)
            }  # Cat and cat are one file on some disks
            count += 1
            if not folded & self.taken:
                self.taken |= folded
                self.counts[stem] = count
                return own, pages


def _stem(name: str) -> str:
    if is_url(name):
        parts = urlsplit(name)
        return Path(parts.path).stem or parts.hostname or "download"
    return Path(name.strip("<>")).stem or "picture"
