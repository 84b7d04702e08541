"""Which pictures are the same: exactly (SHA-256 of the pixels) or nearly (a difference hash)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

# Bits of 128 that may differ between two versions of one picture. 40 ICDAR 2015 photographs, scaled, brightened or saved as
# JPEG of quality 20, stay within; of 1696 crops, forms and photographs one pair comes as near, two crops of one headline.
NEAR_BITS = 8
HASH_SIDE = 8
AT_ONCE = 64  # rows of the table of distances that are held in memory


class Fingerprint(NamedTuple):
    """Of one picture: its name for messages, SHA-256 of its upright pixels, and its difference hash."""

    name: str
    exact: str
    difference: np.ndarray  # uint64 [2]


class Match(NamedTuple):
    """Two pictures, by name, that are the same or nearly so."""

    first: str
    second: str
    how: Literal["same", "near"]


def fingerprint(name: str, pixels: np.ndarray) -> Fingerprint:
    """Of upright RGB pixels, uint8 [h, w, 3].

    The exact hash is of pixels, not of the file: a copy saved as PNG or with other metadata is the same picture.
    """
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return Fingerprint(name, digest.hexdigest(), difference_hash(pixels))


def difference_hash(pixels: np.ndarray) -> np.ndarray:
    """128 bits, uint64 [2]: whether each cell of an 8 x 8 grid is brighter than its right, and than its lower neighbour.

    Survives scaling and JPEG (N. Krawetz, "Kind of like that", 2013, has the horizontal half); flat pictures all agree.
    """
    from PIL import Image

    grey = Image.fromarray(pixels).convert("L")
    size = (HASH_SIDE + 1, HASH_SIDE + 1)
    cells = np.asarray(grey.resize(size, Image.Resampling.BOX), np.int16)
    right = cells[:-1, :-1] > cells[:-1, 1:]
    lower = cells[:-1, :-1] > cells[1:, :-1]
    return np.packbits(np.stack([right, lower])).view(np.uint64)


def matches_between(ours: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> Iterator[Match]:
    """Every picture of ours that is among the others, with the first it equals, or else the nearest it resembles."""
    exact = {other.exact: other.name for other in reversed(others)}
    for our, distances in _distances(ours, others):
        if our.exact in exact:
            yield Match(our.name, exact[our.exact], "same")
        elif len(distances) and distances.min() <= NEAR_BITS:
            yield Match(our.name, others[int(distances.argmin())].name, "near")


def matches_within(ours: Sequence[Fingerprint]) -> Iterator[Match]:
    """Every picture that an earlier one equals, or else resembles."""
    first: dict[str, str] = {}
    for i, (our, distances) in enumerate(_distances(ours, ours)):
        earlier = distances[:i]
        if our.exact in first:
            yield Match(our.name, first[our.exact], "same")
        elif len(earlier) and earlier.min() <= NEAR_BITS:
            yield Match(our.name, ours[int(earlier.argmin())].name, "near")
        first.setdefault(our.exact, our.name)


def _distances(
    ours: Sequence[Fingerprint], others: Sequence[Fingerprint]
) -> Iterator[tuple[Fingerprint, np.ndarray]]:
    """Each of ours with the bits [others] in which its difference hash differs from theirs."""
    theirs = np.array([other.difference for other in others], np.uint64).reshape(-1, 2)
    for start in range(0, len(ours), AT_ONCE):
        some = ours[start : start + AT_ONCE]
        own = np.array([our.difference for our in some], np.uint64)
        bits = np.bitwise_count(own[:, None] ^ theirs[None]).sum(axis=-1)
        yield from zip(some, bits, strict=True)
