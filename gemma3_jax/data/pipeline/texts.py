"""The one rule of which texts are learnt, and how many fall under each of its cases.

A word is always shown to the detector; what the recogniser learns of it is decided here:

1. spaces around the text do not count, and a text of nothing else is **empty**;
2. characters that the charset lacks are written plainer (NFKD) and without their accents: **respelt**;
3. a text that still has characters outside the charset is **outside**;
4. one of more than `max_label` characters is **long**, never cut short.

Empty, outside and long words are found but not read: their label is all zeros. Do-not-care words have no text at all.
"""

from __future__ import annotations

import collections
import dataclasses
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.data.corpora import Sample

Verdict = Literal["whole", "respelt", "empty", "outside", "long"]
MAX_LABEL = 25  # characters
MOST_COUNTED = 20_000  # pictures: of a larger set as many, evenly spaced, are looked at


def fit_charset(text: str, charset: Charset) -> str | None:
    """`text` in the charset, accents taken off (NFKD) where needed; None if that is not enough."""
    if not charset.unknown(text):
        return text
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    return None if charset.unknown(bare) else bare


@dataclasses.dataclass(frozen=True)
class TextRule:
    """The rule above for one charset and one label length (characters)."""

    charset: Charset = Charset()
    max_label: int = MAX_LABEL

    def judge(self, text: str) -> tuple[str, Verdict]:
        """What is learnt of `text` ("" for nothing) and under which case it falls."""
        bare = text.strip()
        if not bare:
            return "", "empty"
        # NFKD makes a space of an accent that stands alone, so what is left is stripped again.
        fitted = (fit_charset(bare, self.charset) or "").strip()
        if not fitted:
            return "", "outside"
        if len(fitted) > self.max_label:
            return "", "long"
        return fitted, "whole" if fitted == bare else "respelt"

    def label(self, text: str) -> np.ndarray:
        """Charset ids int32 [max_label], zero-padded; all zeros for a text that is not learnt."""
        ids = self.charset.encode(self.judge(text)[0])
        return np.pad(np.asarray(ids, np.int32), (0, self.max_label - len(ids)))


class TextCounts(NamedTuple):
    """How many words fall under each case of the rule."""

    pictures: int  # of the sets
    looked_at: int  # fewer than `pictures` when the sets are larger than MOST_COUNTED
    do_not_care: int
    whole: int
    respelt: int
    empty: int
    outside: int
    long: int

    def __str__(self) -> str:
        some = "" if self.looked_at == self.pictures else f" ({self.looked_at} looked at)"
        return (
            f"{self.pictures} pictures{some}: {self.whole + self.respelt} words to find and read"
            f" ({self.respelt} respelt), to find only {self.empty} empty,"
            f" {self.outside} outside the charset, {self.long} too long; {self.do_not_care} do not care"
        )


def count_texts(
    sets: Iterable[Sequence[Sample]], rule: TextRule = TextRule(), most: int = MOST_COUNTED
) -> TextCounts:
    """Apply `rule` to every word of the sets, of at most `most` pictures of each."""
    sets = list(sets)
    cases: collections.Counter[str] = collections.Counter()
    for sample in (sample for samples in sets for sample in _spread(samples, most)):
        cases["looked_at"] += 1
        cases.update(
            "do_not_care" if word.ignore else rule.judge(word.text)[1] for word in sample.words
        )
    pictures = sum(len(samples) for samples in sets)
    return TextCounts(pictures, *(cases[name] for name in TextCounts._fields[1:]))


def _spread(samples: Sequence[Sample], most: int) -> Iterator[Sample]:
    count = min(len(samples), most)
    return (samples[i * len(samples) // count] for i in range(count))
