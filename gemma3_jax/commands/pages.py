"""The pages of many documents, one after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gemma3_jax.commands.files import printable
from gemma3_jax.commands.inputs import Document
from gemma3_jax.imaging.documents import DocumentPage, is_pdf
from gemma3_jax.imaging.load import ImageError, Source
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Page
from gemma3_jax.reading import lay_out


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
