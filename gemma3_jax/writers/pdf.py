"""Pages as one searchable PDF: the original, unchanged to the eye, under words that can be found, selected and copied.

A page that came from a PDF is copied as it is, drawings, links and all; words that it already holds as text are not written
twice. A JPEG goes in byte for byte, any other picture pixel for pixel. Needs pypdf (extra `[pdf]`).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gemma3_jax import __version__
from gemma3_jax.imaging.documents import DocumentPage, is_pdf
from gemma3_jax.imaging.load import ImageError, one_line
from gemma3_jax.imaging.turns import image_matrix, pixels_to_points, visible_box
from gemma3_jax.page import Line, Page
from gemma3_jax.writers.glyphless import character_codes, font_objects
from gemma3_jax.writers.pdf_objects import (
    add_content,
    add_object,
    add_resource,
    add_stream,
    require_pypdf,
)
from gemma3_jax.writers.pdf_picture import page_size, picture_of
from gemma3_jax.writers.pdf_text import FONT, text_stream
from gemma3_jax.writers.xml import clean


class _Sheet(NamedTuple):
    page: Any  # pypdf.PageObject, in the writer
    matrix: np.ndarray  # [2, 2] and
    offset: np.ndarray  # [2]: xy in pixels @ matrix + offset = points


def to_pdf(pages: Sequence[Page]) -> bytes:
    """One PDF with a page for each of `pages`, which need their `picture`; pages that could not be read are left out.

    A picture's page is as large as its resolution says, or as at 150 dpi where it says none.

    Raises:
        ImageError: when an original cannot be opened (again) or copied.
        ValueError: when a page has no picture or one of another size, or no page is left.
        ModuleNotFoundError: saying what to install.
    """
    pypdf = require_pypdf()
    read = [page for page in pages if not page.error]
    if not read:
        raise ValueError("a PDF needs at least one page that could be read")
    writer = pypdf.PdfWriter()
    writer.add_metadata({"/Creator": f"gemma3_jax {__version__}"})
    reader = cache(
        lambda file: pypdf.PdfReader(io.BytesIO(file) if isinstance(file, bytes) else file)
    )
    lines = [tuple(_missing_lines(page)) for page in read]
    codes = character_codes(word.text for own in lines for line in own for word in line.words)
    font = add_object(
        writer, font_objects(codes, lambda data, **entries: add_stream(writer, data, entries))
    )
    for page, own in zip(read, lines, strict=True):
        sheet = _original(writer, page, reader)
        add_resource(sheet.page, "/Font", FONT, font)
        add_content(writer, sheet.page, text_stream(own, codes, sheet.matrix, sheet.offset))
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def _missing_lines(page: Page) -> Iterator[Line]:
    """The page's lines without the words that its original already holds as text."""
    held = _held_boxes(page)
    for line in page.lines:
        words = []
        for word in line.words:
            centre = word.quad.mean(axis=0)
            inside = (held[:, 0] <= centre) & (centre <= held[:, 1])
            if word.text and not inside.all(axis=1).any():
                words.append(dataclasses.replace(word, text=clean(word.text)))
        if words:
            yield Line(tuple(words), line.block)


def _held_boxes(page: Page) -> np.ndarray:
    """float [n, 2, 2]: lowest and highest xy, in the page's pixels, of the legible words of its text layer."""
    layer = page.picture.text_layer() if isinstance(page.picture, DocumentPage) else None
    if layer is None:
        return np.zeros((0, 2, 2))
    scale = np.array([page.width / layer.width, page.height / layer.height])
    quads = [word.quad * scale for word in layer.words if "\ufffd" not in word.text]
    return np.array([(quad.min(axis=0), quad.max(axis=0)) for quad in quads]).reshape(-1, 2, 2)


def _original(writer: Any, page: Page, reader: Callable[[Any], Any]) -> _Sheet:
    """A page of the writer that shows what was read."""
    errors = require_pypdf().errors
    source = page.picture
    if source is None:
        raise ValueError("the page has no picture to show: give one with to_pdf(picture=...)")
    if isinstance(source, DocumentPage) and is_pdf(source.file):
        try:
            sheet = writer.add_page(reader(source.file).pages[source.index])
        except (errors.PyPdfError, errors.DependencyError, ValueError, KeyError) as error:
            raise ImageError(str(source), f"cannot be copied ({one_line(error)})") from error
        box = visible_box([*map(float, sheet.cropbox)], [*map(float, sheet.mediabox)])
        return _Sheet(sheet, *pixels_to_points(box, sheet.rotation, page.width, page.height))
    picture = picture_of(source)
    if picture.size != (page.width, page.height):
        size = "{}x{}".format(*picture.size)
        raise ValueError(f"the picture is {size}, the page was {page.width}x{page.height}")
    width, height = page_size(page.width, page.height, picture.dpi)
    sheet = writer.add_blank_page(width, height)
    image = add_stream(writer, picture.data, picture.entries)
    add_resource(sheet, "/XObject", "/Picture", image)
    matrix = " ".join(f"{v:.4f}" for v in image_matrix(picture.orientation, width, height))
    add_content(writer, sheet, f"{matrix} cm /Picture Do".encode())
    return _Sheet(sheet, *pixels_to_points((0, 0, width, height), 0, page.width, page.height))
