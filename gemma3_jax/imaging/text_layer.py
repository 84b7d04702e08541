"""The words that a PDF page holds as text besides its pixels: born digital, or left by an earlier OCR."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gemma3_jax.imaging.pdf import SCANNED, fitted_dpi, open_page, picture_share
from gemma3_jax.imaging.turns import pixels_to_points, visible_box
from gemma3_jax.page import Char, Word

STAMP_WORDS = 20  # fewer words on a scan are a stamp ("Downloaded by ..."), not its text
MOST_UNKNOWN = 0.1  # of the characters may have no Unicode; more, and the layer is not text
HYPHENS = (0x2, 0xFFFE)  # how pdfium reports a hyphen at the end of a line


class TextLayer(NamedTuple):
    """The words of a PDF page in pixels of its drawing, `width` x `height`, in the order of the file; none is empty.

    Every character has its own quad; confidences are 1. `sound` says whether the words can stand for the page: they are
    not mostly characters without Unicode, and not a mere stamp on a scan.
    """

    width: int
    height: int
    words: tuple[Word, ...]
    sound: bool


class _Letter(NamedTuple):
    text: str
    centre: np.ndarray  # [2], points
    along: np.ndarray  # [2]: unit vector of the text's direction
    size: tuple[float, float]  # advance and font height, points


def text_layer(file: Path | bytes, index: int, dpi: float | None, name: str) -> TextLayer:
    """What page `index` of a PDF holds as text, in pixels of `pdf.render` at the same `dpi`.

    Raises:
        ImageError: naming the file, the page and the reason.
    """
    with open_page(file, index, name) as page:
        words = _letters(page)
        letters = [letter.text for word in words for letter in word]
        known = letters.count("\ufffd") <= MOST_UNKNOWN * len(letters)
        stamp = len(words) < STAMP_WORDS and picture_share(page)[0] >= SCANNED
        scale = (dpi or fitted_dpi(page)) / 72
        width, height = (math.ceil(side * scale) for side in page.get_size())
        box = visible_box(page.get_cropbox(), page.get_mediabox())
        matrix, offset = pixels_to_points(box, page.get_rotation(), width, height)
    back = np.linalg.inv(matrix)
    placed = tuple(_word(word, lambda points: (points - offset) @ back) for word in words)
    return TextLayer(width, height, placed, bool(words) and known and not stamp)


def _letters(page: Any) -> list[list[_Letter]]:
    """The page's letters by word, which white space ends, or a change in the direction of the text."""
    from pypdfium2 import raw

    text_page = page.get_textpage()
    words: list[list[_Letter]] = [[]]
    matrix = raw.FS_MATRIX()
    for index in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page, index)
        known = code and raw.FPDFText_HasUnicodeMapError(text_page, index) != 1
        text = "-" if code in HYPHENS else chr(code) if known else "\ufffd"
        if text.isspace():
            words.append([])
            continue
        raw.FPDFText_GetMatrix(text_page, index, matrix)
        along = np.array([matrix.a, matrix.b]) / (math.hypot(matrix.a, matrix.b) or 1.0)
        left, bottom, right, top = text_page.get_charbox(index, loose=True)
        centre = np.array([left + right, bottom + top]) / 2
        if words[-1] and words[-1][-1].along @ along < 0.99:
            words.append([])
        size = _turned_back(right - left, top - bottom, along)
        words[-1].append(_Letter(text, centre, along, size))
    return [word for word in words if word]


def _turned_back(width: float, height: float, along: np.ndarray) -> tuple[float, float]:
    """Sides of the rectangle, turned to `along`, whose upright bounding box is `width` x `height`."""
    cos, sin = abs(along)
    if (
        abs(cos - sin) < 0.05
    ):  # near 45 degrees only the sum shows: letters are half as wide as high
        both = (width + height) / (cos + sin)
        return both / 3, 2 * both / 3
    advance, tall = np.linalg.solve([[cos, sin], [sin, cos]], [width, height]).clip(0)
    return float(advance), float(tall)


def _word(letters: list[_Letter], to_pixels: Callable[[np.ndarray], np.ndarray]) -> Word:
    along = letters[0].along
    axes = np.stack([along, [-along[1], along[0]]])  # of the text: along it, and up
    centres = np.stack([letter.centre for letter in letters]) @ axes.T
    halves = np.array([letter.size for letter in letters]) / 2
    low, high = centres - halves, centres + halves

    def quad(left: float, bottom: float, right: float, top: float) -> np.ndarray:
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        return to_pixels(corners @ axes).astype(np.float32)

    chars = [Char(letter.text, 1.0, quad(*low[k], *high[k])) for k, letter in enumerate(letters)]
    outline = quad(*low.min(axis=0), *high.max(axis=0))
    return Word("".join(letter.text for letter in letters), 1.0, outline, tuple(chars))
