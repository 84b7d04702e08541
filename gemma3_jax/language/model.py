"""How likely a text is as text: words and their letters, case, and what stands between."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.language.ngram import (
    EDGE,
    VERSION,
    CharModel,
    check_version,
    from_arrays,
    pack_words,
    to_arrays,
    unpack_words,
)

LISTED = 0.5  # share of the probability that goes to listed words as wholes, the rest to letter after letter
# Natural logs of everything that is no letter, by what stands before it.
DIGIT_AFTER_DIGIT, DIGIT_IN_WORD, DIGIT_FIRST = -2.6, -7.0, -4.6
MARK = -5.5
CASE_BROKEN = -3.5  # a small letter after two capitals, a capital after a small one
USER_WORD = 1e-4  # probability of each word that the user names


class LanguageModel:
    """Letters by `chars`, words by their frequency (natural log-probabilities of folded words)."""

    def __init__(self, chars: CharModel, words: Mapping[str, float]) -> None:
        self.chars, self.words = chars, dict(words)
        both = [(c, i) for i, c in enumerate(chars.alphabet, 1)]
        self._symbols = {c.upper(): i for c, i in both} | dict(both)
        self._run_log_prob = lru_cache(maxsize=20_000)(self._run)
        self._places, self._extras = lru_cache(self._place), lru_cache(self._extra)

    def with_words(self, words: Iterable[str]) -> LanguageModel:
        """The same model that also knows `words`."""
        return LanguageModel(
            self.chars, self.words | {w.lower(): math.log(USER_WORD) for w in words}
        )

    @property
    def reach(self) -> int:
        """How many characters back the next one depends on."""
        return max(len(self.chars.orders) - 1, 2)

    def next_log_probs(self, prefix: str, characters: str) -> np.ndarray:
        """log P(character | prefix), the terms that prefix beam search adds, float64 of each of `characters`."""
        start = len(prefix)
        while start and prefix[start - 1] in self._symbols:
            start -= 1
        run = [self._symbols[c] for c in prefix[start:]]
        row = self.chars.row(self.chars.context(run))
        if not run:
            row = np.concatenate([[0.0], row[EDGE + 1 :]])  # there is no word to end
        capital, small = _case_log_prob(prefix, "A"), _case_log_prob(prefix, "a")
        digit = _other_log_prob(prefix, "0")
        return row[self._places(characters)] + self._extras(characters, capital, small, digit)

    def _place(self, characters: str) -> np.ndarray:
        """Symbols of characters; whatever is no letter ends the word before it."""
        return np.array([self._symbols.get(c, EDGE) for c in characters])

    def _extra(self, characters: str, capital: float, small: float, digit: float) -> np.ndarray:
        """What characters are worth by their kind, that of some kinds given."""

        def of(c: str) -> float:
            if c in self._symbols:
                return capital if c.isupper() else small if c.islower() else 0.0
            return digit if c.isdigit() else MARK

        return np.array([of(c) for c in characters])

    def log_prob(self, text: str) -> float:
        """log P of a whole text; a listed word is worth more than its letters one by one."""
        total, place = 0.0, 0
        for letters, group in itertools.groupby(text, self._symbols.__contains__):
            run = "".join(group)
            if letters:
                total += self._run_log_prob(run.lower())
            term = _case_log_prob if letters else _other_log_prob
            for i, character in enumerate(run, place):
                total += term(text[max(i - 2, 0) : i], character)
            place += len(run)
        return total

    def _run(self, run: str) -> float:
        spelt = self.chars.log_prob(run) + math.log(1 - LISTED)
        listed = self.words.get(run, -math.inf) + math.log(LISTED)
        return float(np.logaddexp(spelt, listed))


def _case_log_prob(prefix: str, character: str) -> float:
    before = prefix[-2:]
    if character.isupper():
        return CASE_BROKEN if before[-1:].islower() else 0.0
    shouted = len(before) == 2 and before.isupper()
    return CASE_BROKEN if character.islower() and shouted else 0.0


def _other_log_prob(prefix: str, character: str) -> float:
    if not character.isdigit():
        return MARK
    if not prefix:
        return DIGIT_FIRST
    return DIGIT_IN_WORD if prefix[-1].isalpha() else DIGIT_AFTER_DIGIT


def save(model: LanguageModel, path: Path) -> None:
    """Write the model to an .npz file: n-grams as bytes, words in the order of their probability."""
    words = sorted(model.words, key=lambda word: (-model.words[word], word))
    steps = np.rint(-np.array([model.words[word] for word in words]) * 8)
    arrays: dict[str, Any] = {
        "version": np.array(VERSION),
        "words": pack_words(words),
        "word_steps": np.clip(steps, 0, 255).astype(np.uint8),
    }
    arrays |= to_arrays(model.chars)
    with path.open("wb") as file:  # a handle: given a name, NumPy would add .npz to it
        np.savez_compressed(file, **arrays)


@lru_cache(maxsize=4)
def load(name_or_path: str | Path = "english") -> LanguageModel:
    """A model of the package by name, or a file that `save` wrote.

    Raises:
        FileNotFoundError: when there is neither. ValueError: when the file is of another version.
    """
    path = Path(str(files("gemma3_jax.language"))) / f"{name_or_path}.npz"
    path = path if path.exists() else Path(name_or_path)
    if not path.exists():
        raise FileNotFoundError(
            f"{name_or_path}: no language model of the package (english) and no file; "
            "`gemma3-ocr lm build corpus.txt` makes one"
        )
    with np.load(path) as stored:
        arrays: dict[str, Any] = dict(stored)
    check_version(path, arrays)
    words = unpack_words(arrays["words"])
    logs = (arrays["word_steps"].astype(np.float64) / -8).tolist()
    return LanguageModel(from_arrays(arrays), dict(zip(words, logs, strict=True)))
