"""Pages: what they print, and what survives being written."""

from __future__ import annotations

import numpy as np
import pytest

from gemma3_jax.page import Line, Page, Word


def word(text: str, left: float, top: float, right: float, bottom: float, **more) -> Word:
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return Word(text, more.pop("confidence", 0.9), quad, **more)


def page() -> Page:
    title = Line((word("Open", 10, 10, 50, 30), word("daily", 60, 12, 110, 32)), block=0)
    below = Line((word("8:30", 10, 40, 50, 60),), block=0)
    price = Line((word("$2.40", 200, 300, 260, 320),), block=1)
    return Page(300, 400, (title, below, price), source="sign.jpg")


def test_text_joins_words_lines_and_blocks():
    assert page().text == str(page()) == "Open daily\n8:30\n\n$2.40"
    assert [w.text for w in page().words] == ["Open", "daily", "8:30", "$2.40"]
    assert [len(block) for block in page().blocks] == [2, 1]


def test_empty_page_has_no_text():
    assert Page(10, 10).text == "" and Page(10, 10).words == () and Page(10, 10).blocks == ()


def test_line_confidence_weighs_words_by_length():
    line = Line((word("a", 0, 0, 1, 1, confidence=0.0), word("bcd", 1, 0, 4, 1, confidence=0.8)))
    assert line.confidence == pytest.approx(0.6)


def test_line_quad_of_upright_words_is_their_bounding_box():
    quad = page().lines[0].quad
    assert quad == pytest.approx(np.array([[10, 10], [110, 10], [110, 32], [10, 32]]), abs=1.5)


def test_line_quad_turns_with_the_text():
    """Two unit squares side by side, turned by 30 degrees about the origin: the line is the turned 2x1 box."""
    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.array([[cos, sin], [-sin, cos]])
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    words = [
        Word(t, 1.0, ((square + np.array([x, 0])) @ turn).astype(np.float32))
        for t, x in (("a", 0), ("b", 1))
    ]
    expected = np.array([[0, 0], [2, 0], [2, 1], [0, 1]]) @ turn
    assert Line(tuple(words)).quad == pytest.approx(expected, abs=1e-5)


def test_raw_defaults_to_the_text():
    assert word("HELLO", 0, 0, 1, 1).raw == "HELLO"
    assert word("HELLO", 0, 0, 1, 1, raw="H3LL0").raw == "H3LL0"
