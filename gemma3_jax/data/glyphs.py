"""A glyph atlas: every character of every font face as a small grey picture, in arrays.

Built once on the host with Pillow, cached as npz, and kept in device memory, where `data.synthetic` draws words from it
by gather. Fonts are whatever the machine has; without any, Pillow's own face keeps tests and demos running.
Names: `f` faces, `c` characters, a cell is CELL x CELL px, stored column by column so that one column is one gather.
"""

from __future__ import annotations

import dataclasses
import os
import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFont

from gemma3_jax.charset import Charset
from gemma3_jax.data import fonts

CELL = 40
FONT_FOLDERS = ("/usr/share/fonts", "/usr/share/texmf/fonts", "/usr/local/share/fonts", "~/.fonts")
FORMAT_VERSION = 3
_DRAWN_AT = 64.0  # px, the size at which a face is measured before its cell size is chosen
_READABLE = string.ascii_letters + string.digits


class GlyphAtlas(NamedTuple):
    """Glyphs of `f` faces and `c` characters. Lengths are cell px; rows count down from the cell's top.

    The ink of a glyph begins at column 1 of its cell, so columns 0 and CELL-1 are always blank.
    """

    columns: Any  # [f, c, CELL, CELL] uint8 coverage, indexed face, character, COLUMN, row
    advances: Any  # [f, c] float32, pen movement
    bearings: Any  # [f, c] float32, from the pen to the ink's left edge (negative: overhang)
    ink: Any  # [f, c, 3] float32: ink width, top row, bottom row (exclusive); zeros for a blank glyph
    alias: Any  # [f, c] uint8: the character really drawn when c is asked for (c itself where the face has it)
    baseline: Any  # [f] float32, row of the baseline
    x_height: Any  # [f] float32
    stretch: Any  # [f] float32 >= 1: natural width / width in the cell (wide faces are squeezed)
    weights: Any  # [f] float32, sampling probability: by family, more for plain readable faces

    @property
    def faces(self) -> int:
        return self.advances.shape[0]


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """One face on the host: the per-face rows of `GlyphAtlas`."""

    face: fonts.Face
    columns: np.ndarray
    advances: np.ndarray
    bearings: np.ndarray
    ink: np.ndarray
    has: np.ndarray
    baseline: float
    stretch: float


def build_atlas(
    faces: Sequence[fonts.Face], charset: Charset, *, max_fonts: int = 900
) -> GlyphAtlas:
    """Draw `charset` in every readable face, at most `max_fonts` of them, families taken in turn.

    Dropped: faces without 62 distinct Latin letters and digits, symbol and barcode faces (letters too far from the mean
    shape over all faces), and near-copies of a face already taken.

    Raises:
        ValueError: when no face is readable.
    """
    drawn = []
    for face in faces:
        try:
            glyphs = _draw_face(face.open(_DRAWN_AT), face, charset)
        except OSError as error:  # FreeType refuses broken files: a bad font is no reason to stop
            fonts.log.info("skipped %s: %s", face.path, error)
            continue
        if glyphs is not None:
            drawn.append(glyphs)
    if not drawn:
        raise ValueError(
            f"none of {len(faces)} font faces has Latin letters: install fonts or use builtin_atlas()"
        )
    shapes = np.stack([_shapes(glyphs, charset) for glyphs in drawn])
    score = _readability(shapes, charset)
    keep = fonts.choose(shapes, score, [glyphs.face.family for glyphs in drawn], max_fonts)
    if not keep:
        raise ValueError(f"none of {len(drawn)} drawn faces is readable: use builtin_atlas()")
    caps_only = [_caps_only(shapes[i], charset) for i in keep]
    return _assemble([drawn[i] for i in keep], score[keep], caps_only, charset)


def builtin_atlas(charset: Charset | None = None) -> GlyphAtlas:
    """An atlas of one face, Pillow's own (Aileron), that needs nothing installed."""
    charset = charset or Charset()
    face = fonts.Face("", 0, "Aileron", "Regular")
    glyphs = _draw_face(face.open(_DRAWN_AT), face, charset)
    if glyphs is None:
        raise ValueError(
            f"Pillow's own font lacks Latin letters of the charset {charset.characters!r}"
        )
    return _assemble([glyphs], np.ones(1), [False], charset)


def load_atlas(
    charset: Charset | None = None,
    *,
    cache: Path | None = None,
    folders: Iterable[str] = FONT_FOLDERS,
    max_fonts: int = 900,
) -> GlyphAtlas:
    """The cached atlas, built from the fonts under `folders` on first use; the built-in one where there are no fonts.

    The cache is `cache`, or atlas.npz in $GEMMA3_CACHE, or in .cache/gemma3_jax under the working directory.
    """
    charset = charset or Charset()
    folder = Path(os.environ.get("GEMMA3_CACHE", ".cache/gemma3_jax"))
    path = cache or folder / "atlas.npz"
    if path.exists():
        with np.load(path) as saved:
            current = int(saved["version"]) == FORMAT_VERSION
            if (
                current
                and str(saved["charset"]) == charset.characters
                and int(saved["max_fonts"]) == max_fonts
            ):
                return GlyphAtlas(**{name: saved[name] for name in GlyphAtlas._fields})
    found = fonts.find_fonts(folders)
    if not found:
        return builtin_atlas(charset)
    atlas = build_atlas(found, charset, max_fonts=max_fonts)
    save_atlas(atlas, path, charset, max_fonts)
    return atlas


def save_atlas(atlas: GlyphAtlas, path: Path, charset: Charset, max_fonts: int = 900) -> None:
    """Write the atlas as compressed npz, whole or not at all (written beside, then renamed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.npz")
    note = {"version": FORMAT_VERSION, "charset": charset.characters, "max_fonts": max_fonts}
    np.savez_compressed(partial, **atlas._asdict(), **note)
    partial.replace(path)


def _draw_face(font: ImageFont.FreeTypeFont, face: fonts.Face, charset: Charset) -> _Drawn | None:
    """All characters of one face at the size whose letters and digits just fill a cell; None without Latin."""
    letters = [char for char in _READABLE if char in charset.characters]
    boxes = np.array([font.getbbox(char, anchor="ls") for char in letters], float)
    ascent, descent = -boxes[:, 1].min(), max(boxes[:, 3].max(), 0.0)
    if ascent + descent < 8 or ascent + descent > 6 * _DRAWN_AT:
        return None
    # rows 1..CELL-2 hold letters; brackets may stick out a little and are cut by at most a row or two
    size = _DRAWN_AT * (CELL - 4) / (ascent + descent)
    font = face.open(size)
    baseline = 2 + round(ascent * size / _DRAWN_AT)
    widths = [box[2] - box[0] for box in (font.getbbox(char, anchor="ls") for char in letters)]
    squeeze = min(1.0, (CELL - 3) / max(widths))
    blank: Any = font.getmask("\U0010fffe", mode="L")
    missing = bytes(blank)
    count = len(charset.characters)
    columns = np.zeros((count, CELL, CELL), np.uint8)
    advances, bearings = np.zeros(count, np.float32), np.zeros(count, np.float32)
    ink, has = np.zeros((count, 3), np.float32), np.zeros(count, bool)
    for index, char in enumerate(charset.characters):
        advances[index] = font.getlength(char) * squeeze
        if char == " ":
            has[index] = advances[index] > 1
            continue
        mask: Any
        mask, (left, top) = font.getmask2(char, mode="L", anchor="ls")
        if 0 in mask.size or bytes(mask) == missing:
            continue
        cell, bearings[index], ink[index] = _place(mask, left, top + baseline, squeeze)
        columns[index], has[index] = cell.T, ink[index, 0] > 0
    if not all(has[charset.characters.index(char)] for char in letters):
        return None
    return _Drawn(face, columns, advances, bearings, ink, has, baseline, 1 / squeeze)


def _place(mask: Any, left: float, top: float, squeeze: float) -> tuple[np.ndarray, float, tuple]:
    """A glyph's mask set into a cell: (cell [row, column], bearing, (ink width, top, bottom))."""
    grey = np.array(mask, np.uint8).reshape(mask.size[1], mask.size[0])
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


def _shapes(glyphs: _Drawn, charset: Charset) -> np.ndarray:
    """Letters and digits cut to their ink and scaled to 12 x 12, unit length: what a face looks like. [62, 144]"""
    rows = []
    for char in (char for char in _READABLE if char in charset.characters):
        index = charset.characters.index(char)
        width, top, bottom = glyphs.ink[index].astype(int)
        ink = glyphs.columns[index, 1 : 1 + width, top:bottom].T
        small = np.asarray(
            Image.fromarray(ink).resize((12, 12), Image.Resampling.BOX), np.float32
        ).ravel()
        rows.append(small / max(np.linalg.norm(small), 1e-6))
    return np.stack(rows)


def _readability(shapes: np.ndarray, charset: Charset) -> np.ndarray:
    """Share of a face's letters and digits whose nearest mean shape is the right character, case aside. [f]"""
    names = [char for char in _READABLE if char in charset.characters]
    mean = shapes.mean(0)
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


def _caps_only(shapes: np.ndarray, charset: Charset) -> bool:
    """Whether lower-case letters are drawn as (small) capitals: then the case asked for cannot be read."""
    names = [char for char in _READABLE if char in charset.characters]
    pairs = [
        (names.index(a), names.index(a.upper()))
        for a in "abdeghnqrt"
        if a in names and a.upper() in names
    ]
    return bool(pairs) and float(np.mean([shapes[a] @ shapes[b] for a, b in pairs])) > 0.93


def _aliases(has: np.ndarray, caps_only: bool, charset: Charset) -> np.ndarray:
    """For each character the one to draw instead: itself, its other case, or a common mark the face does have."""
    chars = charset.characters
    alias = np.arange(len(chars))
    spare = next(
        chars.index(char) for char in "-.,Aa" + chars if char in chars and has[chars.index(char)]
    )
    for index, char in enumerate(chars):
        if caps_only and char.islower() and char.upper() in chars:
            alias[index] = chars.index(char.upper())
        elif not has[index] and char != " ":
            alias[index] = spare
    return alias.astype(np.uint8)


def _assemble(
    drawn: list[_Drawn], score: np.ndarray, caps_only: list[bool], charset: Charset
) -> GlyphAtlas:
    x = charset.characters.find("x")
    families = [glyphs.face.family for glyphs in drawn]
    shares = np.array(
        [score[i] ** 4 / np.sqrt(families.count(name)) for i, name in enumerate(families)]
    )
    advances, has = np.stack([g.advances for g in drawn]), np.stack([g.has for g in drawn])
    if " " in charset.characters:  # a face without a usable space gets a quarter of a cell
        space = charset.characters.index(" ")
        advances[:, space] = np.where(has[:, space], advances[:, space], CELL / 4)
    baseline = np.array([g.baseline for g in drawn], np.float32)
    return GlyphAtlas(
        columns=np.stack([g.columns for g in drawn]),
        advances=advances,
        bearings=np.stack([g.bearings for g in drawn]),
        ink=np.stack([g.ink for g in drawn]),
        alias=np.stack(
            [_aliases(g.has, caps, charset) for g, caps in zip(drawn, caps_only, strict=True)]
        ),
        baseline=baseline,
        x_height=baseline - (np.stack([g.ink for g in drawn])[:, x, 1] if x >= 0 else baseline / 2),
        stretch=np.array([g.stretch for g in drawn], np.float32),
        weights=(shares / shares.sum()).astype(np.float32),
    )
