"""Pages as one searchable PDF: the original, unchanged to the eye, under words that can be found, selected and copied.

A page that came from a PDF is copied as it is, drawings, links and all; words that it already holds as text are not written
twice. A JPEG goes in byte for byte, any other picture pixel for pixel. Needs pypdf (extra `[pdf]`).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gemma3_jax import __version__
from gemma3_jax.imaging.documents import DocumentPage, is_pdf
from gemma3_jax.imaging.load import ImageError, load_image, one_line
from gemma3_jax.imaging.turns import image_matrix, pixels_to_points
from gemma3_jax.page import Line, Page
from gemma3_jax.writers.glyphless import character_codes, font_objects
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
        ImageError: when an original cannot be opened (again). ValueError: when a page has no picture or no page is left.
        ModuleNotFoundError: saying what to install.
    """
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError:
        raise ModuleNotFoundError(
            'PDF output needs pypdf: pip install "gemma3_jax[pdf]"'
        ) from None
    read = [page for page in pages if not page.error]
    if not read:
        raise ValueError("a PDF needs at least one page that could be read")
    writer = pypdf.PdfWriter()
    writer.metadata = {"/Creator": f"gemma3_jax {__version__}"}
    readers = cache(lambda file: pypdf.PdfReader(_stream(file)))
    lines = [tuple(_missing_lines(page)) for page in read]
    codes = character_codes(word.text for own in lines for line in own for word in line.words)
    font = writer._add_object(_plain(font_objects(codes, _stream_maker(writer)), writer))
    for page, own in zip(read, lines, strict=True):
        try:
            sheet = _sheet(writer, page, readers)
            _add_text(writer, sheet.page, font, text_stream(own, codes, *sheet[1:]))
        except PyPdfError as error:
            raise ImageError(page.source, f"cannot be copied ({one_line(error)})") from error
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()
