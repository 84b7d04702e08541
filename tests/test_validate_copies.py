"""Pictures that are in a folder twice, or in another one too: found by their pixels."""

from __future__ import annotations

import numpy as np
from annotated import GOOD, put_annotated
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemma3_jax.data.annotations import scan_folder
from gemma3_jax.data.annotations.fingerprints import (
    Fingerprint,
    difference_hash,
    fingerprint,
    matches_between,
    matches_within,
)
from gemma3_jax.data.annotations.inspection import inspect
from gemma3_jax.data.pipeline.texts import TextRule


def test_leaks_and_copies(tmp_path):
    train, val = tmp_path / "train", tmp_path / "val"
    for seed in (1, 2, 3):
        put_annotated(train, f"t{seed}", GOOD, seed=seed)
    put_annotated(val, "other", GOOD, seed=9)
    put_annotated(val, "exact", GOOD)
    put_annotated(val, "near", GOOD)
    put_annotated(val, "again", GOOD)
    pixels = Image.open(train / "t1.png")
    pixels.save(val / "exact.png", optimize=True)  # other bytes, the same pixels
    assert (val / "exact.png").read_bytes() != (train / "t1.png").read_bytes()
    Image.open(train / "t2.png").resize((100, 50)).resize((200, 100)).save(val / "near.png")
    Image.open(val / "other.png").save(val / "again.png")
    report = inspect(scan_folder(val), TextRule(), scan_folder(train))
    copies = [(fault.kind, fault.where, fault.what) for fault in report.faults]
    assert copies == [
        ("same picture", "other.png", "as again.png"),
        ("leak", "exact.png", f"as {train}/t1.png"),
        ("near leak", "near.png", f"as {train}/t2.png"),
    ]


def brute_force(ours: list[Fingerprint], others: list[Fingerprint]) -> list[tuple[str, str]]:
    """Bits counted one by one in Python integers."""

    def distance(a: Fingerprint, b: Fingerprint) -> int:
        return sum(
            (int(x) ^ int(y)).bit_count() for x, y in zip(a.difference, b.difference, strict=True)
        )

    result = []
    for our in ours:
        near = min(others, key=lambda other: distance(our, other), default=None)
        if any(our.exact == other.exact for other in others):
            result.append((our.name, "same"))
        elif near is not None and distance(our, near) <= 8:
            result.append((our.name, "near"))
    return result


few_bits = st.lists(st.integers(0, 127), max_size=14, unique=True)
prints = st.lists(st.tuples(st.integers(0, 3), few_bits), max_size=6)


def make(items: list[tuple[int, list[int]]]) -> list[Fingerprint]:
    made = []
    for i, (exact, ones) in enumerate(items):
        bits = np.zeros(128, np.uint8)
        bits[ones] = 1
        made.append(Fingerprint(str(i), str(exact), np.packbits(bits).view(np.uint64)))
    return made


@given(prints, prints)
def test_matches_are_those_of_brute_force(ours, others):
    ours, others = make(ours), make(others)
    assert [(m.first, m.how) for m in matches_between(ours, others)] == brute_force(ours, others)
    within = [(m.first, m.how) for m in matches_within(ours)]
    assert within == [
        one for i in range(len(ours)) for one in brute_force(ours[i : i + 1], ours[:i])
    ]


def test_the_difference_hash_is_that_of_a_loop():
    pixels = np.zeros((9, 9, 3), np.uint8)
    pixels[:] = np.random.default_rng(0).integers(0, 255, (9, 9, 1))
    grey = pixels[..., 0].astype(int)
    right = [int(grey[y, x] > grey[y, x + 1]) for y in range(8) for x in range(8)]
    lower = [int(grey[y, x] > grey[y + 1, x]) for y in range(8) for x in range(8)]
    bits = np.unpackbits(difference_hash(pixels).view(np.uint8))
    assert bits.tolist() == right + lower


def test_pixels_in_another_shape_are_another_picture():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert fingerprint("a", pixels).exact != fingerprint("b", pixels.reshape(4, 2, 3)).exact
