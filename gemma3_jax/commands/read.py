"""`gemma3-ocr read`: every file that can be read is, and the others cost one line each."""

from __future__ import annotations

import warnings
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from gemma3_jax.cli import FAILED, UsageError, complain
from gemma3_jax.commands.cache import remember_compilations
from gemma3_jax.commands.inputs import Document, documents
from gemma3_jax.commands.outlet import Outlet, chosen_formats
from gemma3_jax.imaging.documents import DocumentPage
from gemma3_jax.imaging.download import is_url
from gemma3_jax.imaging.load import ImageError, Source
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Page
from gemma3_jax.reading import ReadOptions, lay_out

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import Read

EXAMPLES = Path(__file__).parent.parent / "examples"


def read(command: Read, ocr: GemmaOCR | None = None) -> int:
    """Read what the command names with `ocr` (by default, the model it names); returns the exit status."""
    names = [*command.images, *map(str, sorted(EXAMPLES.glob("*.jpg")) if command.example else ())]
    options = _options(command)
    _check(command, names)
    # a picture of 90 to 179 megapixels is read, not warned of; of a larger one the error tells
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    named = documents(names, command.recursive, command.dpi)
    first = list(islice(named, 2))
    outlet = Outlet(command, len(first) > 1, sum(len(document.pages) for document in first) > 1)
    if ocr is None:
        remember_compilations()
        ocr = GemmaOCR.from_pretrained(command.model, threads=command.threads)
    ocr = ocr.with_options(**options)
    good = [
        _read_document(ocr, document, outlet, command.text_layer == "use")
        for document in chain(first, named)
    ]
    return 0 if all(good) else FAILED


def _check(command: Read, names: list[str]) -> None:
    """What can be told to be wrong use before anything is opened."""
    if not names:
        raise UsageError('read: name a picture, "-" for standard input, or --example')
    chosen_formats(command)
    if command.threads is not None and command.threads < 1:
        raise UsageError(f"read: --threads {command.threads} must be at least 1")
    if command.dpi is not None and not 10 <= command.dpi <= 2400:
        raise UsageError(f"read: --dpi {command.dpi:g} must be in 10..2400")
    urls = [name for name in names if is_url(name)]
    if urls and not command.allow_urls:
        raise UsageError(f"read: {urls[0]} is fetched only with --allow-urls")


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
    return options


def _read_document(ocr: GemmaOCR, document: Document, outlet: Outlet, layers: bool) -> bool:
    """Read, hand out and complain; returns whether all went well."""
    good = True
    own, files = outlet.files.of(document)
    pages = []
    for source, file in zip(document.pages, files, strict=True):
        page = _read_page(ocr, source, layers)
        pages.append(page)
        good &= _reported(outlet.page, page, file) and not page.error
        for line in (*page.warnings, *filter(None, [page.error])):
            complain(f"{page.source}: {line}")
    return _reported(outlet.document, pages, own) and good


def _reported(hand_out, *what) -> bool:
    try:
        hand_out(*what)
    except ImageError as error:
        complain(str(error))
        return False
    return True


def _read_page(ocr: GemmaOCR, source: Source | ImageError, layers: bool) -> Page:
    if isinstance(source, ImageError):
        return Page(0, 0, source=source.source, error=source.reason)
    if layers and isinstance(source, DocumentPage):
        try:
            layer = source.text_layer()
        except ImageError as error:
            return Page(0, 0, source=str(source), error=error.reason)
        if layer is not None and layer.sound:
            lines = lay_out(layer.words)
            return Page(layer.width, layer.height, lines, str(source), picture=source)
    return ocr.read_batch([source], on_error="keep")[0]
