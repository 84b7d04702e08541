"""What the viewer has open: the last few files, their pages once read, and every file that can be made of them. No HTTP."""

from __future__ import annotations

import dataclasses
import io
import secrets
from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

from PIL import Image

from gemma3_jax.commands.files import FileNames
from gemma3_jax.commands.inputs import Document
from gemma3_jax.imaging.documents import DocumentPage, document_pages
from gemma3_jax.imaging.load import ImageError, Source, load_image
from gemma3_jax.page import Page
from gemma3_jax.writers.formats import FORMATS, Format, encode

KEPT = 8  # files: what was opened before them is dropped
SHOWN_PX = 4000  # longest side of the picture that goes to the browser; words keep the coordinates of the original


class Reader(Protocol):
    """What the desk asks of a `GemmaOCR`."""

    def read_batch(
        self, sources: Iterable[Source], *, on_error: Literal["raise", "keep"]
    ) -> list[Page]: ...


class NotHere(LookupError):
    """A file, page or format that the desk does not have."""


class File(NamedTuple):
    """A download."""

    data: bytes
    media_type: str
    name: str


def _drawing(page: Page) -> bytes:
    stream = io.BytesIO()
    page.draw().save(stream, "PNG")
    return stream.getvalue()


DOWNLOADS = {**FORMATS, "drawing": Format(".boxes.png", "image/png", _drawing)}


@dataclasses.dataclass
class _Opened:
    sources: list[DocumentPage]
    own_name: str  # of a download that holds the whole document, without extension
    page_names: list[str]
    pages: dict[int, Page] = dataclasses.field(default_factory=dict)


class Desk:
    """The open files. Every method works as long as reading takes, and one at a time: pdfium allows no two threads."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._open: dict[str, _Opened] = {}

    def open(self, data: bytes, name: str) -> tuple[str, int]:
        """Put a file on the desk; returns its key and how many pages it has. Nothing is read yet.

        Raises:
            ImageError: when the file is empty or no picture, or a PDF that cannot be opened.
        """
        sources = document_pages(data, name=name)
        if not sources:
            raise ImageError(name, "has no pages")
        own, names = FileNames().of(Document(name, list(sources)))
        key = secrets.token_urlsafe(9)
        self._open[key] = _Opened(sources, own, names)
        while len(self._open) > KEPT:
            del self._open[next(iter(self._open))]
        return key, len(sources)

    def page(self, key: str, number: int) -> Page:
        """A page, counted from 0; read when it is asked for the first time.

        Raises:
            ImageError: when the page cannot be read. NotHere: when there is no such file or page.
        """
        page = self._read(*self._find(key, number))
        if page.error:
            raise ImageError(page.source, page.error)
        return page

    def picture(self, key: str, number: int) -> bytes:
        """A JPEG of the page, upright and of its proportions, at most SHOWN_PX on its longer side.

        Raises:
            ImageError, NotHere: as `page`.
        """
        opened, number = self._find(key, number)
        image = Image.fromarray(load_image(opened.sources[number]))
        image.thumbnail((SHOWN_PX, SHOWN_PX))
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=92)
        return stream.getvalue()

    def file(self, key: str, number: int, form: str) -> File:
        """A page in one of DOWNLOADS; the formats that join pages (PDF) hold all pages of the file that can be read.

        Raises:
            ImageError, NotHere: as `page`; NotHere also for an unknown format. ModuleNotFoundError: saying what to install.
        """
        if form not in DOWNLOADS:
            raise NotHere(f"{form} is not one of {', '.join(DOWNLOADS)}")
        extension, media_type, write, join, _ = DOWNLOADS[form]
        page = self.page(key, number)
        opened = self._open[key]
        if join is None:
            return File(encode(write(page)), media_type, opened.page_names[number] + extension)
        pages = [self._read(opened, k) for k in range(len(opened.sources))]
        return File(
            join([p for p in pages if not p.error]), media_type, opened.own_name + extension
        )

    def _find(self, key: str, number: int) -> tuple[_Opened, int]:
        opened = self._open.get(key)
        if opened is None:
            raise NotHere(f"this file is no longer open (the last {KEPT} are): open it again")
        if number not in range(len(opened.sources)):
            raise NotHere(f"there is no page {number + 1}: the file has {len(opened.sources)}")
        return opened, number

    def _read(self, opened: _Opened, number: int) -> Page:
        if number not in opened.pages:
            source = opened.sources[number]
            opened.pages[number] = self.reader.read_batch([source], on_error="keep")[0]
        return opened.pages[number]
