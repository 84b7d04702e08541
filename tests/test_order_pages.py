"""Reading order of whole pages: columns with headlines and footers, ruled forms; and what must not change it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.decoding.order import reading_order

LETTER, HEIGHT, SPACE, PITCH = 10.0, 20.0, 8.0, 26.0  # px
STORY = [
    "when",
    "the",
    "ship",
    "had",
    "left",
    "the",
    "bay",
    "and",
    "the",
    "sea",
    "was",
    "calm",
    "again",
]
Words = list[tuple[str, np.ndarray]]


def set_line(words: Sequence[str], left: float, top: float, size: float = 1.0) -> Words:
    """Words with their quads [4, 2], from `left` and `top` on."""
    placed = []
    for word in words:
        right, bottom = left + LETTER * size * len(word), top + HEIGHT * size
        quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        placed.append((word, quad))
        left = right + SPACE * size
    return placed


def column(lines: int, left: float, top: float) -> Words:
    """Ragged lines of three to five words, the same whatever the column."""
    words: Words = []
    for k in range(lines):
        words += set_line(
            [STORY[(3 * k + j) % len(STORY)] for j in range(5)], left, top + k * PITCH
        )
    return words


def order(words: Words, seed: int = 0) -> list[int]:
    """The words' numbers as they are read when they are handed over in random order."""
    mixed = np.random.default_rng(seed).permutation(len(words))
    blocks = reading_order(
        np.array([words[i][1] for i in mixed]), [words[i][0] for i in mixed.tolist()]
    )
    return [int(mixed[i]) for block in blocks for line in block for i in line]


def skewed(words: Words, degrees: float) -> Words:
    """The page turned clockwise, its words' quads with it."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return [(text, quad @ np.array([[cos, sin], [-sin, cos]])) for text, quad in words]


def columns(count: int, top: float, lines: int = 8, gutter: float = 30) -> Words:
    """Columns beside each other, each with two lines less than the one before."""
    width = max(quad[1, 0] for _, quad in column(lines, 0, 0))
    return [
        word
        for k in range(count)
        for word in column(lines - 2 * (k == count - 1), k * (width + gutter), top)
    ]


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("degrees", [0, 3, -3])
def test_columns_are_read_one_after_the_other(count, degrees):
    words = skewed(columns(count, 0), degrees)
    assert order(words) == list(range(len(words)))


@pytest.mark.parametrize("gap", [1, 60])
def test_a_headline_across_the_columns_parts_two_stories(gap):
    """Even where no white band sets it off: 1 px is all there is between it and the columns."""
    words = set_line(["THE", "FIRST", "OF", "THE", "STORIES"], 0, 0, 1.8) + columns(3, 36 + gap)
    bottom = max(quad[2, 1] for _, quad in words) + gap
    words += set_line(["AND", "HERE", "IS", "THE", "SECOND", "ONE"], 100, bottom, 1.8)
    words += columns(3, bottom + 36 + gap)
    assert order(words) == list(range(len(words)))


def test_a_footer_in_two_parts_is_read_after_all_columns():
    words = columns(2, 0)
    words += set_line(["The", "Morning", "Post"], 0, 300) + set_line(["27"], 500, 300)
    assert order(words) == list(range(len(words)))


def test_a_narrow_gutter_is_found_by_its_length():
    """One space and a bit: too little to part two words, enough where every row has it."""
    words = columns(2, 0, gutter=1.2 * HEIGHT)
    assert order(words) == list(range(len(words)))
    pair = set_line(["one"], 0, 0) + set_line(["line"], 30 + 1.2 * HEIGHT, 0)
    assert len(reading_order(np.array([quad for _, quad in pair]), ["one", "line"])[0]) == 1


def cell(label: str, value: str, left: float, top: float) -> Words:
    """A small label and a value 4 px below it."""
    words = set_line(label.split(), left, top, 0.6)
    return words + (set_line(value.split(), left + 4, top + 16) if value else [])


def test_cells_of_a_form_are_read_whole_even_with_one_empty():
    words: Words = []
    for k, row in enumerate([("Ada", "Lovelace"), ("Leeds", ""), ("12", "LS1 4AP")]):
        words += cell("Given name", row[0], 0, 60 * k) + cell("Other", row[1], 200, 60 * k)
    assert order(words) == list(range(len(words)))


def test_evenly_spaced_rows_are_no_cells():
    """Small type over large, but each row as far from the next: a list, read row by row."""
    words: Words = []
    for k in range(4):
        size = 0.75 if k % 2 == 0 else 1.0
        words += set_line(["left"], 0, 32 * k, size) + set_line(["right"], 200, 32 * k, size)
    assert order(words) == list(range(len(words)))


@st.composite
def scattered(draw) -> np.ndarray:
    """Upright word boxes [n, 4, 2] of any size anywhere, about half of them in rows."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    count = draw(st.integers(1, 30))
    top = np.where(rng.random(count) < 0.5, 40 * rng.integers(0, 8, count), 0)
    top = top + rng.uniform(0, 4, count) + np.where(top == 0, rng.uniform(0, 300, count), 0)
    left, width = rng.uniform(0, 500, count), rng.uniform(10, 120, count)
    height = rng.uniform(12, 30, count)
    right, bottom = left + width, top + height
    sides = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
    return sides.reshape(count, 4, 2)


@given(scattered())
@settings(max_examples=60, deadline=None)
def test_every_word_is_read_once(quads):
    blocks = reading_order(quads, ["1.00"] * len(quads))
    assert sorted(i for block in blocks for line in block for i in line) == [*range(len(quads))]


@given(scattered(), st.floats(-500, 500), st.floats(-500, 500), st.floats(0.1, 10))
@settings(max_examples=60, deadline=None)
def test_place_and_scale_of_the_page_do_not_matter(quads, x, y, scale):
    texts = ["word"] * len(quads)
    assert reading_order(quads * scale + [x, y], texts) == reading_order(quads, texts)


@given(scattered(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_page_turned_by_quarters_has_the_same_order(quads, quarters):
    turned = quads
    for _ in range(quarters):
        turned = turned @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    texts = ["word"] * len(quads)
    assert reading_order(turned, texts) == reading_order(quads, texts)
