"""Words flow into lines, as a text editor does it: one short scan over the words of a scene."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data.glyphs import CELL

STREET, PAGE, RECEIPT = range(3)  # kinds of scenes


def by_kind(kind: Any, street: Any, page: Any, receipt: Any) -> Any:
    """The value of this scene's kind; shapes are broadcast."""
    return jnp.where(kind == STREET, street, jnp.where(kind == PAGE, page, receipt))


class Flow(NamedTuple):
    """Where every word stands, in paper units. [n] each"""

    left: Any
    baseline: Any
    width: Any  # of the ink
    scale: Any  # of the line, made smaller where a word is longer than a line
    row: Any  # int32


class Rhythm(NamedTuple):
    """How a text is broken into lines. [n] each, or scalars"""

    gap: Any  # to the next word, paper units at scale 1
    breaks: Any  # bool: a new line begins here
    tab: Any  # bool: stands at the next tab stop
    flush: Any  # bool: stands at the right end of the line
    size: Any  # scale of the line that begins here
    indent: Any
    pitch: Any  # of lines; 1 sets cell under cell
    extra: Any  # space above the line that begins here, in lines
    stop: Any  # distance of tab stops


def flow(key: Any, measured: Any, texts: Any, kind: Any, limit: Any, s: Any) -> Flow:
    """Lines of at most limit [k] paper units, for words of `measured` width. s: how irregular, 0..1."""
    begins = jnp.concatenate([jnp.ones(1, bool), texts.block[1:] != texts.block[:-1]])
    rhythm = _rhythm(key, texts, kind, limit, s)
    rhythm = rhythm._replace(gap=rhythm.gap * measured.space)
    inputs = (rhythm, measured.width, measured.ascent, begins, limit[texts.block])
    start = (jnp.zeros(()), jnp.zeros(()), jnp.ones(()), jnp.zeros((), jnp.int32))
    return jax.lax.scan(_step, start, inputs)[1]


def _step(state: tuple, word: tuple) -> tuple[tuple, Flow]:
    pen, baseline, scale, row = state
    rhythm, width, ascent, begins, limit = word
    at = jnp.where(rhythm.tab, jnp.ceil(pen / rhythm.stop) * rhythm.stop, pen)
    at = jnp.where(rhythm.flush, jnp.maximum(pen, limit - width * scale), at)
    breaks = begins | rhythm.breaks | (at + width * scale > limit)
    new = jnp.where(breaks, rhythm.size, scale)
    new = jnp.minimum(new, limit / jnp.maximum(width, 1.0))
    first = jnp.where(
        rhythm.flush, limit - width * new, jnp.minimum(rhythm.indent, limit - width * new)
    )
    at = jnp.where(breaks, first, at)
    # ascent of the new line and descent of the old one: cells never overlap while the pitch is 1 or more
    down = (ascent * new + (CELL - ascent) * scale + rhythm.extra * CELL * new) * rhythm.pitch
    baseline = jnp.where(begins, ascent * new, jnp.where(breaks, baseline + down, baseline))
    row = row + breaks
    there = width > 0
    pen = jnp.where(there | breaks, at + jnp.where(there, width * new + rhythm.gap * new, 0.0), pen)
    return (pen, baseline, new, row), Flow(at, baseline, width * new, new, row - 1)


def _rhythm(key: Any, texts: Any, kind: Any, limit: Any, s: Any) -> Rhythm:
    words = texts.block.shape[0]
    every = jax.random.uniform(key, (8 + 6 * words,))
    v, u = every[:8], every[8:].reshape(6, words)  # of the scene, of each word

    form = v[0] < 0.5  # a page of labels and entries, not of sentences
    after_number = jnp.concatenate([jnp.zeros(1, bool), texts.number[:-1]])
    breaks = u[0] < by_kind(kind, 0.4, jnp.where(form, 0.25, 0.05), 0.12)
    breaks = breaks | (after_number & (kind == RECEIPT))
    tab = u[1] < by_kind(kind, 0.0, jnp.where(form, 0.4, 0.0), 0.15)
    headline = u[2] < by_kind(kind, 0.5, 0.04, 0.05)
    size = jnp.where(headline, jnp.exp(s * by_kind(kind, 1.4 * (u[3] - 0.5), 0.5, 0.5)), 1.0)
    gap = CELL * (0.31 + by_kind(kind, 0.2, 0.15, 0.25) * v[1]) * (1 + 0.3 * s * (u[4] - 0.3))
    pitch = 1.02 + by_kind(kind, 0.4, jnp.where(form, 0.9, 0.5), 0.6) * v[2] ** 1.5
    extra = jnp.where(u[5] < by_kind(kind, 0.15, 0.25, 0.15), 0.3 + u[2], 0.0)
    indent = jnp.where((u[3] < 0.2) & (kind != STREET), v[3] * 3 * CELL, 0.0)
    stop = limit[texts.block] / jnp.floor(2 + 3 * v[4])
    flush = texts.number & (kind == RECEIPT) & (v[5] < 0.85)
    full = jnp.ones(words)
    return Rhythm(gap, breaks, tab, flush, size, indent, pitch * full, extra, stop)
