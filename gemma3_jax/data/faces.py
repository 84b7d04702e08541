"""One font face on the host: its characters drawn into cells, and whether people can read it."""

from __future__ import annotations

import dataclasses
import string
from typing import Any, cast

import numpy as np
from PIL import Image, ImageFont

from gemma3_jax.charset import Charset
from gemma3_jax.data import fonts

CELL = 40  # px, side of a glyph's cell
DRAWN_AT = 64.0  # px, the size at which a face is measured before its cell size is chosen
READABLE = string.ascii_letters + string.digits
PITCH = 4  # cell px from one needle of a dot-matrix printer to the next
NEEDLES = (CELL - 4) // PITCH  # for a letter and what hangs below the line


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One face on the host: the per-face rows of `GlyphAtlas`."""

    face: fonts.Face
    columns: np.ndarray
    advances: np.ndarray
    bearings: np.ndarray
    ink: np.ndarray
    has: np.ndarray
    baseline: float
    stretch: float


def draw_face(
    font: ImageFont.FreeTypeFont, face: fonts.Face, charset: Charset, dots: bool = False
) -> Drawn | None:
    """All characters of one face at the size whose letters and digits just fill a cell; None without Latin.

    `dots`: as tills and labels have it, struck by a printer of NEEDLES needles: a dot for each pixel of the face at that many,
    which its hints make legible.
    """
    letters = [char for char in READABLE if char in charset.characters]
    boxes = np.array([font.getbbox(char, anchor="ls") for char in letters], float)
    ascent, descent = -boxes[:, 1].min(), max(boxes[:, 3].max(), 0.0)
    if ascent + descent < 8 or ascent + descent > 6 * DRAWN_AT:
        return None
    # rows 1..CELL-2 hold letters; brackets may stick out a little and are cut by at most a row or two
    unit, mode = (PITCH, "1") if dots else (1, "L")
    size = DRAWN_AT * ((CELL - 4) / unit) / (ascent + descent)
    font = face.open(round(size) if dots else size)
    baseline = 2 + unit * round(ascent * size / DRAWN_AT)
    widths = [
        unit * (box[2] - box[0]) for box in (font.getbbox(char, anchor="ls") for char in letters)
    ]
    squeeze = min(1.0, (CELL - 3) / max(widths))
    missing = bytes(
        cast(Any, font.getmask("\U0010fffe", mode=mode))
    )  # the box that stands for a missing glyph
    count = len(charset.characters)
    columns = np.zeros((count, CELL, CELL), np.uint8)
    advances, bearings = np.zeros(count, np.float32), np.zeros(count, np.float32)
    ink, has = np.zeros((count, 3), np.float32), np.zeros(count, bool)
    for index, char in enumerate(charset.characters):
        advances[index] = unit * font.getlength(char) * squeeze
        if char == " ":
            has[index] = advances[index] > 1
            continue
        mask, (left, top) = cast(Any, font.getmask2(char, mode=mode, anchor="ls"))
        if 0 in mask.size or bytes(mask) == missing:
            continue
        grey = np.array(mask, np.uint8).reshape(mask.size[1], mask.size[0])
        grey = _struck(grey > 0) if dots else grey
        cell, bearings[index], ink[index] = _place(
            grey, unit * left, unit * top + baseline, squeeze
        )
        columns[index], has[index] = cell.T, ink[index, 0] > 0
    if not all(has[charset.characters.index(char)] for char in letters):
        return None
    return Drawn(face, columns, advances, bearings, ink, has, baseline, 1 / squeeze)


def _struck(pixels: np.ndarray) -> np.ndarray:
    """A dot that touches its neighbours for each of `pixels` bool `[h, w]`: uint8 `[h * PITCH, w * PITCH]`."""
    at = np.arange(PITCH) - (PITCH - 1) / 2
    dot = np.clip(PITCH / 2 + 0.3 - np.hypot(at[:, None], at), 0, 1)
    return np.rint(255 * np.kron(pixels, dot)).astype(np.uint8)


def _place(
    grey: np.ndarray, left: float, top: float, squeeze: float
) -> tuple[np.ndarray, float, tuple]:
    """A glyph's coverage set into a cell: (cell [row, column], bearing, (ink width, top, bottom))."""
    rows, cols = np.flatnonzero(grey.max(1) > 24), np.flatnonzero(grey.max(0) > 24)
    cell = np.zeros((CELL, CELL), np.uint8)
    if not len(rows):
        return cell, 0.0, (0, 0, 0)
    grey, left, top = grey[:, cols[0] : cols[-1] + 1], left + cols[0], int(top)
    width = min(CELL - 2, max(1, round(grey.shape[1] * squeeze)))
    if width != grey.shape[1]:
        grey = np.asarray(
            Image.fromarray(grey).resize((width, grey.shape[0]), Image.Resampling.BOX)
        )
    first, last = max(0, -top), min(grey.shape[0], CELL - top)
    if last <= first:
        return cell, 0.0, (0, 0, 0)
    cell[top + first : top + last, 1 : 1 + width] = grey[first:last]
    inked = np.flatnonzero(cell.max(1) > 24)
    return (
        (cell, left * squeeze, (width, inked[0], inked[-1] + 1))
        if len(inked)
        else (cell, 0.0, (0, 0, 0))
    )


def monospaced(glyphs: Drawn, charset: Charset) -> bool:
    """Whether letters and digits all take the same room."""
    rooms = [
        glyphs.advances[charset.characters.index(c)] for c in READABLE if c in charset.characters
    ]
    return bool(np.ptp(rooms) < 0.02 * max(rooms))


def letter_shapes(glyphs: Drawn, charset: Charset) -> np.ndarray:
    """Letters and digits cut to their ink and scaled to 12 x 12, unit length: what a face looks like. [62, 144]"""
    rows = []
    for char in (char for char in READABLE if char in charset.characters):
        index = charset.characters.index(char)
        width, top, bottom = glyphs.ink[index].astype(int)
        ink = glyphs.columns[index, 1 : 1 + width, top:bottom].T
        small = np.asarray(
            Image.fromarray(ink).resize((12, 12), Image.Resampling.BOX), np.float32
        ).ravel()
        rows.append(small / max(np.linalg.norm(small), 1e-6))
    return np.stack(rows)


def readability(shapes: np.ndarray, mean: np.ndarray, charset: Charset) -> np.ndarray:
    """Share of a face's letters and digits whose nearest mean shape is the right character, case aside. [f]

    shapes: [f, c, d] of `letter_shapes`; mean: [c, d], over plain faces.
    """
    names = [char for char in READABLE if char in charset.characters]
    nearest = np.einsum(
        "fcd,kd->fck", shapes, mean / np.linalg.norm(mean, axis=1, keepdims=True)
    ).argmax(-1)
    same = np.array(
        [
            [a.lower() == b.lower() or {a, b} <= set("0oO") or {a, b} <= set("1lI|") for b in names]
            for a in names
        ]
    )
    return same[np.arange(len(names)), nearest].mean(1)


def one_case(shapes: np.ndarray, mean: np.ndarray, charset: Charset) -> str:
    """ "upper" or "lower" where a face draws both cases with the same letters, "" where the case can be read."""
    names = [char for char in READABLE if char in charset.characters]
    pairs = [
        (names.index(a), names.index(a.upper()))
        for a in "abdeghnqrt"
        if {a, a.upper()} <= set(names)
    ]
    if not pairs or float(np.mean([shapes[a] @ shapes[b] for a, b in pairs])) < 0.93:
        return ""
    small, large = (float(np.mean([shapes[p[0]] @ mean[p[k]] for p in pairs])) for k in (0, 1))
    return "lower" if small > large else "upper"
