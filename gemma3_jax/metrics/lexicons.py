"""Reading with a word list: the nearest word of a lexicon, as the ICDAR 2015 end-to-end task allows.

The official script compares texts only; a participant applies the lexicon before. The rule here is that
of the published evaluation of Mask TextSpotter (Liao et al., `prepare_results.py`), which later spotters
follow: the word of least edit distance in upper case, the first of equals; with the strong and the weak
lexicon a reading farther than one edit from every word is dropped, with the generic one none is.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gemma3_jax.metrics.detection import Found
from gemma3_jax.metrics.edit_distance import edit_distances

FARTHEST = 1  # edits, with the strong and the weak lexicon


class Lexicon:
    """Words in upper case, each once, in the order given.

    Raises:
        ValueError: when there is no word.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(dict.fromkeys(word.upper() for word in words))
        if not self.words:
            raise ValueError("a lexicon needs at least one word")
        self._known = {word: (word, 0) for word in self.words}
        by_length: dict[int, list[int]] = {}
        for index, word in enumerate(self.words):
            by_length.setdefault(len(word), []).append(index)
        self._groups = {
            length: (np.array(indices), np.array([_codes(self.words[i]) for i in indices]))
            for length, indices in by_length.items()
        }

    def __len__(self) -> int:
        return len(self.words)

    def nearest(self, text: str) -> tuple[str, int]:
        """The word of least edit distance to `text` in upper case, and that distance."""
        text = text.upper()
        if text not in self._known:
            self._known[text] = self._search(text)
        return self._known[text]

    def _search(self, text: str) -> tuple[str, int]:
        """Lengths from the nearest outwards: a word cannot be nearer than the lengths differ."""
        codes = _codes(text)
        best = (max(len(text), max(self._groups)) + 1, 0)
        for length in sorted(self._groups, key=lambda length: abs(length - len(text))):
            if abs(length - len(text)) > best[0]:
                break
            indices, words = self._groups[length]
            distances = edit_distances(codes, words)
            at = int(distances.argmin())
            best = min(best, (int(distances[at]), int(indices[at])))
        return self.words[best[1]], best[0]


def with_lexicon(found: Found, lexicon: Lexicon, farthest: int | None = FARTHEST) -> Found:
    """Answers with each text replaced by the nearest word; farther ones are dropped, none with None."""
    nearest = [lexicon.nearest(text) for text in found.texts]
    kept = [i for i, (_, far) in enumerate(nearest) if farthest is None or far <= farthest]
    quads = np.asarray(found.quads, np.float32).reshape(-1, 4, 2)[kept]
    return Found(quads, [nearest[i][0] for i in kept])


def _codes(word: str) -> np.ndarray:
    return np.array([ord(char) for char in word], np.int64)
