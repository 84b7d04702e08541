"""Text to class ids and back. The CTC blank is id 0; that is decided here and nowhere else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

BLANK = 0
PRINTABLE_ASCII = "".join(chr(code) for code in range(0x20, 0x7F))


@dataclasses.dataclass(frozen=True)
class Charset:
    """An ordered alphabet: `characters[i]` has class id `i + 1`, the CTC blank has id 0.

    Raises:
        ValueError: when a character is listed twice or the alphabet is empty.
    """

    characters: str = PRINTABLE_ASCII

    def __post_init__(self) -> None:
        if not self.characters:
            raise ValueError("charset is empty: give at least one character")
        twice = sorted({c for c in self.characters if self.characters.count(c) > 1})
        if twice:
            raise ValueError(f"charset lists {twice} more than once: every character needs one id")

    @property
    def size(self) -> int:
        """Number of classes `v`, the blank included."""
        return len(self.characters) + 1

    def unknown(self, text: str) -> str:
        """The characters of `text` that have no id, each once, sorted."""
        return "".join(sorted(set(text) - set(self.characters)))

    def encode(self, text: str) -> list[int]:
        """Class ids of `text`.

        Raises:
            ValueError: naming the characters that the charset lacks.
        """
        if unknown := self.unknown(text):
            raise ValueError(f"text {text!r} has characters outside the charset: {unknown!r}")
        return [self.characters.index(c) + 1 for c in text]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of class ids (blanks are skipped; no CTC collapsing, see decoding.text)."""
        return "".join(self.characters[i - 1] for i in ids if i != BLANK)

    def pad(self, texts: Sequence[str], length: int) -> list[list[int]]:
        """Rows of `length` ids, zero-padded, as `Batch.labels` wants them.

        Raises:
            ValueError: when a text is longer than `length`.
        """
        rows = [self.encode(text) for text in texts]
        for text, row in zip(texts, rows, strict=True):
            if len(row) > length:
                raise ValueError(f"text {text!r} has {len(row)} characters, at most {length} fit")
        return [row + [BLANK] * (length - len(row)) for row in rows]
