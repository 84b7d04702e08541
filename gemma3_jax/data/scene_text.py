"""What is written in a drawn scene, and in which faces: words, cases and numbers as they go together."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data.drawn_text import LOWER, TITLE, UPPER, number_text, sample_text
from gemma3_jax.data.lexicon import Lexicon

_MIXED = 3  # each text in the case that it was drawn in
_RUN = 5  # words that share a face


class Texts(NamedTuple):
    """`n` texts in reading order, the words of a paper (block) one after the other."""

    ids: Any  # [n, 25] int32 class ids, zero-padded: what the face really draws
    font: Any  # [n] int32
    block: Any  # [n] int32
    alive: Any  # [n] bool
    number: Any  # [n] bool: drawn as the last entry of a row, prices mostly


def write(
    key: Any, studio: Any, counts: Any, words: int, plain: Any, pricy: Any, difficulty: Any
) -> Texts:
    """Texts for `words` slots, filled with counts [k] words per paper.

    plain: bool, common reading faces instead of any; pricy: share of texts that are numbers at the end of a row.
    """
    keys = jax.random.split(key, 2 * words + 1)
    slot = jnp.arange(words)
    ends = jnp.cumsum(counts)
    papers = counts.shape[0]
    block = (slot[:, None] >= ends).sum(1)
    alive, block = block < papers, jnp.minimum(block, papers - 1)
    u = jax.random.uniform(keys[0], (2 * words + 2 * papers + 1,))
    number = u[:words] < pricy
    lexicon = studio.lexicon
    free = jax.vmap(lambda k: sample_text(k, lexicon, difficulty, spaces=False)[0])(
        keys[1 : words + 1]
    )
    price = jax.vmap(lambda k: number_text(k, lexicon))(keys[words + 1 :])
    free = _cased(u[words : words + papers], free, block, plain, lexicon)
    ids = jnp.where(number[:, None], price, free)
    font = _faces(u[words + papers :], studio, block, papers, plain)
    return _written(studio.atlas, ids, font, block, alive, number)


def monospaced(atlas: Any) -> Any:
    """Which faces are those of typewriters and tills: every character as wide as the others. [f] bool"""
    advances = jnp.asarray(atlas.advances)
    return advances.std(1) < 0.06 * advances.mean(1)


def _cased(u: Any, ids: Any, block: Any, plain: Any, lexicon: Lexicon) -> Any:
    """One case for all words of a paper, as a rule."""
    street = jnp.where(
        u < 0.4, _MIXED, jnp.where(u < 0.75, UPPER, jnp.where(u < 0.85, LOWER, TITLE))
    )
    page = jnp.where(u < 0.3, _MIXED, jnp.where(u < 0.42, UPPER, jnp.where(u < 0.8, LOWER, TITLE)))
    case = jnp.where(plain, page, street)[block][:, None]
    upper, lower = (jnp.asarray(t).astype(jnp.int32)[ids] for t in (lexicon.upper, lexicon.lower))
    first = jnp.arange(ids.shape[1]) == 0
    cased = jnp.where((case == UPPER) | ((case == TITLE) & first), upper, lower)
    return jnp.where(case == _MIXED, ids, cased)


def _faces(u: Any, studio: Any, block: Any, papers: int, plain: Any) -> Any:
    """One face per paper, a second one now and then for a few words in a row. u: [papers + 1 + n]"""
    words = block.shape[0]
    weights = jnp.asarray(studio.atlas.weights, jnp.float32)
    even = monospaced(studio.atlas)
    cdfs = jnp.stack([weights, weights**1.5 * jnp.where(even, 6.0, 1.0)])
    cdfs = jnp.cumsum(cdfs, 1)
    cdf = cdfs[plain.astype(jnp.int32)]
    faces = jnp.searchsorted(cdf, u[: papers + 1] * cdf[-1])
    faces = jnp.minimum(faces, weights.shape[0] - 1)
    second = u[papers + 1 :][jnp.arange(words) // _RUN] < 0.15
    return faces[block + second]


def _written(atlas: Any, ids: Any, font: Any, block: Any, alive: Any, number: Any) -> Texts:
    """Characters replaced by what the face draws for them; a blank ends the word, since detectors split there."""
    alias = jnp.asarray(atlas.alias)[font[:, None], jnp.maximum(ids - 1, 0)].astype(jnp.int32) + 1
    ids = jnp.where(ids > 0, alias, 0)
    inked = jnp.asarray(atlas.ink)[font[:, None], jnp.maximum(ids - 1, 0), 0] > 0
    ids = ids * (jnp.cumsum((ids > 0) & ~inked, 1) == 0)
    return Texts(ids, font, block, alive & (ids[:, 0] > 0), number)
