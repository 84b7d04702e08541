"""Which words are misread: by length, height, shape, contrast and case, and which characters are taken for which.

    python benchmarks/word_errors.py --data ../shared/data --sets iiit5k-val svt-val ic03-val ic15-words-val

Shares of words read right (letters and digits, case ignored) and, in brackets, how many words a row holds. The pictures
themselves: `python eval.py --sets … --errors errors.html`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro

from gemma3_jax import GemmaOCR
from gemma3_jax.evaluation.sets import WordSet, open_sets
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.words import letters_and_digits

AT_ONCE = 64
LENGTHS, HEIGHTS, SHAPES, CONTRASTS = (
    (1, 3, 5, 7, 10),
    (0, 12, 18, 24, 36),
    (0, 1, 2, 3, 4),
    (0, 15, 25, 40, 60),
)


class Word(NamedTuple):
    """A crop's truth and reading, and what it looks like: px, width / height, standard deviation of its grey levels."""

    truth: str
    read: str
    height: float
    shape: float
    contrast: float

    @property
    def right(self) -> bool:
        return letters_and_digits(self.truth) == letters_and_digits(self.read)


def read_words(ocr: GemmaOCR, of: WordSet) -> Iterator[Word]:
    """Every crop of a set, read."""
    for start in range(0, len(of.samples), AT_ONCE):
        some = of.samples[start : start + AT_ONCE]
        crops = [load_image(sample.image_path) for sample in some]
        for sample, crop, word in zip(some, crops, ocr.recognize(crops), strict=True):
            height, width = crop.shape[:2]
            contrast = float(crop.mean(axis=2).std())
            yield Word(sample.text, word.text, height, width / height, contrast)


def case_of(text: str) -> str:
    """What kind of characters a text is made of."""
    letters = [char for char in text if char.isalpha()]
    if any(char.isdigit() for char in text):
        return "with digits"
    if not letters:
        return "neither"
    if all(char.isupper() for char in letters):
        return "CAPITALS"
    return "Capital first" if letters[0].isupper() else "lower case"


def binned(words: list[Word], values: list[float], edges: tuple[int, ...]) -> dict[str, list[Word]]:
    """Words by the last edge that their value reaches."""
    groups: dict[str, list[Word]] = {f"{edge}+": [] for edge in edges}
    for word, value in zip(words, values, strict=True):
        groups[f"{edges[max(int(np.searchsorted(edges, value, 'right')) - 1, 0)]}+"].append(word)
    return groups


def confusions(words: list[Word]) -> collections.Counter[tuple[str, str]]:
    """(true, read) characters of misread words as long as their truth, where one to three characters differ."""
    counted: collections.Counter[tuple[str, str]] = collections.Counter()
    for word in words:
        a, b = letters_and_digits(word.truth), letters_and_digits(word.read)
        wrong = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
        if len(a) == len(b) and 1 <= len(wrong) <= 3:
            counted.update(wrong)
    return counted


def main(
    data: Path = Path("../shared/data"),
    sets: tuple[str, ...] = ("iiit5k-val", "svt-val", "ic03-val", "ic15-words-val"),
    model: str = "gemma3-base",
    language: str = "auto",
    limit: int | None = None,
) -> None:
    """Print a table per property, all sets together, and the commonest confusions."""
    ocr = GemmaOCR.from_pretrained(model, language=language)
    words: list[Word] = []
    for of in open_sets(sets, data, limit):
        if not isinstance(of, WordSet):
            raise ValueError(f"{of.name} is no set of word crops")
        words += read_words(ocr, of)
    words = [word for word in words if letters_and_digits(word.truth)]
    cases = collections.defaultdict(list)
    for word in words:
        cases[case_of(word.truth)].append(word)
    tables = {
        "characters": binned(words, [len(word.truth) for word in words], LENGTHS),
        "height, px": binned(words, [word.height for word in words], HEIGHTS),
        "width / height": binned(words, [word.shape for word in words], SHAPES),
        "contrast": binned(words, [word.contrast for word in words], CONTRASTS),
        "case": dict(cases),
    }
    for name, groups in tables.items():
        cells = [
            f"{key}: {100 * np.mean([word.right for word in some]):.0f} ({len(some)})"
            for key, some in groups.items()
            if some
        ]
        print(f"{name:<16}" + "   ".join(cells))
    wrong = [word for word in words if not word.right]
    shorter = sum(len(word.read) < len(word.truth) for word in wrong)
    longer = sum(len(word.read) > len(word.truth) for word in wrong)
    print(
        f"of {len(wrong)} misread: {shorter} too short, {longer} too long, the rest as long as the truth"
    )
    pairs = confusions(wrong).most_common(20)
    print("taken for: " + "  ".join(f"{a}→{b} {count}" for (a, b), count in pairs))


if __name__ == "__main__":
    tyro.cli(main)
