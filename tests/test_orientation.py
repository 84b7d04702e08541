"""Pages scanned sideways or upside down."""

from __future__ import annotations

import numpy as np
import pytest

from gemma3_jax.page import Char, Word
from gemma3_jax.reading.orientation import turn_back, turned


def words_of(count: int, text: str, confidence: float) -> list[Word]:
    quad = np.array([[10, 20], [40, 20], [40, 30], [10, 30]], np.float32)
    return [Word(text, confidence, quad, (Char(text[0], confidence, quad),))] * count


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_points_go_back_to_where_they_came_from(turns):
    picture = np.zeros((40, 70), np.uint8)
    picture[7, 52] = 1
    ((row, column),) = np.argwhere(np.rot90(picture, turns) == 1)
    point = np.array([column + 0.5, row + 0.5], np.float32)  # the pixel's centre
    np.testing.assert_array_equal(turn_back(point, turns, picture.shape), [52.5, 7.5])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_read_turned_and_its_quads_say_so(turns):
    """The picture has a mark in its first corner once it stands as the text does."""
    upright = np.zeros((60, 100, 3), np.uint8)
    upright[0, 0] = 255
    scanned = np.ascontiguousarray(np.rot90(upright, -turns))

    def read(picture):
        good = picture.shape == upright.shape and picture[0, 0, 0] == 255
        return words_of(30, "words" if good else "l", 0.9 if good else 0.6)

    found = turned(scanned, words_of(40, "l", 0.6), read)
    assert [word.text for word in found] == ["words"] * 30
    along = found[0].quad[1] - found[0].quad[0]
    expected = {1: [0, 30], 2: [-30, 0], 3: [0, -30]}[turns]
    np.testing.assert_allclose(along, expected)
    np.testing.assert_array_equal(found[0].chars[0].quad, found[0].quad)


def never(picture):
    raise AssertionError("a page that makes sense is read once")


@pytest.mark.parametrize(
    "words",
    [
        words_of(40, "fine", 0.9),
        words_of(19, "l", 0.1),  # a photograph with some rubbish
        [],
        words_of(20, "fine", 0.9) + words_of(50, "l", 0.2),  # half of it reads
    ],
)
def test_pages_that_make_sense_and_photographs_are_not_tried(words):
    assert turned(np.zeros((60, 100, 3), np.uint8), words, never) is words


def test_many_strokes_do_not_outweigh_few_words():
    """A receipt on its side: three strokes are found where one word is, each of them a letter now and then."""
    page, strokes = np.zeros((60, 100, 3), np.uint8), words_of(326, "l", 0.55)
    receipt = words_of(115, "receipt", 0.9)
    found = turned(page, strokes, lambda picture: receipt)
    assert [word.text for word in found] == ["receipt"] * 115
    assert turned(page, strokes, lambda picture: receipt[:20]) is strokes  # less in all


def test_unclear_pages_stay_as_they_are():
    page, words = np.zeros((60, 100, 3), np.uint8), words_of(40, "l", 0.6)
    little_better = turned(page, words, lambda picture: words_of(40, "lo", 0.6))
    nothing_there = turned(page, words, lambda picture: [])
    few_words = turned(page, words, lambda picture: words_of(10, "wonderful", 1.0))
    assert little_better is words and nothing_there is words and few_words is words
