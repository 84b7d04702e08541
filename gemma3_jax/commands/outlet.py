"""Where pages go: standard output, or a folder of files in any number of formats, and drawings beside."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gemma3_jax.cli import UsageError
from gemma3_jax.commands.inputs import Document
from gemma3_jax.imaging.download import is_url
from gemma3_jax.imaging.load import ImageError
from gemma3_jax.page import Page
from gemma3_jax.writers.formats import FORMATS, encode

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import Read


def chosen_formats(command: Read) -> list[str]:
    """The names of the formats that are asked for, each once.

    Raises:
        UsageError: naming what is no format.
    """
    names = list(dict.fromkeys(name.strip() for name in command.format.split(",")))
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"read: --format {name} is not one of {', '.join(FORMATS)}")
    if command.json and names not in (["text"], ["json"]):
        raise UsageError(f"read: --json and --format {command.format} contradict each other")
    return ["json"] if command.json else names


class Outlet:
    """Writes what is read. `several`: there is more than one document; `pages`: there is more than one page.

    A format that joins pages (PDF) becomes one file per document, every other one file per page: scan-1.txt, scan-2.txt,
    scan.pdf. Of a document with one page the number is left out.

    Raises:
        UsageError: when standard output cannot take what is asked for.
    """

    def __init__(self, command: Read, several: bool, pages: bool) -> None:
        self.names = chosen_formats(command)
        self.command, self.pages = command, pages
        self.files, self.printed = FileNames(), 0
        if command.output is not None:
            return
        if len(self.names) > 1:
            raise UsageError("read: several formats: give --output FOLDER")
        form = FORMATS[self.names[0]]
        if (several if form.join else pages) and not form.follows:
            many = "documents" if form.join else "pages"
            raise UsageError(
                f"read: several {many} are no one {self.names[0]} document: give --output FOLDER"
            )
        if form.join and sys.stdout.isatty():
            raise UsageError(
                f"read: {self.names[0]} is nothing for a terminal: give --output FOLDER, or > FILE"
            )

    def page(self, page: Page, file: str) -> None:
        """Print or write one page and draw it. A page with an error goes out as JSON only.

        Raises:
            ImageError: naming the place that cannot be written to.
        """
        for name in self.names:
            form = FORMATS[name]
            if form.join or (page.error and name != "json"):
                continue
            if self.command.output is None:
                self._print(page, name)
            else:
                write(self.command.output / (file + form.extension), encode(form.write(page)))
        if self.command.draw is not None and not page.error:
            self._draw(page, file, self.command.draw)

    def document(self, pages: Sequence[Page], file: str) -> None:
        """Write the formats that hold a whole document, from those of its pages that could be read.

        Raises:
            ImageError: an original that cannot be copied, or a place that cannot be written to.
        """
        read = [page for page in pages if not page.error]
        for name in self.names:
            form = FORMATS[name]
            if form.join is None or not read:
                continue
            joined = form.join(read)
            if self.command.output is None:
                sys.stdout.buffer.write(joined)
                sys.stdout.buffer.flush()
            else:
                write(self.command.output / (file + form.extension), joined)

    def _print(self, page: Page, name: str) -> None:
        text = encode(FORMATS[name].write(page)).decode("utf-8").rstrip("\r\n")
        if self.pages and name == "text":
            text = ("\n" if self.printed else "") + f"==> {page.source} <==\n{text}"
        print(text, flush=True)
        self.printed += 1

    def _draw(self, page: Page, file: str, target: Path) -> None:
        folder = self.pages or target.is_dir()
        _make_folder(target if folder else target.parent)
        page.draw(target / f"{file}.png" if folder else target, style=self.command.style)


def write(path: Path, data: bytes) -> None:
    """Write a file into a folder that is made where there is none.

    Raises:
        ImageError: naming the place that cannot be written to.
    """
    _make_folder(path.parent)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ImageError(str(path), f"cannot be written ({error.strerror})") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(str(folder), f"cannot be written ({error.strerror})") from error


class FileNames:
    """File names without extension for documents and their pages, each given once: a second cat.jpg becomes cat-2."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def of(self, document: Document) -> tuple[str, list[str]]:
        """The name of the document's own file, and of its pages'."""
        stem, count = _stem(document.name), 1
        while True:
            own = stem if count == 1 else f"{stem}-{count}"
            total = len(document.pages)
            pages = [own] if total == 1 else [f"{own}-{k + 1}" for k in range(total)]
            folded = {
                name.casefold() for name in (own, *pages)
            }  # Cat and cat are one file on some disks
            if not folded & self.taken:
                self.taken |= folded
                return own, pages
            count += 1


def _stem(name: str) -> str:
    if is_url(name):
        parts = urlsplit(name)
        return Path(parts.path).stem or parts.hostname or "download"
    return Path(name.strip("<>")).stem or "picture"
