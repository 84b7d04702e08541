"""`gemma3-ocr read`: every file that can be read is, and the others cost one line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gemma3_jax.cli import FAILED, UsageError, complain
from gemma3_jax.commands.cache import remember_compilations
from gemma3_jax.imaging.documents import document_pages, is_pdf
from gemma3_jax.imaging.load import ImageError, Source
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Page
from gemma3_jax.reading import ReadOptions

if TYPE_CHECKING:
    from gemma3_jax.cli import Read

EXAMPLES = Path(__file__).parent.parent / "examples"
SUFFIXES = {"text": ".txt", "json": ".json", "hocr": ".hocr", "alto": ".xml"}


def read(command: Read, ocr: GemmaOCR | None = None) -> int:
    """Read what the command names with `ocr` (by default, the model it names); returns the exit status."""
    files = [*command.images, *map(str, sorted(EXAMPLES.glob("*.jpg")) if command.example else ())]
    if not files:
        raise UsageError('read: name a picture, "-" for standard input, or --example')
    options = _options(command)
    sources = list(_sources(files))
    outlet = _Outlet(command, several=len(sources) > 1)
    if ocr is None:
        remember_compilations()
        ocr = GemmaOCR.from_pretrained(command.model, threads=command.threads)
    ocr = ocr.with_options(**options)
    status = 0
    for source in sources:
        page = _read_one(ocr, source)
        try:
            outlet.hand_out(page)
        except ImageError as error:
            complain(str(error))
            status = FAILED
        for line in (*page.warnings, *filter(None, [page.error])):
            complain(f"{page.source}: {line}")
        status = FAILED if page.error else status
    return status


def _options(command: Read) -> dict:
    names = (
        "max_side",
        "min_side",
        "scale",
        "min_confidence",
        "beam_width",
        "language",
        "language_model",
        "words",
        "keep",
    )
    options = {name: getattr(command, name) for name in names}
    try:
        ReadOptions(**options)
    except ValueError as error:
        raise UsageError(f"read: {error}") from None
    if command.threads is not None and command.threads < 1:
        raise UsageError(f"read: --threads {command.threads} must be at least 1")
    return options


def _sources(files: list[str]) -> Iterator[Source | ImageError]:
    """One per page; a file whose pages cannot be told is passed on as its error, to be reported in its place."""
    for file in files:
        if file == "-":
            yield sys.stdin.buffer.read()
            continue
        try:
            pages = document_pages(file)
        except ImageError as error:
            yield error
        else:
            yield from pages if len(pages) > 1 or is_pdf(file) else [file]


def _read_one(ocr: GemmaOCR, source: Source | ImageError) -> Page:
    if isinstance(source, ImageError):
        return Page(0, 0, source=source.source, error=source.reason)
    return ocr.read_batch([source], on_error="keep")[0]


class _Outlet:
    """Where pages go: standard output or a folder of files, and drawings beside."""

    def __init__(self, command: Read, several: bool) -> None:
        if command.json and command.format not in ("text", "json"):
            raise UsageError(f"read: --json and --format {command.format} contradict each other")
        self.form = "json" if command.json else command.format
        if several and self.form in ("hocr", "alto") and command.output is None:
            raise UsageError(
                f"read: several pages are no one {self.form} document: give --output FOLDER"
            )
        self.command, self.several = command, several
        self.names, self.printed = _Names(), 0

    def hand_out(self, page: Page) -> None:
        """Print or write the page, and draw it. A page with an error goes out as JSON only.

        Raises:
            ImageError: naming the place that cannot be written to.
        """
        name = self.names.of(page.source)
        if not page.error or self.form == "json":
            makers = {"json": Page.to_json, "hocr": Page.to_hocr, "alto": Page.to_alto}
            text = makers.get(self.form, str)(page).rstrip("\n")
            if self.command.output is None:
                self._print(page, text)
            else:
                self._write(self.command.output, name, text)
        if self.command.draw is not None and not page.error:
            self._draw(page, name, self.command.draw)

    def _print(self, page: Page, text: str) -> None:
        if self.several and self.form == "text":
            text = ("\n" if self.printed else "") + f"==> {page.source} <==\n{text}"
        print(text, flush=True)
        self.printed += 1

    def _write(self, folder: Path, name: str, text: str) -> None:
        path = folder / (name + SUFFIXES[self.form])
        _make_folder(folder)
        try:
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ImageError(str(path), f"cannot be written ({error.strerror})") from error

    def _draw(self, page: Page, name: str, target: Path) -> None:
        folder = self.several or target.is_dir()
        _make_folder(target if folder else target.parent)
        page.draw(target / f"{name}.png" if folder else target, style=self.command.style)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(str(folder), f"cannot be written ({error.strerror})") from error


class _Names:
    """File names without suffix for the pages, each given once: a second cat.jpg becomes cat-2."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def of(self, source: str) -> str:
        stem = "stdin" if source.startswith("<") else Path(source).stem
        if source.endswith("]"):
            path, _, number = source.rpartition("[")
            stem = f"{Path(path).stem}-{number[:-1]}"
        name, count = stem, 1
        while name in self.taken:
            count += 1
            name = f"{stem}-{count}"
        self.taken.add(name)
        return name
