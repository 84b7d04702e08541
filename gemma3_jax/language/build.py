"""Word lists or plain text to a language model file."""

from __future__ import annotations

import collections
import csv
import io
import math
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from gemma3_jax.language.estimate import estimate
from gemma3_jax.language.model import LanguageModel

ORDER = 6
LISTED_WORDS = 30_000


def build(
    counts: Mapping[str, float],
    order: int = ORDER,
    prune: float = 4.0,
    alphabet: str | None = None,
) -> LanguageModel:
    """A model of `counts` (word -> how often, any unit) over `alphabet`, all their letters when it is None.

    Letters are learnt from words weighted by the logarithm of their count, for names and rare words are on signs as often as
    in dictionaries; whole words by their square root.
    """
    folded: dict[str, float] = {}
    for word, count in counts.items():
        written = alphabet is None or set(word.lower()) <= set(alphabet)
        if written and word.strip("'-") and all(c.isalpha() or c in "'-" for c in word):
            folded[word.lower()] = folded.get(word.lower(), 0.0) + count
    if not folded:
        raise ValueError("the corpus holds no word of letters (of the alphabet, if one is given)")
    least = min(folded.values())
    letters = {word: 1 + round(math.log2(count / least)) for word, count in folded.items()}
    often = sorted(folded, key=lambda word: (-folded[word], word))[:LISTED_WORDS]
    often = [word for word in often if folded[word] > least or len(folded) <= LISTED_WORDS]
    total = sum(math.sqrt(folded[word]) for word in often)
    words = {word: math.log(math.sqrt(folded[word]) / total) for word in often}
    return LanguageModel(estimate(letters, order, alphabet, prune), words)


def read_counts(paths: Iterable[Path]) -> dict[str, float]:
    """Words of plain text (*.txt), of lists with frequencies (*.csv: ngram,freq) and of zipped lists of one word a line.

    Raises:
        FileNotFoundError, ValueError: naming the file.
    """
    total: collections.Counter[str] = collections.Counter()
    for path in paths:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as lines:
                rows = csv.DictReader(lines)
                if not {"ngram", "freq"} <= set(rows.fieldnames or ()):
                    raise ValueError(f"{path}: needs columns ngram,freq, has {rows.fieldnames}")
                for row in rows:
                    total[row["ngram"]] += int(float(row["freq"]))
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                text = io.TextIOWrapper(archive.open(archive.namelist()[0]), encoding="utf-8")
                total.update(line.strip() for line in text if line.strip())
        else:
            total.update(re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", path.read_text("utf-8")))
    return dict(total)
