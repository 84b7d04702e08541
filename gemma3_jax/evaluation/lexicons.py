"""The word lists of the ICDAR 2015 end-to-end task: the official files where they are, else made by the same rules.

Generic: 90 k English words (`GenericVocabulary.txt`); weak: all words of the set; strong: 100 words per picture, its own
and distractors out of the others' (Karatzas et al., ICDAR 2015 competition on robust reading, after Wang, Babenko and
Belongie 2011). A vocabulary holds words of three letters or more, without the marks around them (`spotting_word`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gemma3_jax.evaluation.outcomes import shares
from gemma3_jax.evaluation.sets import PageSet
from gemma3_jax.metrics.detection import Found, Truth
from gemma3_jax.metrics.end_to_end import end_to_end_scores, spotting_word
from gemma3_jax.metrics.lexicons import FARTHEST, Lexicon, with_lexicon

STRONG_WORDS = 100
GENERIC_FILE = "GenericVocabulary.txt"
WEAK_FILES = "ch4_*_vocabulary.txt"


class Lexicons(NamedTuple):
    """Per kind one lexicon a picture and the farthest edit, and how each came about."""

    kinds: dict[str, tuple[list[Lexicon], int | None]]
    notes: tuple[str, ...]


def lexicon_scores(
    of: PageSet, pages: Sequence[tuple[Truth, Found]], data_dir: str | Path
) -> tuple[dict[str, float], tuple[str, ...]]:
    """End-to-end and word-spotting figures with each lexicon, and notes on where the lexicons are from."""
    lexicons = find_lexicons(of, Path(data_dir) / "icdar2015")
    figures: dict[str, float] = {}
    for kind, (per_picture, farthest) in lexicons.kinds.items():
        corrected = [
            (truth, with_lexicon(found, lexicon, farthest))
            for (truth, found), lexicon in zip(pages, per_picture, strict=True)
        ]
        figures |= shares(f"e2e_{kind}", end_to_end_scores(corrected))
        figures |= shares(f"spotting_{kind}", end_to_end_scores(corrected, word_spotting=True))
    return figures, lexicons.notes


def find_lexicons(of: PageSet, folder: Path) -> Lexicons:
    """The lexicons for the pictures of a set; official files are looked for anywhere below `folder`."""
    own = [_vocabulary(w.text for w in s.words if not w.ignore) for s in of.samples]
    every = list(dict.fromkeys(word for words in own for word in words))
    if not every:
        return Lexicons({}, (f"{of.name}: no word for a lexicon",))
    number = len(of.samples)
    notes = []
    strong = [_first(folder, f"voc_{s.image_path.stem}.txt") for s in of.samples]
    if all(strong):
        per_picture = [Lexicon(_words(path)) for path in strong if path]
    else:
        per_picture = [
            Lexicon(_with_distractors(words, every, sample.image_path.stem))
            for words, sample in zip(own, of.samples, strict=True)
        ]
        notes.append(
            f"{of.name}: strong lexicons are each picture's words and random ones of the others, up to "
            f"{STRONG_WORDS} (no voc_img_N.txt for all {number} pictures under {folder})"
        )
    kinds: dict[str, tuple[list[Lexicon], int | None]] = {"strong": (per_picture, FARTHEST)}
    official = _first(folder, WEAK_FILES)
    weak = Lexicon(_words(official) if official else every)
    kinds["weak"] = ([weak] * number, FARTHEST)
    if official is None:
        notes.append(
            f"{of.name}: the weak lexicon is the set's own {len(weak)} words (no {WEAK_FILES})"
        )
    generic = _first(folder, GENERIC_FILE)
    if generic:
        kinds["generic"] = ([Lexicon(_words(generic))] * number, None)
    else:
        notes.append(f"{of.name}: no generic lexicon (put {GENERIC_FILE} under {folder})")
    return Lexicons(kinds, tuple(notes))


def _vocabulary(texts: Iterable[str]) -> list[str]:
    return [word for text in texts if (word := spotting_word(text))]


def _with_distractors(own: list[str], every: list[str], name: str) -> list[str]:
    """A picture's words first, then others of the set at random (always the same for a picture of this name)."""
    others = [word for word in every if word not in set(own)]
    room = min(max(STRONG_WORDS - len(set(own)), 0), len(others))
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return own + [others[i] for i in sorted(rng.choice(len(others), room, replace=False))]


def _words(path: Path) -> list[str]:
    return [word for line in path.read_text("utf-8-sig").splitlines() if (word := line.strip())]


def _first(folder: Path, pattern: str) -> Path | None:
    return next(iter(sorted(folder.rglob(pattern))), None)
