"""A character n-gram model with back-off, small enough to ship: what letters follow each other in words.

Words are folded to lower case. Symbol 0 is the edge of a word, on both sides; symbol i is `alphabet[i - 1]`.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

EDGE = 0
STEP = 1 / 16  # natural logarithms are stored in a byte, in steps of this below 0
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Order:
    """All n-grams of one length. Context i owns the entries `starts[i]` to `starts[i + 1]`."""

    contexts: np.ndarray  # [m] uint64, ascending: symbols as digits in base len(alphabet) + 1
    back_off: (
        np.ndarray
    )  # [m] float32: log of the mass left to the shorter context, per share of it
    starts: np.ndarray  # [m + 1] int64
    symbols: np.ndarray  # [e] uint8
    log_probs: np.ndarray  # [e] float32


class CharModel:
    """`orders[k]` predicts a symbol from the k before it; see `language.estimate` for where the numbers come from."""

    def __init__(self, alphabet: str, orders: Sequence[Order]) -> None:
        self.alphabet, self.orders = alphabet, tuple(orders)
        self.row = lru_cache(maxsize=20_000)(self._row)

    @property
    def base(self) -> int:
        return len(self.alphabet) + 1

    def encode(self, word: str) -> list[int] | None:
        """Symbols of a word, None when it has a character that is not in the alphabet."""
        symbols = [self.alphabet.find(c) + 1 for c in word.lower()]
        return symbols if all(symbols) else None

    def _row(self, context: tuple[int, ...]) -> np.ndarray:
        """log P(symbol | context) `[base]`: entries of the longest context, the rest by back-off (Katz 1987).

        `row(context)` remembers it.
        """
        context = context[len(context) - min(len(context), len(self.orders) - 1) :]
        order = self.orders[len(context)]
        key = 0
        for symbol in context:
            key = key * self.base + symbol
        shorter = self.row(context[1:]) if context else np.full(self.base, -np.log(self.base))
        place = int(order.contexts.searchsorted(np.uint64(key)))
        if place == len(order.contexts) or order.contexts[place] != key:
            return shorter
        row = shorter + order.back_off[place]
        own = slice(order.starts[place], order.starts[place + 1])
        row[order.symbols[own]] = order.log_probs[own]
        return row

    def context(self, symbols: list[int]) -> tuple[int, ...]:
        """What predicts the symbol after `symbols`, the beginning of a word."""
        size = len(self.orders) - 1
        return tuple(([EDGE] * size + symbols)[len(symbols) :]) if size else ()

    def log_prob(self, word: str) -> float:
        """log P of the whole word, its end included; -inf when it has a character that is not in the alphabet."""
        symbols = self.encode(word)
        if symbols is None:
            return -np.inf
        total = 0.0
        for i, symbol in enumerate([*symbols, EDGE]):
            total += self.row(self.context(symbols[:i]))[symbol]
        return float(total)


def to_arrays(model: CharModel) -> dict[str, np.ndarray]:
    """The model as small integer arrays: probabilities in bytes, keys as differences, which compress well."""
    arrays = {"alphabet": np.frombuffer(model.alphabet.encode(), np.uint8)}
    for k, order in enumerate(model.orders):
        arrays |= {
            f"contexts{k}": np.diff(order.contexts, prepend=np.uint64(0)),
            f"back_off{k}": _to_bytes(order.back_off),
            f"counts{k}": np.diff(order.starts).astype(np.uint8),
            f"symbols{k}": order.symbols.astype(np.uint8),
            f"log_probs{k}": _to_bytes(order.log_probs),
        }
    return arrays


def from_arrays(arrays: Any) -> CharModel:
    """Inverse of `to_arrays`, up to the rounding of probabilities."""
    orders, k = [], 0
    while f"contexts{k}" in arrays:
        starts = np.concatenate([[0], np.cumsum(arrays[f"counts{k}"], dtype=np.int64)])
        back_off, log_probs = (_from_bytes(arrays[f"{n}{k}"]) for n in ("back_off", "log_probs"))
        contexts = np.cumsum(arrays[f"contexts{k}"], dtype=np.uint64)
        orders.append(Order(contexts, back_off, starts, arrays[f"symbols{k}"], log_probs))
        k += 1
    return CharModel(bytes(arrays["alphabet"]).decode(), tuple(orders))


def _to_bytes(logs: np.ndarray) -> np.ndarray:
    # Back-off weights may exceed 1 a little (their log 0): a byte holds -12 to +4.
    return np.clip(np.rint((np.asarray(logs) - 4.0) / -STEP), 0, 255).astype(np.uint8)


def _from_bytes(stored: np.ndarray) -> np.ndarray:
    return (4.0 - STEP * stored.astype(np.float32)).astype(np.float32)


def pack_words(words: list[str]) -> np.ndarray:
    """A list of words, in its order, as compressed bytes."""
    return np.frombuffer(zlib.compress("\n".join(words).encode(), 9), np.uint8)


def unpack_words(stored: np.ndarray) -> list[str]:
    """Inverse of `pack_words`."""
    text = zlib.decompress(stored.tobytes()).decode()
    return text.split("\n") if text else []


def check_version(path: Path, arrays: Any) -> None:
    """Refuse a file of another version.

    Raises:
        ValueError: naming the file, its version and this one.
    """
    found = int(arrays["version"]) if "version" in arrays else None
    if found != VERSION:
        raise ValueError(
            f"{path}: language model of version {found}, this program reads {VERSION}; build it again"
        )
