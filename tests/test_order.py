"""Reading order of what people point a camera at: signs, receipts, forms, columns, turned pages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.decoding.order import reading_order

LETTER, HEIGHT, SPACE = 10, 20, 8  # px


def set_line(text: str, left: float, top: float, size: float = 1.0) -> list[tuple[str, np.ndarray]]:
    """Words of a line, each with its quad [4, 2], from `left` and `top` on."""
    words = []
    for word in text.split():
        right, bottom = left + LETTER * size * len(word), top + HEIGHT * size
        words.append((word, np.array([[left, top], [right, top], [right, bottom], [left, bottom]])))
        left = right + SPACE * size
    return words


def read(words: list[tuple[str, np.ndarray]], seed: int = 0, angle: float = 0.0) -> str:
    """The page's text, its words handed over in random order and turned by `angle` degrees."""
    words = [words[i] for i in np.random.default_rng(seed).permutation(len(words))]
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn = np.array([[cos, sin], [-sin, cos]])
    texts = [text for text, _ in words]
    blocks = reading_order(np.array([quad @ turn for _, quad in words]), texts)
    lines = [[" ".join(texts[i] for i in line) for line in block] for block in blocks]
    return "\n\n".join("\n".join(block) for block in lines)


SIGN = [*set_line("The Copper Kettle", 100, 50, 3), *set_line("COFFEE & TEA", 150, 118)]
SIGN += set_line("SINCE 1987", 160, 144)

RECEIPT = set_line("GREEN MARKET", 90, 0)
for row, (article, price) in enumerate(
    [("Oat milk 1L", "1.95"), ("Rye bread", "3.20"), ("TOTAL", "$5.15")]
):
    RECEIPT += [*set_line(article, 0, 50 + 26 * row), *set_line(price, 300, 50 + 26 * row)]

FORM = [*set_line("Name: Holm", 0, 0), *set_line("Date: Monday", 300, 3)]
FORM += [*set_line("Room: B", 0, 30), *set_line("Item: Lamp", 300, 32)]

LEFT = [
    "the quick brown fox jumped",
    "over a lazy dog and then ran",
    "home to its den where it",
    "slept until morning came up",
]
RIGHT = [
    "meanwhile a second story is",
    "told in the other column and",
    "nobody should mix the two of",
    "them while reading this page",
]
COLUMNS = [w for k, text in enumerate(LEFT) for w in set_line(text, 0, 26 * k)]
COLUMNS += [w for k, text in enumerate(RIGHT) for w in set_line(text, 330, 26 * k + 5)]
HEADED = [*set_line("A HEADLINE OVER BOTH COLUMNS", 40, -80, 1.6), *COLUMNS]

SLATE = (
    set_line("Open daily", 400, 0)
    + set_line("8:30 - 18:00", 400, 26)
    + set_line("Scones $2.40", 400, 52)
)
WALL = set_line("42B", 100, 34, 1.2) + SLATE  # a house number and a chalk board, unrelated

EXPECTED = {
    "wall": (WALL, "42B\n\nOpen daily\n8:30 - 18:00\nScones $2.40"),
    "sign": (SIGN, "The Copper Kettle\nCOFFEE & TEA\nSINCE 1987"),
    "receipt": (RECEIPT, "GREEN MARKET\n\nOat milk 1L 1.95\nRye bread 3.20\nTOTAL $5.15"),
    "form": (FORM, "Name: Holm\nDate: Monday\nRoom: B\nItem: Lamp"),
    "columns": (COLUMNS, "\n".join(LEFT) + "\n\n" + "\n".join(RIGHT)),
    "headed": (
        HEADED,
        "A HEADLINE OVER BOTH COLUMNS\n\n" + "\n".join(LEFT) + "\n\n" + "\n".join(RIGHT),
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("angle", [0, -7, 12, 90, 178])
def test_reading_order(name, angle):
    words, expected = EXPECTED[name]
    for seed in range(3):
        assert read(words, seed, angle) == expected


def test_slanted_line_stays_one_line():
    """A line in perspective: each word lower and a little larger than the one before."""
    words: list[tuple[str, np.ndarray]] = []
    left = 0.0
    for k, text in enumerate(("COFFEE", "AND", "TEA", "ROOMS")):
        words += set_line(text, left, 5 * k, 1 + 0.08 * k)
        left = words[-1][1][1, 0] + SPACE
    assert read(words) == "COFFEE AND TEA ROOMS"


def test_vertical_name_beside_a_sign_is_its_own_block():
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    hotel = [(t, quad @ turn + [-40, 0]) for t, quad in set_line("HOTEL", 0, 0)]
    assert read([*SIGN, *hotel]).split("\n\n")[-1] == "HOTEL"


def test_small_print_beside_a_headline_is_no_part_of_it():
    words = [*set_line("SALE", 0, 0, 4), *set_line("until", 170, 10), *set_line("Sunday", 170, 36)]
    assert read(words) == "SALE\nuntil\nSunday"


def test_a_flat_dash_belongs_to_its_line():
    dash = np.array([[108.0, 12], [118, 12], [118, 17], [108, 17]])
    words = [*set_line("08:30", 50, 0), ("-", dash), *set_line("18:00", 126, 0)]
    assert read(words) == "08:30 - 18:00"


@pytest.mark.parametrize(
    "amount", ["1.95", "$5.15", "-1,70", "12%", "1.299,00", "4,50€", "(3.20)", "7.49A"]
)
def test_amounts_stay_with_what_they_are_the_amount_of(amount):
    assert read([*set_line("Rye bread", 0, 0), *set_line(amount, 400, 2)]) == f"Rye bread {amount}"


@pytest.mark.parametrize("text", ["8:30", "B214", "Date", "2024", "12/05/24", "555-0148"])
def test_other_things_far_away_do_not(text):
    assert read([*set_line("Rye bread", 0, 0), *set_line(text, 400, 2)]) == f"Rye bread\n{text}"


def test_nothing_and_one_word():
    assert reading_order(np.zeros((0, 4, 2)), []) == []
    assert read(set_line("EXIT", 3, 4)) == "EXIT"


@given(st.integers(1, 40), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_every_word_appears_once(count, seed):
    """Whatever lies where, even on top of each other and with no extent at all."""
    rng = np.random.default_rng(seed)
    quads = rng.normal(size=(count, 4, 2)) * rng.choice([0, 1, 50]) + rng.uniform(
        0, 300, (count, 1, 2)
    )
    blocks = reading_order(quads, ["x"] * count)
    assert sorted(i for block in blocks for line in block for i in line) == list(range(count))
