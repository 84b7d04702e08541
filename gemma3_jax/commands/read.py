"""`gemma3-ocr read`: every file that can be read is, and the others cost one line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gemma3_jax.cli import FAILED, UsageError, complain
from gemma3_jax.commands.cache import remember_compilations
from gemma3_jax.imaging.documents import document_pages
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
    if command.json and command.format not in ("text", "json"):
        raise UsageError(f"read: --json and --format {command.format} contradict each other")
    form = "json" if command.json else command.format
    options = _options(command)
    sources = list(_sources(files))
    several = len(sources) > 1
    if several and form in ("hocr", "alto") and command.output is None:
        raise UsageError(f"read: several pages are no one {form} document: give --output FOLDER")
    if ocr is None:
        remember_compilations()
        ocr = GemmaOCR.from_pretrained(command.model, threads=command.threads)
    ocr = ocr.with_options(**options)
    names = _Names()
    status = 0
    for number, source in enumerate(sources):
        page = _read_one(ocr, source)
        name = names.of(page.source)
        try:
            _hand_out(page, form, command, name, several and number > 0, several)
            if command.draw is not None and not page.error:
                _draw(page, command, name, several)
        except ImageError as error:
            complain(str(error))
            status = FAILED
        for line in (*page.warnings, *filter(None, [page.error])):
            complain(f"{page.source}: {line}")
        status = FAILED if page.error else status
    return status


def _options(command: Read) -> dict:
    names = ("max_side", "min_side", "scale", "min_confidence", "beam_width")
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
            continue
        yield from (
            pages if len(pages) > 1 else [file] if not file.lower().endswith(".pdf") else pages
        )


def _read_one(ocr: GemmaOCR, source: Source | ImageError) -> Page:
    if isinstance(source, ImageError):
        return Page(0, 0, source=source.source, error=source.reason)
    return ocr.read_batch([source], on_error="keep")[0]


def _hand_out(
    page: Page, form: str, command: Read, name: str, after_another: bool, several: bool
) -> None:
    if page.error and form != "json":
        return
    makers = {"text": str, "json": Page.to_json, "hocr": Page.to_hocr, "alto": Page.to_alto}
    text = makers[form](page).rstrip("\n")
    if command.output is not None:
        path = command.output / (name + SUFFIXES[form])
        try:
            command.output.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ImageError(str(path), f"cannot be written ({error.strerror})") from error
        return
    if several and form == "text":
        text = ("\n" if after_another else "") + f"==> {page.source} <==\n{text}"
    print(text, flush=True)


def _draw(page: Page, command: Read, name: str, several: bool) -> None:
    target = command.draw
    assert target is not None
    folder = several or target.is_dir()
    try:
        (target if folder else target.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(str(target), f"cannot be written ({error.strerror})") from error
    page.draw(target / f"{name}.png" if folder else target, style=command.style)


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
