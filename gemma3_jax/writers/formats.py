"""The formats a page can be written in: one table for `gemma3-ocr read --format`, its file names, and `Page.save`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gemma3_jax.page import Page


class Format(NamedTuple):
    """How one format is called on disk and on the web, and what writes it."""

    extension: str
    media_type: str
    write: Callable[[Page], str | bytes]
    join: Callable[[Sequence[Page]], bytes] | None = None  # all pages of a document as one file
    follows: bool = False  # several pages may follow one another on standard output


def _join_pdf(pages: Sequence[Page]) -> bytes:
    from gemma3_jax.writers import pdf

    return pdf.to_pdf(pages)


FORMATS = {
    "text": Format(".txt", "text/plain", str, follows=True),
    "markdown": Format(".md", "text/markdown", Page.to_markdown),
    "json": Format(".json", "application/json", Page.to_json, follows=True),
    "tsv": Format(".tsv", "text/tab-separated-values", Page.to_tsv),
    "csv": Format(".csv", "text/csv", Page.to_csv),
    "hocr": Format(".hocr", "application/xhtml+xml", Page.to_hocr),
    "alto": Format(".alto.xml", "application/xml", Page.to_alto),
    "page-xml": Format(".page.xml", "application/vnd.prima.page+xml", Page.to_page_xml),
    "pdf": Format(".pdf", "application/pdf", Page.to_pdf, join=_join_pdf),
}


def format_of(path: str) -> Format:
    """The format that a file name's extension stands for.

    Raises:
        ValueError: no format has it; the message lists those there are.
    """
    for form in FORMATS.values():
        if path.lower().endswith(form.extension):
            return form
    known = ", ".join(form.extension for form in FORMATS.values())
    raise ValueError(f"{path}: no format has this extension; there are {known}")


def encode(written: str | bytes) -> bytes:
    """What a writer returns as the bytes of a file: UTF-8, a line break at the end of text."""
    if isinstance(written, bytes):
        return written
    return (written if written.endswith("\n") else written + "\n").encode("utf-8")
