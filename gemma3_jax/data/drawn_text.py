"""A text drawn from the lexicon, inside jit.

The mixture follows what stands on signs, labels and receipts: words in one case (lower, UPPER, Title), prices, dates,
times, telephone numbers, serials, addresses of the web, and a few strings of any characters so that each one is seen.
Lengths are capped by `difficulty`, the curriculum of the CTC loss: short words first.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gemma3_jax.data import phrases
from gemma3_jax.data.lexicon import MAX_LABEL, Lexicon

SHORTEST_CAP, LONGEST_CAP = 5, 24  # characters, at difficulty 0 and 1

# kinds of text and their shares, in the order of `_kinds`
WORD, MARKED, PATTERN, RANDOM, DIGITS, PHRASE = range(6)
SHARES = (0.52, 0.12, 0.17, 0.06, 0.03, 0.10)
LOWER, UPPER, TITLE, MIXED = range(4)
CASE_SHARES = (0.40, 0.40, 0.18, 0.02)


def sample_text(
    key: Any, lexicon: Lexicon, difficulty: Any = 1.0, spaces: bool = True
) -> tuple[Any, Any]:
    """One text: (class ids [25] int32 zero-padded, length int32 >= 1), without `spaces` one word.

    `difficulty` 0..1, may be traced: caps the length at 5 (0) to 24 (1) characters.
    """
    keys = jax.random.split(key, 7)
    cap = jnp.round(
        SHORTEST_CAP + (LONGEST_CAP - SHORTEST_CAP) * jnp.clip(difficulty, 0, 1)
    ).astype(jnp.int32)
    kind = choose(jax.random.uniform(keys[0]), SHARES)
    word = _word(keys[1], lexicon, cap)
    marked = _marked(keys[2], lexicon, cap)
    pattern = number_text(keys[3], lexicon)
    random = _random(keys[4], lexicon, cap, everything=True)
    digits = _random(keys[5], lexicon, cap, everything=False)
    texts = jnp.stack([word, marked, pattern, random, digits, _phrase(keys[6], lexicon, cap)])
    ids = texts[kind]
    length = (ids > 0).sum()
    parted = ((ids == lexicon.space) & (ids > 0)).any() & (not spaces)
    ids = jnp.where((length > cap) | (length == 0) | parted, word, ids)
    return ids, (ids > 0).sum()


def choose(u: Any, shares: tuple[float, ...]) -> Any:
    """Index of the share that the uniform number `u` falls into."""
    bounds = np.cumsum(shares)[:-1] / np.sum(shares)
    return (u[..., None] > bounds.astype(np.float32)).sum(-1)


def _word(key: Any, lexicon: Lexicon, cap: Any, case: Any = None) -> Any:
    """A word of at most `cap` characters, in one case (`case`, or drawn by CASE_SHARES)."""
    u = jax.random.uniform(key, (2,))
    count = jnp.maximum(jnp.asarray(lexicon.counts)[cap], 1)
    cdf = jnp.asarray(lexicon.cdf)
    row = jnp.searchsorted(cdf, u[0] * cdf[count - 1])
    ids = jnp.asarray(lexicon.words)[jnp.minimum(row, count - 1)].astype(jnp.int32)
    upper, lower = (
        jnp.asarray(table).astype(jnp.int32)[ids] for table in (lexicon.upper, lexicon.lower)
    )
    coin = jax.random.bernoulli(jax.random.fold_in(key, 1), 0.5, ids.shape)
    case = choose(u[1], CASE_SHARES) if case is None else case
    first = jnp.arange(ids.shape[0]) == 0
    return jnp.where(
        (case == UPPER) | ((case == TITLE) & first) | ((case == MIXED) & coin), upper, lower
    )


def _concat(left: Any, right: Any) -> Any:
    """`right` written after `left`; what does not fit in 25 falls off."""
    place = jnp.arange(MAX_LABEL) - (left > 0).sum()
    return jnp.where(place < 0, left, right[jnp.maximum(place, 0)])


def _marked(key: Any, lexicon: Lexicon, cap: Any) -> Any:
    """A word with marks around it: "word," (word) word's word-word www.word.com name@word.com."""
    keys = jax.random.split(key, 4)
    u = jax.random.uniform(keys[0], (6,))

    def piece(table: Any, at: Any) -> Any:
        table = jnp.asarray(table)
        return table[(at * table.shape[0]).astype(jnp.int32)].astype(jnp.int32)

    case = choose(u[5], CASE_SHARES)
    single = _word(keys[1], lexicon, cap, case)
    first, second = (_word(keys[i], lexicon, jnp.minimum(cap // 2, 9), case) for i in (2, 3))
    both = _concat(_concat(first, piece(lexicon.joiners, u[0])), second)
    text = jnp.where(u[1] < 0.25, both, single)
    text = jnp.where(u[2] < 0.25, _concat(piece(lexicon.prefixes, u[3]), text), text)
    return jnp.where(u[2] > 0.15, _concat(text, piece(lexicon.suffixes, u[4])), text)


def _phrase(key: Any, lexicon: Lexicon, cap: Any) -> Any:
    """Two or three words, spaces between them: what one box holds when a detector has not parted them."""
    keys = jax.random.split(key, 5)
    u = jax.random.uniform(keys[0], (3,))
    case = choose(u[0], CASE_SHARES)
    most = jnp.minimum((cap - 1) // 2, 11)
    first, second, third = (_word(k, lexicon, most, case) for k in keys[1:4])
    number = number_text(keys[4], lexicon)
    second = jnp.where((u[1] < 0.2) & ((number > 0).sum() <= most), number, second)
    space = jnp.zeros_like(first).at[0].set(lexicon.space)
    two = _concat(_concat(first, space), second)
    three = _concat(_concat(two, space), third)
    ids = jnp.where((u[2] < 0.3) & ((three > 0).sum() <= cap), three, two)
    return jnp.where(lexicon.space > 0, ids, first)


def number_text(key: Any, lexicon: Lexicon) -> Any:
    """Prices, dates, times, codes: each slot of a pattern filled independently."""
    u = jax.random.uniform(key, (MAX_LABEL + 1,))
    row = jnp.searchsorted(jnp.asarray(lexicon.pattern_cdf), u[0])
    row = jnp.minimum(row, lexicon.pattern_cdf.shape[0] - 1)
    slots = jnp.asarray(lexicon.slots)[jnp.asarray(lexicon.patterns)[row].astype(jnp.int32)]
    place = slots[:, 0] + (u[1:] * slots[:, 1]).astype(jnp.int32)
    return jnp.asarray(lexicon.slot_ids)[place].astype(jnp.int32)


def _random(key: Any, lexicon: Lexicon, cap: Any, everything: bool) -> Any:
    """Any characters (space only inside words, so it is left out) or plain digits, short ones more often."""
    u = jax.random.uniform(key, (MAX_LABEL + 1,))
    longest = jnp.minimum(cap, 12 if everything else 8)
    length = 1 + (u[0] ** 1.5 * longest).astype(jnp.int32)
    name = phrases.ANYTHING if everything else phrases.DIGIT
    first, count = _slot_of(lexicon, name)
    ids = jnp.asarray(lexicon.slot_ids)[first + (u[1:] * count).astype(jnp.int32)].astype(jnp.int32)
    return jnp.where(jnp.arange(MAX_LABEL) < jnp.minimum(length, longest), ids, 0)


def _slot_of(lexicon: Lexicon, name: str) -> tuple[Any, Any]:
    """The slot that the first two patterns consist of: ANYTHING and DIGIT (phrases.PATTERNS keeps them first)."""
    row = 0 if name == phrases.ANYTHING else 1
    slot = jnp.asarray(lexicon.slots)[jnp.asarray(lexicon.patterns)[row, 0].astype(jnp.int32)]
    return slot[0], slot[1]
