"""PDF pages through pypdfium2 (extra `[pdf]`), drawn at a resolution that fits their text."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.imaging.load import ImageError, load_image, one_line

DEFAULT_DPI = 200.0
DPI_RANGE = (100.0, 400.0)
LINE_PX = 32.0  # font height, ascent to descent, to aim at: 10 pt at 200 dpi
MOST_PIXELS = 50e6  # of one page, however large its paper
SCANNED = 0.5  # a page of which pictures cover as much is a scan


def page_count(file: Path | bytes, name: str) -> int:
    """Pages of a PDF.

    Raises:
        ImageError: damaged, encrypted, or pypdfium2 is not installed.
    """
    with _opened(file, name) as document:
        return len(document)


def render(file: Path | bytes, index: int, dpi: float | None, name: str) -> np.ndarray:
    """uint8 RGB `[h, w, 3]` of a page as a viewer shows it; at `fitted_dpi` unless `dpi` is given.

    Raises:
        ImageError: as `page_count`, or there is no such page.
    """
    with open_page(file, index, name) as page:
        bitmap = page.render(scale=(dpi or fitted_dpi(page)) / 72)
        return load_image(bitmap.to_pil().convert("RGB"))


def fitted_dpi(page: Any) -> float:
    """Resolution at which a page is best drawn: a scan at its own; else so that its median line is LINE_PX high."""
    width, height = page.get_size()
    share, finest = picture_share(page)
    if share >= SCANNED:
        dpi = finest
    else:
        lines = _line_heights(page)
        dpi = 72 * LINE_PX / float(np.median(lines)) if lines.size else DEFAULT_DPI
    most = 72 * math.sqrt(MOST_PIXELS / max(width * height, 1e-6))
    return min(float(np.clip(dpi, *DPI_RANGE)), most)


def picture_share(page: Any) -> tuple[float, float]:
    """Share of the page that pictures cover, and the resolution, dpi, of the finest of them that is no ornament."""
    from pypdfium2 import raw

    width, height = page.get_size()
    covered = finest = 0.0
    for picture in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = picture.get_bounds()
        area = (right - left) * (top - bottom)
        covered += area / max(width * height, 1e-6)
        if area > 0.05 * width * height:
            columns, rows = picture.get_px_size()
            finest = max(finest, 72 * math.sqrt(columns * rows / area))
    return covered, finest or DEFAULT_DPI


def _line_heights(page: Any, samples: int = 200) -> np.ndarray:
    """Font heights in points of some of the page's letters."""
    text = page.get_textpage()
    count = text.count_chars()
    places = range(0, count, max(1, count // samples))
    boxes = np.array([text.get_charbox(k, loose=True) for k in places]).reshape(-1, 4)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)  # of sideways letters the width is the height
    return sides[sides > 1.0]


# pdfium is not made for two threads at a time (its README says so); a page held open keeps the others waiting.
PDFIUM = threading.RLock()


@contextlib.contextmanager
def open_page(file: Path | bytes, index: int, name: str) -> Iterator[Any]:
    """A `pypdfium2.PdfPage`, closed afterwards.

    Raises:
        ImageError: as `page_count`, or there is no such page; also for what pdfium finds wrong while the page is open.
    """
    with _opened(file, name) as document:
        if index >= len(document):
            raise ImageError(name, f"no such page, the file has {len(document)}")
        yield document[index]


@contextlib.contextmanager
def _opened(file: Path | bytes, name: str) -> Iterator[Any]:
    try:
        import pypdfium2
    except ImportError:
        raise ImageError(name, 'is a PDF: pip install "gemma3_jax[pdf]" to read it') from None
    try:
        with PDFIUM, pypdfium2.PdfDocument(file) as document:
            yield document
    except pypdfium2.PdfiumError as error:
        raise ImageError(name, f"damaged or encrypted PDF ({one_line(error)})") from error
