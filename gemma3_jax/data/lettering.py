"""Glyphs set side by side: one word as a coverage strip, made by copying atlas columns.

Two passes keep gathers few: here whole glyph columns are copied (10 words of 32 bits each) into a strip of about the
word's final resolution; `data.warp` then samples that strip once per pixel. Even and odd letters go into separate strips,
joined by maximum, so that italics and scripts may overlap their neighbours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data.glyphs import CELL, GlyphAtlas

BEFORE, AFTER = 2, 3  # letters of neighbouring words that a crop's margin may show
STRIP_COLUMNS = 192
PAD_COLUMNS = 16  # strip columns left of the word
WORD_COLUMNS = 152  # at most
_TAPS = 4


class Line(NamedTuple):
    """A word laid out along its baseline with neighbours' letters, in cell px of one face."""

    glyphs: Any  # [g] int32 row of the atlas seen as [f * c]
    lefts: Any  # [g] float32 left edge of the ink
    widths: Any  # [g] float32 ink width, 0 for blanks
    jitter: Any  # [g] float32, rows a letter is pushed down
    left: Any  # ink box of the labelled word alone
    right: Any
    top: Any
    bottom: Any
    alone: Any  # bool: no letters of neighbouring words


def lay_out(atlas: GlyphAtlas, font: Any, ids: Any, tracking: Any, gap: Any, jitter: Any) -> Line:
    """Place the letters of `ids` [l] (class ids, zero-padded) of face `font`.

    tracking: extra space after each letter, cell px. gap: space to the neighbouring words, cell px, inf for none.
    jitter: [l + BEFORE + AFTER] rows.
    """
    length = (ids > 0).sum()
    slots = ids.shape[0] + BEFORE + AFTER
    at = jnp.arange(slots) - BEFORE  # index within the word
    after = at - length
    source = jnp.where(at < 0, length + at, jnp.where(after >= 0, after, at))
    inside = (at >= 0) & (after < 0)
    shown = inside | (((at < 0) | (after < AFTER)) & jnp.isfinite(gap))
    char = jnp.maximum(ids[jnp.clip(source, 0, length - 1)] - 1, 0)
    advance = jnp.where(after < AFTER, jnp.asarray(atlas.advances)[font, char] + tracking, 0.0)
    alone = ~jnp.isfinite(gap)
    gap = jnp.where(alone, 0.0, gap)
    pen = jnp.cumsum(advance) - advance + gap * (at >= 0) + gap * (after >= 0)
    ink = jnp.asarray(atlas.ink)[font, char]
    lefts = pen + jnp.asarray(atlas.bearings)[font, char]
    widths = jnp.where(shown, ink[:, 0], 0.0)
    inked = inside & (widths > 0)
    far = 1e4
    return Line(
        glyphs=font * atlas.advances.shape[1] + char,
        lefts=lefts,
        widths=widths,
        jitter=jitter,
        left=jnp.where(inked, lefts, far).min(),
        right=jnp.where(inked, lefts + widths, -far).max(),
        top=jnp.where(inked, ink[:, 1] + jitter, far).min(),
        bottom=jnp.where(inked, ink[:, 2] + jitter, -far).max(),
        alone=alone,
    )


def pack_columns(atlas: GlyphAtlas) -> Any:
    """The atlas as [f * c * CELL, CELL / 4] uint32: a glyph column is ten words. Do it once, outside the step."""
    columns = jnp.asarray(atlas.columns)
    return jax.lax.bitcast_convert_type(columns.reshape(-1, CELL // 4, 4), jnp.uint32)


def coverage(packed: Any, line: Line, step: Any, rows_per_row: Any) -> tuple[Any, Any]:
    """The word as coverage 0..255 [CELL, STRIP_COLUMNS] float32, and each column's jitter [STRIP_COLUMNS].

    step: cell px per strip column. rows_per_row: strip rows per cell row, at most 1: rows are box-filtered to it.
    The word's ink begins at column PAD_COLUMNS; strip row r shows cell row r / rows_per_row.
    """
    columns = line.left + (jnp.arange(STRIP_COLUMNS) + 0.5 - PAD_COLUMNS) * step
    half = [_half(packed, line, columns, step, parity) for parity in (0, 1)]
    words = _maximum(half[0][0], half[1][0])
    grey = (
        jax.lax.bitcast_convert_type(words, jnp.uint8)
        .reshape(STRIP_COLUMNS, CELL)
        .astype(jnp.float32)
    )
    edge = jnp.arange(STRIP_COLUMNS)
    grey = grey * ((edge > 0) & (edge < STRIP_COLUMNS - 1))[:, None]
    centre = (jnp.arange(CELL) + 0.5) / rows_per_row
    hats = (
        jnp.maximum(1 - jnp.abs(centre[:, None] - (jnp.arange(CELL) + 0.5)) * rows_per_row, 0)
        * rows_per_row
    )
    jitter = jnp.where(half[0][2] < half[1][2], half[0][1], half[1][1])
    return jnp.einsum("rv,xv->rx", hats, grey), jitter


def _half(packed: Any, line: Line, place: Any, step: Any, parity: int) -> tuple[Any, Any, Any]:
    """Every second letter at column centres `place`: (packed columns averaged over taps, jitter, distance to the letter)."""
    glyphs, lefts, widths, jitter = (
        x[parity::2] for x in (line.glyphs, line.lefts, line.widths, line.jitter)
    )
    bounds = (lefts[:-1] + widths[:-1] + lefts[1:]) / 2
    index = (place[:, None] > bounds).sum(1)
    inside, width = place - lefts[index], widths[index]
    at = inside[:, None] + ((jnp.arange(_TAPS) + 0.5) / _TAPS - 0.5) * step
    drawn = (at >= 0) & (at < width[:, None])
    column = jnp.where(drawn, jnp.floor(at).astype(jnp.int32) + 1, 0)
    taps = packed.at[glyphs[index][:, None] * CELL + column].get(mode="promise_in_bounds")
    grey = _average(_average(taps[:, 0], taps[:, 1]), _average(taps[:, 2], taps[:, 3]))
    return grey, jitter[index], jnp.abs(inside - width / 2) - width / 2


def _average(a: Any, b: Any) -> Any:
    """Mean of four bytes at once, rounded up (Dietz's carry-free average)."""
    return (a | b) - (((a ^ b) & jnp.uint32(0xFEFEFEFE)) >> 1)


def _maximum(a: Any, b: Any) -> Any:
    bytes_a, bytes_b = (jax.lax.bitcast_convert_type(x, jnp.uint8) for x in (a, b))
    return jax.lax.bitcast_convert_type(jnp.maximum(bytes_a, bytes_b), jnp.uint32)
