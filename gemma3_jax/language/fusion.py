"""Reading doubtful words again with a language model: shallow fusion in CTC prefix beam search (Gulcehre et al. 2015)."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import numpy as np

from gemma3_jax.charset import BLANK, Charset
from gemma3_jax.decoding.beam import Prefix, beam_search
from gemma3_jax.language.model import LanguageModel

Mode = Literal["off", "auto", "on"]

# Weight of log P(text) and reward of each character (without it the search likes short texts), tuned on the word crops of
# the validation parts, where both are flat (docs/language.md).
WEIGHT, PER_CHARACTER = 0.35, 1.0
WIDTH, PRUNE = 8, 1e-3
DOUBTFUL = 0.8  # words surer than this are left alone
# and those less likely than this, a third of what is searched for on photographs: noise, hardly ever found (docs/language.md)
LOST = 1e-3
LEAST_LETTERS = 2
LEAVE_ALONE = re.compile(r"@|://|\bwww\.|\.(com|net|org|edu|gov|info)\b|\d[-/:.,]\d", re.IGNORECASE)


class Reading(NamedTuple):
    """What pixels and language say together: class ids, how likely among all readings found, and why, where it is another.

    `shares` has this likelihood of every reading found.
    """

    ids: Prefix
    confidence: float
    reason: str
    shares: dict[Prefix, float]


@dataclasses.dataclass(frozen=True)
class Fusion:
    """`fusion(log_probs, ids, log_prob)` is the reading that pixels and language together prefer, None where it is not asked.

    `mode`: "auto" asks only for words from `lost` to DOUBTFUL, "on" for all; both leave alone what `may_change` says is no
    word. `keep` are regular expressions of texts to leave alone. `lost` is 0 of crops, which hold a word for certain.
    """

    model: LanguageModel
    charset: Charset
    mode: Mode = "auto"
    keep: tuple[str, ...] = ()
    lost: float = LOST

    def __call__(self, log_probs: np.ndarray, ids: Prefix, log_prob: float) -> Reading | None:
        """`log_probs` [t, v] without padding, `ids` what the pixels alone say, `log_prob` its log P(text | columns).

        The confidence is the softmax of the fused scores over the readings that the search kept, which is closer to how
        often such words are right than P(text | columns) is (docs/language.md), times the probability that there is any text:
        a box of a page may hold none.
        """
        raw = self.charset.decode(ids)
        unasked = math.exp(min(log_prob, 0.0)) < self.lost or log_prob > math.log(DOUBTFUL)
        if self.mode == "off" or (self.mode == "auto" and unasked):
            return None
        if not may_change(raw, self.model.chars.alphabet, self.keep):
            return None
        found = beam_search(log_probs, WIDTH, self._opinion, PRUNE)
        readings = {h.ids: h.log_prob for h in found if h.ids} | {ids: log_prob}
        scores = {text: self._score(text, log) for text, log in readings.items()}
        best = max(scores, key=lambda text: scores[text])
        weights = {text: math.exp(score - scores[best]) for text, score in scores.items()}
        any_text = 1 - math.exp(float(log_probs[:, BLANK].sum())) if self.lost else 1.0
        whole = sum(weights.values()) / any_text
        shares = {text: weight / whole for text, weight in weights.items()}
        if best == ids:
            return Reading(ids, shares[best], "", shares)
        pixels = readings[best] - log_prob
        language = self.model.log_prob(self.charset.decode(best)) - self.model.log_prob(raw)
        reason = f"language {language:+.1f}, pixels {pixels:+.1f} nats"
        return Reading(best, shares[best], reason, shares)

    def _opinion(self, prefix: Prefix) -> Sequence[float]:
        """How much more each class is worth after a text: a search comes back to few endings again and again."""
        return self._after(prefix[-self.model.reach :])

    @cached_property
    def _after(self) -> Callable[[Prefix], memoryview]:
        @lru_cache(maxsize=8192)
        def after(ids: Prefix) -> memoryview:
            terms = self.model.next_log_probs(self.charset.decode(ids), self.charset.characters)
            worth = np.ones(1 + len(terms))  # a blank's is 1
            np.exp(WEIGHT * terms + PER_CHARACTER, out=worth[1:])
            return worth.data

        return after

    def _score(self, ids: Prefix, log_prob: float) -> float:
        text = self.charset.decode(ids)
        return log_prob + WEIGHT * self.model.log_prob(text) + PER_CHARACTER * len(text)


def may_change(text: str, alphabet: str, keep: Sequence[str] = ()) -> bool:
    """Whether `text` looks like a word: letters of `alphabet`, more of them than digits, and no address, price, date or serial.

    `H3LL0` does; `H3110-X2`, `12.50`, `A4` and `me@home.org` do not.
    """
    letters = sum(c.lower() in alphabet for c in text if c.isalpha())
    strange = sum(c.isalpha() for c in text) - letters
    digits = sum(c.isdigit() for c in text)
    if strange or letters < LEAST_LETTERS or digits >= letters or LEAVE_ALONE.search(text):
        return False
    return not any(re.search(pattern, text) for pattern in keep)
