"""Pages whose reading order is known, because they are written in it: columns, receipts, forms, signs, turned blocks.

Only words' boxes and texts are made, no pixels. Boxes hug their letters, as a detector's do ("on" is lower than "dog"), and
tremble a little; every page is skewed by up to 3 degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

HEIGHT = 20.0  # px of the running text, from the ascenders' top to the descenders' bottom
LETTER, SPACE = 0.45, 0.3  # of the height
SKEW = np.deg2rad(3)
TREMBLE = 0.03  # of the height, standard deviation of every edge
LETTERS = list("eeeeaaattiioonnsshhrrdlcumwfgypbvk")


class Page(NamedTuple):
    """Words in reading order; `quads` float64 [n, 4, 2] px."""

    quads: np.ndarray
    texts: list[str]


class Sheet:
    """A page being written: what is set first is read first. Lengths are in heights of the running text."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.texts: list[str] = []
        self.boxes: list[tuple[float, float, float, float]] = []

    def words(self, least: int, most: int) -> list[str]:
        """From `least` to `most` words, the first with a capital."""
        lengths = self.rng.integers(1, 10, self.rng.integers(least, most + 1))
        return [
            f"{word[0].upper()}{word[1:]}" if k == 0 else word
            for k, word in enumerate("".join(self.rng.choice(LETTERS, n)) for n in lengths)
        ]

    def price(self) -> str:
        """An amount of money."""
        return f"{self.rng.choice(['', '', '$'])}{self.rng.gamma(1.5, 6) + 0.2:.2f}"

    def line(
        self, words: Sequence[str], left: float, top: float, size: float = 1.0, share: float = 0.0
    ) -> float:
        """Set words from `left` on, or ending there (`share` 1), or around it (0.5); returns the right end."""
        x = left - share * length(words, size)
        for word in words:
            high = 0.0 if word[0].isupper() or set(word) & set("bdfhklt0123456789$%") else 0.25
            low = 1.0 if set(word) & set("gpy$") else 0.78
            right = x + LETTER * size * len(word)
            self.texts.append(word)
            self.boxes.append((x, top + high * size, right, top + low * size))
            x = right + SPACE * size
        return x - SPACE * size

    def paragraph(
        self, count: int, left: float, top: float, width: float, pitch: float, size: float = 1.0
    ) -> float:
        """`count` ragged lines of a column, the last one short; returns where the next line would begin."""
        for k in range(count):
            room = width * (self.rng.uniform(0.3, 1) if k == count - 1 else 1)
            indent = size if k == 0 and count > 2 and self.rng.random() < 0.4 else 0.0
            row = self.words(1, 1)
            while length([*row, following := self.words(1, 1)[0].lower()], size) < room - indent:
                row.append(following)
            self.line(row, left + indent, top, size)
            top += pitch * size
        return top

    def page(self) -> Page:
        """The page with trembling boxes, skewed."""
        boxes = HEIGHT * np.array(self.boxes)
        boxes += self.rng.normal(0, TREMBLE * HEIGHT, boxes.shape)
        quads = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        return Page(turned(quads, self.rng.uniform(-SKEW, SKEW)), self.texts)


def length(words: Sequence[str], size: float = 1.0) -> float:
    """How wide a line of these words is."""
    return size * (LETTER * sum(map(len, words)) + SPACE * (len(words) - 1))


def turned(quads: np.ndarray, angle: float) -> np.ndarray:
    """Points [.., 2] turned clockwise (y points down) around the origin."""
    cos, sin = np.cos(angle), np.sin(angle)
    return quads @ np.array([[cos, sin], [-sin, cos]])


def columns(rng: np.random.Generator, count: int) -> Page:
    """One or two stories in `count` columns, headlines across them, a footer."""
    sheet = Sheet(rng)
    width = rng.uniform(22, 32) if count == 1 else rng.uniform(9, 16)
    step = width + rng.uniform(1.2, 2.5)
    pitch, across, top = rng.uniform(1.15, 1.5), (count - 1) * step + width, 0.0
    for story in range(1 if rng.random() < 0.6 else 2):
        if story or rng.random() < 0.8:
            size, share = rng.uniform(1.5, 2.8), rng.choice([0.0, 0.5])
            for _ in range(rng.integers(1, 3)):
                top = _headline(sheet, share * across, top, size, share, across)
            top += rng.uniform(0.5, 1.5)
        depth, bottoms = rng.integers(8, 20) * pitch, []
        shifts = rng.uniform(0, 0.6, count) * (rng.random() < 0.5)
        for k in range(count):
            depth_here = depth * (rng.uniform(0.5, 1) if k == count - 1 else 1)
            bottoms.append(_column(sheet, k * step, top + shifts[k], width, pitch, depth_here))
        top = max(bottoms) + rng.uniform(0.8, 2)
    if rng.random() < 0.7:
        if rng.random() < 0.5:
            sheet.line(sheet.words(2, 4), 0, top + 1, 0.8)
        sheet.line([str(rng.integers(1, 400))], across, top + 1, 0.8, share=1)
    return sheet.page()


def _headline(
    sheet: Sheet, left: float, top: float, size: float, share: float, across: float
) -> float:
    words = sheet.words(1, 1)
    while length([*words, following := sheet.words(1, 1)[0]], size) < 0.95 * across:
        words.append(following)
    sheet.line(words, left, top, size, share)
    return top + 1.2 * size


def _column(
    sheet: Sheet, left: float, top: float, width: float, pitch: float, depth: float
) -> float:
    """Paragraphs, subheadings, figures with captions, until the column is full; returns its end."""
    rng, end = sheet.rng, top + depth
    gap = rng.uniform(0.4, 0.9) * (rng.random() < 0.5)
    while top < end:
        kind = rng.random()
        if kind < 0.15:
            top = sheet.paragraph(1, left, top + 0.3, width, pitch, 1.2) + 0.1
        elif kind < 0.3:
            lines, figure = int(rng.integers(1, 3)), rng.uniform(4, 8)
            top = sheet.paragraph(lines, left, top + figure, width, 1.2, 0.8) + 1.0
        top = sheet.paragraph(int(rng.integers(2, 8)), left, top, width, pitch) + gap
    return top - gap


def receipt(rng: np.random.Generator) -> Page:
    """A centred head, articles with prices on the right (some on two lines, some with a count), sums, thanks."""
    sheet, width, pitch, top = Sheet(rng), rng.uniform(15, 24), rng.uniform(1.15, 1.8), 0.0
    counted = rng.random() < 0.3
    for k in range(rng.integers(2, 5)):
        size = 1.5 if k == 0 else 1.0
        sheet.line(sheet.words(1, 2 if k == 0 else 3), width / 2, top, size, share=0.5)
        top += pitch * size
    top += rng.uniform(0, 1.5)
    for _ in range(rng.integers(4, 13)):
        sheet.line(sheet.words(1, 2), 0, top)
        if rng.random() < 0.3:
            top += pitch
            sheet.line([str(rng.integers(2, 9)), "x", sheet.price()], 1, top)
        elif counted:
            sheet.line([str(rng.integers(1, 20))], 0.68 * width, top, share=1)
        sheet.line([sheet.price()], width, top, share=1)
        top += pitch
    top += rng.uniform(0, 1.5)
    for label in (["Subtotal"], ["Tax", "8%"], ["TOTAL"], ["Cash"], ["Change"]):
        size = 1.3 if label == ["TOTAL"] else 1.0
        sheet.line(label, 0, top, size)
        sheet.line([sheet.price()], width, top, size, share=1)
        top += pitch * size
    for _ in range(rng.integers(1, 4)):
        sheet.line(sheet.words(2, 4), width / 2, top + 0.8, share=0.5)
        top += pitch
    return sheet.page()


def form(rng: np.random.Generator) -> Page:
    """`Label: value` fields, one to three a row, read row by row; some are empty."""
    sheet, count, pitch, top = Sheet(rng), rng.integers(1, 4), rng.uniform(1.4, 2.2), 0.0
    widths = rng.uniform(9, 16, count)
    lefts, values = np.cumsum(widths) - widths, rng.uniform(0.4, 0.55, count)
    sheet.line(sheet.words(2, 4), 0, top, 1.4)
    top += 3.0
    for _ in range(rng.integers(4, 12)):
        for left, width, value in zip(lefts, widths, values, strict=True):
            at = top + rng.uniform(-0.1, 0.1)
            end = sheet.line([f"{sheet.words(1, 1)[0]}:"], left, at)
            if rng.random() < 0.8:
                sheet.line(sheet.words(1, 1), max(left + width * value, end + SPACE), at - 0.1)
        top += pitch
    return sheet.page()


def boxed_form(rng: np.random.Generator) -> Page:
    """Ruled cells in rows, each with a small label in its corner and the value below it."""
    sheet, count, cell, top = Sheet(rng), rng.integers(2, 5), rng.uniform(2.5, 3.4), 0.0
    widths = rng.uniform(7, 12, count)
    lefts = np.cumsum(widths) - widths
    for _ in range(rng.integers(3, 8)):
        for left, width in zip(lefts, widths, strict=True):
            sheet.line(sheet.words(1, 2), left, top, 0.6)
            value = sheet.words(1, 2)
            if rng.random() < 0.85:
                fits = length(value) < width - 2
                sheet.line(value if fits else value[:1], left + rng.uniform(0, 0.5), top + 0.9)
        top += cell
    return sheet.page()


def sign(rng: np.random.Generator) -> Page:
    """A few centred lines of very different sizes."""
    sheet = Sheet(rng)
    _stack(sheet)
    return sheet.page()


def turned_sign(rng: np.random.Generator) -> Page:
    """A sign at any quarter turn, with a name running up its left side, read after it."""
    sheet = Sheet(rng)
    _stack(sheet)
    sign_page, beside = sheet.page(), Sheet(rng)
    beside.line(["Bar"], 0, 0)
    name = turned(beside.page().quads, -np.pi / 2)
    name += sign_page.quads.min((0, 1)) - name.max((0, 1)) + [-HEIGHT, 6 * HEIGHT]
    quads = turned(np.concatenate([sign_page.quads, name]), rng.integers(0, 4) * np.pi / 2)
    return Page(quads, [*sign_page.texts, *beside.texts])


def _stack(sheet: Sheet) -> None:
    top = 0.0
    for _ in range(sheet.rng.integers(2, 6)):
        size = sheet.rng.uniform(1, 4)
        sheet.line(sheet.words(1, 3), 0, top, size, share=0.5)
        top += size * sheet.rng.uniform(1.05, 1.6)


KINDS: dict[str, Callable[[np.random.Generator], Page]] = {
    "1 column": partial(columns, count=1),
    **{f"{count} columns": partial(columns, count=count) for count in (2, 3, 4)},
    "receipt": receipt,
    "form": form,
    "boxed form": boxed_form,
    "sign": sign,
    "turned sign": turned_sign,
}
