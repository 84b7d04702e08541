"""Boxes and texts together by the protocol of ICDAR 2015 (task 4.4), and its word-spotting variant.

Case is ignored. A pair is made by IoU alone and then judged by its text, so that a box on the wrong
text uses its truth up. Lexicons are applied to the answers before (`lexicons.with_lexicon`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gemma3_jax.metrics.detection import Found, Truth, match
from gemma3_jax.metrics.scores import Scores, scores

SPECIAL_CHARACTERS = "!?.:,*\"()·[]/'"  # one at each end of the truth may be left out
SPOTTED_LEAST_LENGTH = 3
_LETTERS = (("a", "z"), ("A", "Z"), ("À", "ƿ"), ("Ǆ", "ɿ"), ("Ά", "Ͽ"), ("-", "-"))
_NOT_LETTERS = "×÷·"


def texts_match(truth: str, read: str) -> bool:
    """Equal but for case; the truth may lose one leading and one trailing special character."""
    truth, read = truth.upper(), read.upper()
    if truth == read:
        return True
    leads = bool(truth) and truth[0] in SPECIAL_CHARACTERS
    trails = bool(truth) and truth[-1] in SPECIAL_CHARACTERS
    return (
        (leads and truth[1:] == read)
        or (trails and truth[:-1] == read)
        or (leads and trails and truth[1:-1] == read)
    )


def spotting_word(text: str) -> str | None:
    """The word that word spotting looks for in a truth, or None where it does not care.

    A final 's, hyphens at the ends and special characters go; what has an inner gap, fewer than
    three characters or anything but letters and hyphens is not looked for.
    """
    word = text[:-2] if text.endswith(("'s", "'S")) else text
    word = word.strip("-")
    for char in SPECIAL_CHARACTERS:
        word = word.replace(char, " ")
    word = word.strip()
    spelt = all(any(a <= c <= z for a, z in _LETTERS) and c not in _NOT_LETTERS for c in word)
    return word if len(word) >= SPOTTED_LEAST_LENGTH and spelt else None


def end_to_end_scores(images: Iterable[tuple[Truth, Found]], word_spotting: bool = False) -> Scores:
    """Precision, recall and harmonic mean of words found and read right, over all images.

    With `word_spotting` only the words of `spotting_word` are cared for, and texts must be equal.
    """
    matched = truths = found = 0
    for truth, answer in images:
        texts, ignore = list(truth.texts), np.array(truth.ignore, bool).reshape(-1)
        if word_spotting:
            words = [spotting_word(text) for text in texts]
            ignore |= np.array([word is None for word in words], bool)
            texts = [word or "" for word in words]
        matching = match(truth.quads, ignore, answer.quads)
        for i, j in matching.pairs:
            read = answer.texts[j]
            same = (
                texts[i].upper() == read.upper() if word_spotting else texts_match(texts[i], read)
            )
            matched += same
        truths += matching.truths
        found += matching.found
    return scores(matched, truths, found)
