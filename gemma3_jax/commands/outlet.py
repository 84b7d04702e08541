"""Where pages go: standard output, or a folder of files in any number of formats, and drawings beside."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gemma3_jax.cli import UsageError
from gemma3_jax.commands.files import FileNames, make_folder, whole
from gemma3_jax.commands.inputs import Document
from gemma3_jax.imaging.load import ImageError
from gemma3_jax.page import Page
from gemma3_jax.writers.formats import FORMATS, encode

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments_read import Read


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
        UsageError: when standard output cannot take what is asked for. ImageError: when there can be no such folder.
    """

    def __init__(self, command: Read, several: bool, pages: bool) -> None:
        self.names = chosen_formats(command)
        self.command, self.pages = command, pages
        self.printed = 0
        # failures.txt lists what could not be read; it is nobody's text
        self.files = FileNames(taken=("failures",))
        if command.output is None:
            self._check_standard_output(several)
        else:
            make_folder(command.output)

    def _check_standard_output(self, several: bool) -> None:
        if len(self.names) > 1:
            raise UsageError("read: several formats: give --output FOLDER")
        form = FORMATS[self.names[0]]
        if (several if form.join else self.pages) and not form.follows:
            many = "documents" if form.join else "pages"
            raise UsageError(
                f"read: several {many} are no one {self.names[0]} document: give --output FOLDER"
            )
        if form.join and sys.stdout.isatty():
            raise UsageError(
                f"read: {self.names[0]} is nothing for a terminal: give --output FOLDER, or > FILE"
            )

    def finished(self, document: Document, own: str, files: Sequence[str]) -> bool:
        """Whether all that a document becomes is there, newer than the document, and none of it an error."""
        if document.path is None or any(isinstance(page, ImageError) for page in document.pages):
            return False
        changed = document.path.stat().st_mtime_ns
        return all(
            path.is_file() and path.stat().st_mtime_ns > changed and not _tells_of_error(path)
            for path in self._paths(own, files)
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
                with whole(self._path(name, file)) as path:
                    path.write_bytes(encode(form.write(page)))
        if self.command.draw is not None and not page.error:
            with whole(self._drawing(file)) as path:
                page.draw(path, style=self.command.style)

    def document(self, pages: Sequence[Page], own: str) -> None:
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
                with whole(self._path(name, own)) as path:
                    path.write_bytes(joined)

    def _print(self, page: Page, name: str) -> None:
        text = encode(FORMATS[name].write(page)).decode("utf-8").rstrip("\r\n")
        if self.pages and name == "text":
            text = ("\n" if self.printed else "") + f"==> {page.source} <==\n{text}"
        print(text, flush=True)
        self.printed += 1

    def _paths(self, own: str, files: Sequence[str]) -> list[Path]:
        """Every file that a document becomes."""
        paths = [
            self._path(name, file)
            for name in self.names
            for file in ([own] if FORMATS[name].join else files)
        ]
        drawings = [] if self.command.draw is None else [self._drawing(file) for file in files]
        return paths + drawings

    def _path(self, name: str, file: str) -> Path:
        assert self.command.output is not None
        return self.command.output / (file + FORMATS[name].extension)

    def _drawing(self, file: str) -> Path:
        target = self.command.draw
        assert target is not None
        return target / f"{file}.png" if self.pages or target.is_dir() else target


def _tells_of_error(path: Path) -> bool:
    """Whether a file is the JSON of a page that could not be read."""
    if path.suffix != FORMATS["json"].extension:
        return False
    try:
        return bool(Page.from_json(path.read_text("utf-8")).error)
    except ValueError:  # somebody else's file
        return True
