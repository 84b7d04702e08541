"""Boxes that hold several words, parted at the spaces that were read."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine, picture
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.decoding.boxes import slice_quads
from gemma3_jax.metrics.polygons import quad_areas
from gemma3_jax.page import Char, Word
from gemma3_jax.reading import ReadOptions, find_words
from gemma3_jax.reading.looks import parted_once
from gemma3_jax.reading.parting import parted


def word(text: str, quad: np.ndarray, confidence: float = 0.5, raw: str = "") -> Word:
    """Characters of equal widths."""
    ends = np.arange(len(text) + 1) / len(text)
    quads = slice_quads(quad, np.stack([ends[:-1], ends[1:]], axis=1))
    chars = tuple(Char(c, 0.9, own) for c, own in zip(text, quads, strict=True))
    return Word(text, confidence, quad.astype(np.float32), chars, 0.8, raw, raw and "language")


FLAT = np.array([[0, 0], [70, 0], [70, 10], [0, 10]], np.float64)
RISING = FLAT @ np.array([[0.8, -0.6], [0.6, 0.8]]) + [30, 90]


@pytest.mark.parametrize("quad", [FLAT, RISING])
def test_a_space_parts_a_box_where_it_stands(quad):
    """Seven characters of 10 px each: the space is at 35 px, and 1.3 px to either side are white."""
    first, second = parted([word("PTE LTD", quad, confidence=0.25)])
    assert [first.text, second.text] == ["PTE", "LTD"]
    spans = [[0, (35 - 1.3) / 70], [(35 + 1.3) / 70, 1]]
    for piece, span in zip((first, second), spans, strict=True):
        np.testing.assert_allclose(piece.quad, slice_quads(quad, np.array([span]))[0], atol=1e-4)
        assert [char.text for char in piece.chars] == list(piece.text)
        assert piece.confidence == pytest.approx(0.5)  # 0.25 of both together
        assert piece.detection == 0.8 and piece.raw == piece.text and not piece.reason
    ends = np.array([first.chars[0].quad[0], first.chars[-1].quad[1]])
    np.testing.assert_allclose(ends, first.quad[:2], atol=1e-4)


def test_what_the_language_model_changed_stays_told():
    first, second = parted([word("the sign", FLAT, raw="tne sign")])
    assert (first.raw, first.reason) == ("tne", "language")
    assert (second.raw, second.reason) == ("sign", "")
    assert [w.raw for w in parted([word("the sign", FLAT, raw="thesign")])] == ["the", "sign"]


def test_words_without_spaces_are_the_same_objects():
    words = [word("PTE", FLAT), word("LTD", RISING)]
    assert all(a is b for a, b in zip(parted(words), words, strict=True))


def test_a_space_with_no_room_parts_nothing():
    narrow = np.array([[0, 0], [3, 0], [3, 40], [0, 40]], np.float64)
    (same,) = parted([word("a b", narrow)])
    assert same.text == "a b"


@given(st.text("ab .", min_size=1, max_size=14), st.floats(0.05, 1))
def test_pieces_are_the_words_of_the_text_and_lie_in_the_box(text, confidence):
    quad = FLAT * [4, 1]
    pieces = parted([word(text, quad, confidence)])
    if text.strip():
        assert [piece.text for piece in pieces] == text.split()
        assert np.prod([p.confidence for p in pieces]) == pytest.approx(confidence)
    areas = quad_areas(np.stack([piece.quad for piece in pieces]))
    assert areas.sum() <= quad_areas(quad[None])[0] * (1 + 1e-6)
    gaps = np.diff([[p.quad[0, 0], p.quad[1, 0]] for p in pieces], axis=0)
    assert (gaps > 0).all()


def test_a_word_that_was_found_alone_too_comes_out_once():
    alone = word("LTD", slice_quads(FLAT, np.array([[0.55, 1]]))[0], 0.9)
    words = parted_once([word("PTE LTD", FLAT, 0.25), alone])
    assert [(w.text, w.confidence) for w in words] == [("LTD", 0.9), ("PTE", 0.5)]


def test_a_page_has_the_words_of_a_merged_box():
    page = picture(160, 320, {0: (20, 40, 160, 60), 1: (104, 70, 160, 90)})
    words = find_words(FakeEngine(["PTE LTD", "next"]), page, ReadOptions(language="off"))
    assert [w.text for w in words] == ["PTE", "LTD", "next"]
    middles = [float(w.quad[:, 0].mean()) for w in words]
    assert 40 < middles[0] < 60 and 120 < middles[1] < 140
