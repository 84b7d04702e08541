"""A glyph atlas: every character of every font face as a small grey picture, in arrays.

Built once on the host with Pillow (`atlas_cache` keeps it), and held in device memory, where `data.synthetic` draws words from
it by gather. Fonts are whatever the machine has; without any, Pillow's own face keeps tests and demos running.
Names: `f` faces, `c` characters, a cell is CELL x CELL px, stored column by column so that one column is one gather.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.data import faces, fonts
from gemma3_jax.data.faces import CELL, DRAWN_AT, Drawn

# Of the letters of a face in dots: with fewer told apart it is a blot. 25 of 60 monospaced faces pass.
LEAST_IN_DOTS = 0.85


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


def build_atlas(
    found: Sequence[fonts.Face], charset: Charset, *, max_fonts: int = 900
) -> GlyphAtlas:
    """Draw `charset` in every readable face, at most `max_fonts` of them, families taken in turn.

    Monospaced ones come a second time, in dots, as till printers strike them. Dropped: faces without 62 distinct Latin letters
    and digits, symbol and barcode faces (letters too far from the mean shape over all faces), and near-copies of a face already
    taken.

    Raises:
        ValueError: when no face is readable.
    """
    drawn = []
    for face in found:
        try:
            glyphs = faces.draw_face(face.open(DRAWN_AT), face, charset)
        except OSError as error:  # FreeType refuses broken files: a bad font is no reason to stop
            fonts.log.info("skipped %s: %s", face.path, error)
            continue
        if glyphs is not None:
            drawn.append(glyphs)
    if not drawn:
        raise ValueError(
            f"none of {len(found)} font faces has Latin letters: install fonts or use builtin_atlas()"
        )
    shapes = np.stack([faces.letter_shapes(glyphs, charset) for glyphs in drawn])
    mean = shapes.mean(0)
    score = faces.readability(shapes, mean, charset)
    keep = fonts.choose(shapes, score, [glyphs.face.family for glyphs in drawn], max_fonts)
    if not keep:
        raise ValueError(f"none of {len(drawn)} drawn faces is readable: use builtin_atlas()")
    cases = [faces.one_case(shapes[i], mean, charset) for i in keep]
    dotted, shares = _in_dots([drawn[i] for i in keep], mean, charset)
    every = [*(drawn[i] for i in keep), *dotted]
    return _assemble(every, np.append(score[keep], shares), cases + [""] * len(dotted), charset)


def _in_dots(
    drawn: Sequence[Drawn], mean: np.ndarray, charset: Charset
) -> tuple[list[Drawn], list[float]]:
    """The monospaced faces of `drawn` in dots, as many as can be read, and how well each can."""
    found: list[Drawn] = []
    shares: list[float] = []
    for glyphs in drawn:
        if not faces.monospaced(glyphs, charset):
            continue
        face = dataclasses.replace(glyphs.face, family=f"{glyphs.face.family}, in dots")
        dotted = faces.draw_face(face.open(DRAWN_AT), face, charset, dots=True)
        if dotted is None:
            continue
        (share,) = faces.readability(faces.letter_shapes(dotted, charset)[None], mean, charset)
        if share >= LEAST_IN_DOTS:
            found, shares = [*found, dotted], [*shares, float(share)]
    return found, shares


def builtin_atlas(charset: Charset | None = None) -> GlyphAtlas:
    """An atlas of one face, Pillow's own (Aileron), that needs nothing installed."""
    charset = charset or Charset()
    face = fonts.Face("", 0, "Aileron", "Regular")
    glyphs = faces.draw_face(face.open(DRAWN_AT), face, charset)
    if glyphs is None:
        raise ValueError(
            f"Pillow's own font lacks Latin letters of the charset {charset.characters!r}"
        )
    return _assemble([glyphs], np.ones(1), [""], charset)


def _aliases(has: np.ndarray, one_case: str, charset: Charset) -> np.ndarray:
    """For each character the one to draw instead: itself, the case the face draws, or a mark that the face does have."""
    chars = charset.characters
    alias = np.arange(len(chars))
    spare = next(
        chars.index(char) for char in "-.,Aa" + chars if char in chars and has[chars.index(char)]
    )
    for index, char in enumerate(chars):
        drawn = {"upper": char.upper(), "lower": char.lower(), "": char}[one_case]
        if not has[index] and char != " ":
            alias[index] = spare
        elif len(drawn) == 1 and drawn in chars:
            alias[index] = chars.index(drawn)
    return alias.astype(np.uint8)


def _assemble(
    drawn: list[Drawn], score: np.ndarray, cases: list[str], charset: Charset
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
            [_aliases(g.has, case, charset) for g, case in zip(drawn, cases, strict=True)]
        ),
        baseline=baseline,
        x_height=baseline - (np.stack([g.ink for g in drawn])[:, x, 1] if x >= 0 else baseline / 2),
        stretch=np.array([g.stretch for g in drawn], np.float32),
        weights=(shares / shares.sum()).astype(np.float32),
    )
