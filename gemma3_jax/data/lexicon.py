"""What there is to write: word lists and number patterns as one table for device memory (`drawn_text` samples it)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.data import phrases

MAX_LABEL = 25


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
    always = name in (phrases.ANYTHING, phrases.DIGIT)  # `drawn_text` relies on these two
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
