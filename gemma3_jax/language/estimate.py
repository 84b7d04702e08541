"""Words and their counts to a `CharModel`: modified Kneser-Ney (Chen and Goodman 1999, section 3), pruned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gemma3_jax.language.ngram import EDGE, CharModel, Order


def estimate(
    counts: Mapping[str, int], order: int = 6, alphabet: str | None = None, prune: float = 0.0
) -> CharModel:
    """An interpolated, modified Kneser-Ney model over the characters of `counts` (word -> how often), folded to lower case.

    `prune`: entries that change the likelihood of the counted words by less than this many nats are left to back-off.

    Raises:
        ValueError: when no word is left, or `order` is below 1.
    """
    if order < 1:
        raise ValueError(f"{order=} must be at least 1")
    folded: dict[str, int] = {}
    for word, count in counts.items():
        folded[word.lower()] = folded.get(word.lower(), 0) + int(count)
    alphabet = alphabet or "".join(sorted({c for word in folded for c in word}))
    known = {word: n for word, n in folded.items() if n > 0 and set(word) <= set(alphabet)}
    known.pop("", None)
    if not known:
        raise ValueError(f"no word of {len(counts)} is written in the alphabet {alphabet!r}")
    base = len(alphabet) + 1
    keys, raw = _grams(known, order, alphabet)
    grams = {order: keys}  # distinct ones of each length, ascending
    for length in range(order - 1, 0, -1):
        grams[length] = np.unique(grams[length + 1] % base**length)
    orders: list[Order] = []
    lower, shorter = (
        np.full(1, 1.0 / base),
        np.zeros(1, np.int64),
    )  # P of grams one shorter; none yet
    for length, own in sorted(grams.items()):
        seen = raw
        if length < order:  # in how many ways it is preceded
            seen = np.bincount(np.searchsorted(own, grams[length + 1] % base**length))
        suffixes = np.searchsorted(shorter, own % base ** (length - 1))
        lower, shorter = _interpolated(own // base, seen, lower[suffixes]), own
        place = np.searchsorted(own, keys % base**length)
        times = np.bincount(place, weights=raw, minlength=len(own))
        orders.append(_pruned(own, lower, times, orders, base, prune))
    return CharModel(alphabet, orders)


def _grams(words: Mapping[str, int], order: int, alphabet: str) -> tuple[np.ndarray, np.ndarray]:
    """Distinct n-grams of the words between edges, as ascending keys, and how often each occurs."""
    number = {c: i + 1 for i, c in enumerate(alphabet)}
    base = len(alphabet) + 1
    if base**order >= 2**63:
        raise ValueError(f"{len(alphabet)} characters make {order=} too long: lower it")
    streams = [[EDGE] * (order - 1) + [number[c] for c in word] + [EDGE] for word in words]
    lengths = np.array([len(s) for s in streams])
    flat = np.array([symbol for s in streams for symbol in s], np.int64)
    keys = np.zeros(len(flat) - order + 1, np.int64)
    for i in range(order):
        keys = keys * base + flat[i : i + len(keys)]
    ends = np.cumsum(lengths)
    left = np.repeat(ends, lengths)[: len(keys)] - np.arange(len(keys))  # symbols to the word's end
    weights = np.repeat(np.array(list(words.values())), lengths)[: len(keys)]
    inside = left >= order
    distinct, inverse = np.unique(keys[inside], return_inverse=True)
    return distinct, np.bincount(inverse, weights=weights[inside])


def _interpolated(contexts: np.ndarray, seen: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """P(symbol | context) of every entry; `contexts` ascend, `lower` is P(symbol | shorter context)."""
    ones, twos, threes, fours = (np.sum(seen == k) for k in (1, 2, 3, 4))
    y = ones / max(ones + 2 * twos, 1)
    ratios = (twos / max(ones, 1), threes / max(twos, 1), fours / max(threes, 1))
    discounts = np.array([k - (k + 1) * y * r for k, r in enumerate(ratios, 1)])  # eq. 26
    discounts = np.clip(discounts, 0.1, [0.9, 1.8, 2.7])  # few or odd counts may leave the range
    taken = discounts[np.minimum(seen, 3).astype(int) - 1]
    _, group = np.unique(contexts, return_inverse=True)
    total = np.bincount(group, weights=seen)[group]
    freed = np.bincount(group, weights=np.minimum(taken, seen))[group]
    return np.maximum(seen - taken, 0) / total + freed / total * lower


def _pruned(
    keys: np.ndarray,
    probs: np.ndarray,
    times: np.ndarray,
    shorter: list[Order],
    base: int,
    prune: float,
) -> Order:
    """The entries worth storing, and back-off weights that make each context sum to 1 again."""
    contexts, group = np.unique(keys // base, return_inverse=True)
    backed = np.exp(_look_up(shorter, keys % base ** len(shorter), base))

    def weights(kept: np.ndarray) -> np.ndarray:
        stored = np.bincount(group, weights=probs * kept, minlength=len(contexts))
        replaced = np.bincount(group, weights=backed * kept, minlength=len(contexts))
        return np.maximum(1 - stored, 1e-6) / np.maximum(1 - replaced, 1e-6)

    everything = np.ones(len(keys), bool)
    gain = times * np.log(probs / (backed * weights(everything)[group]))
    kept = np.abs(gain) >= prune if len(shorter) else everything
    back_off = np.log(weights(kept))
    used = np.bincount(group, weights=kept, minlength=len(contexts)) > 0
    counts = np.bincount(group[kept], minlength=len(contexts))[used]
    starts = np.concatenate([[0], np.cumsum(counts)])
    symbols = (keys[kept] % base).astype(np.uint8)
    return Order(
        contexts[used].astype(np.uint64),
        back_off[used].astype(np.float32),
        starts,
        symbols,
        np.log(probs[kept]).astype(np.float32),
    )


def _look_up(orders: list[Order], keys: np.ndarray, base: int) -> np.ndarray:
    """log P that the pruned `orders` give the n-grams `keys` of their longest length."""
    if not orders:
        return np.full(len(keys), -np.log(base))
    order, found = orders[-1], _look_up(orders[:-1], keys % base ** (len(orders) - 1), base)
    if not len(order.contexts):  # all of it was pruned
        return found
    contexts = order.contexts.astype(np.int64)
    group = np.minimum(np.searchsorted(contexts, keys // base), len(contexts) - 1)
    found = found + np.where(contexts[group] == keys // base, order.back_off[group], 0.0)
    stored = np.repeat(contexts, np.diff(order.starts)) * base + order.symbols
    place = np.minimum(np.searchsorted(stored, keys), len(stored) - 1)
    return np.where(stored[place] == keys, order.log_probs[place], found)
