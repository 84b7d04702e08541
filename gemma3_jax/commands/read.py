"""`gemma3-ocr read`: every file that can be read is, and the others cost one line each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from gemma3_jax.cli import FAILED, UsageError
from gemma3_jax.commands.cache import remember_compilations
from gemma3_jax.commands.inputs import Document, documents
from gemma3_jax.commands.outlet import Outlet, chosen_formats
from gemma3_jax.commands.pages import Sheet, read_sheet, sheets
from gemma3_jax.commands.tally import Tally
from gemma3_jax.imaging.download import is_url
from gemma3_jax.imaging.load import ImageError
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Page
from gemma3_jax.reading import ReadOptions
from gemma3_jax.reading.in_order import MOST, in_order, side_by_side
from gemma3_jax.writers.pdf_objects import require_pypdf

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments_read import Read

EXAMPLES = Path(__file__).parent.parent / "examples"


def read(command: Read, ocr: GemmaOCR | None = None) -> int:
    """Read what the command names with `ocr` (by default, the model it names); returns the exit status."""
    names = [*command.images, *map(str, sorted(EXAMPLES.glob("*.jpg")) if command.example else ())]
    options = _options(command)
    _check(command, names)
    # a picture of 90 to 179 megapixels is read, not warned of; of a larger one the error tells
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    # of damaged EXIF data nothing is missed, and of damaged pixels the error tells
    warnings.filterwarnings("ignore", module="PIL")
    named = documents(names, command.recursive, command.dpi)
    opened = iter(named)
    first = next(opened)
    outlet = Outlet(command, len(named) > 1, len(named) > 1 or len(first.pages) > 1)
    if ocr is None:
        remember_compilations()
        ocr = GemmaOCR.from_pretrained(command.model, threads=command.threads)
    many = MOST if len(named) > 1 else len(first.pages)
    engine, workers = side_by_side(ocr.engine, many, command.workers)
    work = partial(read_sheet, GemmaOCR(engine, ocr.options).with_options(**options))
    with Tally(command, len(named), outlet.pages) as tally:
        todo = _sheets(command, chain([first], opened), outlet, tally)
        with closing(in_order(work, todo, workers)) as done:
            _hand_out(done, outlet, tally)
    return FAILED if tally.failures else 0


def _check(command: Read, names: list[str]) -> None:
    """What can be told to be wrong use before anything is opened."""
    if not names:
        raise UsageError('read: name a picture, "-" for standard input, or --example')
    formats = chosen_formats(command)
    if command.resume and command.output is None:
        raise UsageError("read: --resume goes on where --output FOLDER ends: give one")
    if command.workers is not None and command.workers < 1:
        raise UsageError(f"read: --workers {command.workers} must be at least 1")
    if command.threads is not None and command.threads < 1:
        raise UsageError(f"read: --threads {command.threads} must be at least 1")
    if command.dpi is not None and not 10 <= command.dpi <= 2400:
        raise UsageError(f"read: --dpi {command.dpi:g} must be in 10..2400")
    urls = [name for name in names if is_url(name)]
    if urls and not command.allow_urls:
        raise UsageError(f"read: {urls[0]} is fetched only with --allow-urls")
    if "pdf" in formats:
        require_pypdf()  # or the first page is read before anybody is told


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


def _sheets(
    command: Read, named: Iterable[Document], outlet: Outlet, tally: Tally
) -> Iterator[Sheet]:
    """The pages to read; with --resume without those of documents that are finished."""
    for document in named:
        own, files = outlet.files.of(document)
        if command.resume and outlet.finished(document, own, files):
            tally.skip()
        else:
            yield from sheets(document, own, files, command.text_layer == "use")


def _hand_out(done: Iterable[tuple[Sheet, Page]], outlet: Outlet, tally: Tally) -> None:
    """Each page as soon as it is read, and each document after its last page."""
    pages: list[Page] = []
    for sheet, page in done:
        _try(tally, page, partial(outlet.page, page, sheet.file))
        tally.page(page, sheet.done)
        pages.append(page)
        if sheet.done == 1:
            _try(tally, page, partial(outlet.document, pages, sheet.own))
            tally.file()
            pages = []


def _try(tally: Tally, page: Page, hand_out: Callable[[], None]) -> None:
    """What cannot be written is one more failure, and the job goes on."""
    try:
        hand_out()
    except ImageError as error:
        tally.fail(error.source, error.reason)
    except ValueError as error:  # the picture has changed since it was read
        tally.fail(page.source, str(error))
