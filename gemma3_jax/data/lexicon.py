"""What to write: a table of words and number patterns in device memory, sampled inside jit.

The mixture follows what stands on signs, labels and receipts: words in one case (lower, UPPER, Title), prices, dates,
times, telephone numbers, serials, addresses of the web, and a few strings of any characters so that each one is seen.
Lengths are capped by `difficulty`, the curriculum of the CTC loss: short words first.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.data import phrases

MAX_LABEL = 25
SHORTEST_CAP, LONGEST_CAP = 5, 24  # characters, at difficulty 0 and 1

# kinds of text and their shares, in the order of `_kinds`
WORD, MARKED, PATTERN, RANDOM, DIGITS, PHRASE = range(6)
SHARES = (0.52, 0.12, 0.17, 0.06, 0.03, 0.10)
LOWER, UPPER, TITLE, MIXED = range(4)
CASE_SHARES = (0.40, 0.40, 0.18, 0.02)


class Lexicon(NamedTuple):
    """Words sorted by length, so that a shorter cap is a prefix of the table. `m` words, `k` patterns, `v` classes."""

    words: Any  # [m, 25] uint8 class ids, zero-padded
    lengths: Any  # [m] int32
    cdf: Any  # [m] float32, cumulative sampling probability
    counts: Any  # [26] int32: number of words of at most that many characters
    patterns: Any  # [k, 25] uint8: indices into `slots`
    pattern_cdf: Any  # [k] float32
    slots: Any  # [s, 2] int32: (first, count) in `slot_ids`: a fixed character is a slot with one choice
    slot_ids: Any  # [*] uint8 class ids
    prefixes: Any  # [p, 25] uint8
    suffixes: Any  # [q, 25] uint8
    joiners: Any  # [j, 25] uint8
    space: Any  # class id of the space, 0 where the charset has none
    upper: Any  # [v] uint8: class id of the upper-case letter
    lower: Any  # [v] uint8


def load_lexicon(folder: Path | None = None, charset: Charset | None = None) -> Lexicon:
    """The table built from the word lists in `folder` (see `read_words`); from the built-in list when it is None.

    Raises:
        FileNotFoundError: when `folder` is given and holds no list.
    """
    charset = charset or Charset()
    frequency = (
        {word: 1.0 for word in phrases.COMMON_WORDS} if folder is None else read_words(folder)
    )
    words = [w for w in frequency if 1 <= len(w) < MAX_LABEL and not charset.unknown(w)]
    if not words:  # digits, say: no dictionary, but patterns and random strings
        words = sorted(set(charset.characters) - {" "})
        frequency = dict.fromkeys(words, 1.0)
    words.sort(key=lambda word: (len(word), word))
    weights = np.array([frequency[word] for word in words])
    lengths = np.array([len(word) for word in words], np.int32)
    patterns = [(p, w) for p, w in phrases.PATTERNS if all(_choices(c, charset) for c in p)]
    slots, slot_ids, table = _slots([p for p, _ in patterns], charset)
    pattern_weights = np.array([weight for _, weight in patterns], float)

    def pieces(texts: tuple[str, ...]) -> np.ndarray:
        written = [text for text in texts if not charset.unknown(text)] or [""]
        return np.array(charset.pad(written, MAX_LABEL), np.uint8)

    return Lexicon(
        words=np.array(charset.pad(words, MAX_LABEL), np.uint8),
        lengths=lengths,
        cdf=(np.cumsum(weights) / weights.sum()).astype(np.float32),
        counts=np.searchsorted(lengths, np.arange(MAX_LABEL + 1), side="right").astype(np.int32),
        patterns=table,
        pattern_cdf=(np.cumsum(pattern_weights) / pattern_weights.sum()).astype(np.float32),
        slots=slots,
        slot_ids=slot_ids,
        prefixes=pieces(phrases.PREFIXES),
        suffixes=pieces(phrases.SUFFIXES),
        joiners=pieces(phrases.JOINERS),
        space=np.int32(charset.encode(" ")[0] if not charset.unknown(" ") else 0),
        upper=_case_table(charset, str.upper),
        lower=_case_table(charset, str.lower),
    )


def read_words(folder: Path) -> dict[str, float]:
    """Words of every list in `folder` with a flattened weight: four fifths frequency ** 0.6, the rest uniform.

    `*_50k.txt` (word count), `1grams_*.csv` (ngram,freq) and `*.zip` of one word a line; English counts four times.

    Raises:
        FileNotFoundError: when none of these files is there.
    """
    total: dict[str, float] = {}
    found = False
    for share, rows in _lists(folder):
        found = True
        listed = {
            word: count
            for word, count in rows
            if word.isascii() and word.isprintable() and " " not in word
        }
        roots = {word: max(count, 1.0) ** 0.6 for word, count in listed.items()}
        norm = sum(roots.values())
        for word, root in roots.items():
            total[word] = total.get(word, 0.0) + share * (0.78 * root / norm + 0.22 / len(roots))
    if not found:
        raise FileNotFoundError(f"no *_50k.txt, 1grams_*.csv or *.zip word list in {folder}")
    return total


def _lists(folder: Path) -> Iterator[tuple[float, list[tuple[str, float]]]]:
    for path in sorted(folder.glob("*_50k.txt")):
        rows = [line.rsplit(" ", 1) for line in path.read_text("utf-8").splitlines() if " " in line]
        yield (
            (4.0 if path.name.startswith("en") else 0.25),
            [(word, float(count)) for word, count in rows],
        )
    for path in sorted(folder.glob("1grams_*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            rows = [(row["ngram"], float(row["freq"])) for row in csv.DictReader(lines)]
        yield (2.0 if "english" in path.name else 0.1), rows
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            text = io.TextIOWrapper(archive.open(archive.namelist()[0]), encoding="utf-8")
            yield 0.6, [(line.strip(), 1.0) for line in text if line.strip()]


def _case_table(charset: Charset, change: Any) -> np.ndarray:
    chars = charset.characters
    ids = [chars.index(change(c)) + 1 if change(c) in chars else i + 1 for i, c in enumerate(chars)]
    return np.array([0, *ids], np.uint8)


def _choices(name: str, charset: Charset) -> str:
    """Characters that a pattern's character may become: a slot's choices, or the character itself, as far as they exist."""
    chosen = "".join(c for c in phrases.SLOTS.get(name, name) if c in charset.characters)
    always = name in (phrases.ANYTHING, phrases.DIGIT)  # `_random` relies on these two
    return chosen or ("".join(c for c in charset.characters if c != " ") if always else "")


def _slots(patterns: list[str], charset: Charset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patterns as rows of slot numbers; slot 0 is the padding and draws the blank id 0."""
    names = ["", *sorted(set("".join(patterns)))]
    choices = [[0], *(charset.encode(_choices(name, charset)) for name in names[1:])]
    firsts = np.cumsum([0, *[len(c) for c in choices]])[:-1]
    slots = np.array([(first, len(c)) for first, c in zip(firsts, choices, strict=True)], np.int32)
    rows = [
        [names.index(c) for c in pattern] + [0] * (MAX_LABEL - len(pattern)) for pattern in patterns
    ]
    return slots, np.concatenate(choices).astype(np.uint8), np.array(rows, np.uint8)


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
