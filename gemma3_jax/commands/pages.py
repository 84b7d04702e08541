"""The pages of many documents, read by several threads and handed out in order."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from gemma3_jax.commands.files import printable
from gemma3_jax.commands.inputs import Document
from gemma3_jax.imaging.documents import DocumentPage, is_pdf
from gemma3_jax.imaging.load import ImageError, Source
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Page
from gemma3_jax.reading import lay_out

Item = TypeVar("Item")
Done = TypeVar("Done")


class Sheet(NamedTuple):
    """One page of a document before it is read."""

    source: Source | ImageError
    seen: Any  # what is read: the source itself, or of a PDF its pixels or, from its text layer, the whole `Page`
    file: str  # what its files are called
    own: str  # what the files of its document are called
    done: float  # part of the document that is read with this page: 1 with its last


def sheets(
    document: Document, own: str, files: Sequence[str], text_layers: bool
) -> Iterator[Sheet]:
    """The pages of a document, each prepared when its turn comes."""
    for number, (source, file) in enumerate(zip(document.pages, files, strict=True), 1):
        yield Sheet(source, _seen(source, text_layers), file, own, number / len(files))


def _seen(source: Source | ImageError, text_layers: bool) -> Any:
    """PDF pages are drawn here, by the thread that asks for the next sheet: pdfium must not be called by two at once."""
    try:
        if not isinstance(source, DocumentPage) or not is_pdf(source.file):
            return source
        layer = source.text_layer() if text_layers else None
        if layer is None or not layer.sound:
            return source.load_page()
    except ImageError as error:
        return error
    return Page(layer.width, layer.height, lay_out(layer.words))


def read_sheet(ocr: GemmaOCR, sheet: Sheet) -> Page:
    """The page of a sheet, without its pixels; one that cannot be read says so in its `error`."""
    if isinstance(sheet.seen, ImageError):
        return Page(0, 0, source=printable(sheet.seen.source), error=sheet.seen.reason)
    if isinstance(sheet.seen, Page):
        page = sheet.seen
    else:
        page = ocr.read_batch([sheet.seen], on_error="keep")[0]
    return dataclasses.replace(page, source=printable(str(sheet.source)), picture=sheet.source)


def in_order(
    work: Callable[[Item], Done], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Done], None, None]:
    """Every item with `work(item)`, in order, by `workers` threads; of 1, by this one.

    `items` are asked for by the thread that takes the results, and at most `2 * workers` of them are begun, or done and not
    handed out. What `work` raises is raised here, in its turn; then, and when the generator is closed, nothing more is begun.
    """
    if workers == 1:
        for item in items:
            yield item, work(item)
        return
    waiting: deque[tuple[Item, Future[Done]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="read") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) == 2 * workers:
                    first, done = waiting.popleft()
                    yield first, done.result()
            while waiting:
                first, done = waiting.popleft()
                yield first, done.result()
        finally:
            for _, done in waiting:
                done.cancel()
