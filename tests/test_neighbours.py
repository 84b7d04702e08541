"""Where a word ends and the next begins."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine, marker
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax import GemmaOCR
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.decoding.neighbours import beyond, joined, pieces, room, with_fair_margin
from gemma3_jax.engine import Detection
from gemma3_jax.reading import ReadOptions


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def turned(quads, degrees, centre=(100.0, 50.0)):
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return (np.asarray(quads) - centre) @ matrix + centre


LINE = np.stack([box(0, 0, 50, 20), box(54, 1, 120, 21), box(116, 0, 180, 20)])


@pytest.mark.parametrize("degrees", [0, 17, 90, -130])
def test_the_gaps_of_a_line_in_any_direction(degrees):
    """4 px between the first two words, the last two overlap by 4."""
    found = room(turned(LINE, degrees))
    np.testing.assert_allclose(found, [[np.inf, 4], [4, -4], [-4, np.inf]], atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        box(54, 25, 120, 45),  # the next line
        box(54, -20, 120, 40),  # a headline of three times the height
        turned(box(54, 0, 120, 20)[None], 45, (54.0, 10.0))[0],  # runs elsewhere
        box(10, 0, 52, 20),  # the same word once more
    ],
)
def test_what_is_no_neighbour_takes_no_room(other):
    assert np.isinf(room(np.stack([box(0, 0, 50, 20), other]))[0]).all()


def test_the_nearest_of_several_neighbours_counts():
    words = np.stack([box(0, 0, 50, 20), box(90, 0, 120, 20), box(56, 2, 80, 19)])
    np.testing.assert_allclose(room(words)[0], [np.inf, 6])


def test_margins_end_in_the_middle_of_the_gap():
    """Height 20, ends grow by 4: not into the neighbour, and where boxes overlap they shrink to the middle."""
    fair = with_fair_margin(LINE, room(LINE), (0.2, 0.0))
    np.testing.assert_allclose(fair[:, [0, 1], 0], [[-4, 52], [52, 118], [118, 184]])
    np.testing.assert_allclose(fair[..., 1], LINE[..., 1])


def test_neighbours_leave_a_word_half_of_its_width():
    fair = with_fair_margin(box(0, 0, 20, 20)[None], np.array([[-100.0, -100.0]]), (0.2, 0.0))
    np.testing.assert_allclose(fair[0, [0, 1], 0], [5, 15])


def test_no_words_no_room():
    assert room(np.zeros((0, 4, 2))).shape == (0, 2)
    assert with_fair_margin(np.zeros((0, 4, 2)), np.zeros((0, 2))).shape == (0, 4, 2)


@given(st.floats(-180, 180), st.floats(5, 60), st.floats(5, 300))
def test_a_word_alone_has_the_usual_margin(degrees, height, width):
    quads = turned(box(0, 0, width, height)[None], degrees)
    np.testing.assert_allclose(
        with_fair_margin(quads, room(quads)), with_margin(quads), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("degrees", [0, 17, 90, -130])
def test_boxes_that_overlap_as_words_do_not_are_pieces_of_one(degrees):
    """Height 20: "PR" and "OMOTIONS" share 15 px, "WWW" and "COM" no more than ends are off by."""
    boxes = [box(72, 0, 104, 20), box(89, 2, 192, 22), box(300, 0, 350, 20), box(345, 0, 400, 20)]
    quads = turned(np.stack(boxes), degrees)
    pairs = pieces(quads)
    assert pairs.tolist() == [[0, 1]]
    whole = turned(np.array([[72, 0], [192, 2], [192, 22], [72, 20]]), degrees)
    np.testing.assert_allclose(joined(quads, pairs)[0], whole, atol=1e-9)


@pytest.mark.parametrize(
    "other",
    [
        box(10, 0, 103, 20),  # the same word, a little longer: nothing to gain
        box(30, 1, 90, 19),  # inside it
        box(80, 14, 180, 34),  # the next line
        box(80, -15, 180, 35),  # a larger one
        turned(box(80, 0, 180, 20)[None], 60, (100.0, 10.0))[0],
    ],
)
def test_what_is_no_piece_is_not_joined(other):
    assert not len(pieces(np.stack([box(10, 0, 100, 20), other])))


def test_nothing_to_join():
    assert pieces(np.zeros((0, 4, 2))).shape == (0, 2)
    assert joined(np.zeros((0, 4, 2)), np.zeros((0, 2), int)).shape == (0, 4, 2)


CASH, SALES = box(31, 0, 78, 20), box(82, 1, 141, 21)
BOTH = box(31, 0, 142, 20)


@pytest.mark.parametrize("degrees", [0, 17, 90, -130])
def test_a_dropped_box_that_holds_a_word_more(degrees):
    """Of two such boxes the better one; not one that is the found word, a little longer."""
    boxes = turned(np.stack([BOTH, box(30, 1, 140, 19), box(70, 0, 150, 20)]), degrees)
    found = turned(np.stack([box(200, 0, 250, 20), SALES]), degrees)
    kept, own = beyond(boxes, found)
    assert kept.tolist() == [0]
    assert own.tolist() == [[False, True]]
    back, own = beyond(boxes[::-1], found)
    assert back.tolist() == [1] and own.tolist() == [[False, True]]


@pytest.mark.parametrize(
    "found",
    [
        np.stack([CASH, SALES]),  # both ends are taken
        box(82, -30, 141, 50)[None],  # of four times the height
        box(150, 0, 200, 20)[None],  # beside it
        np.zeros((0, 4, 2)),
    ],
)
def test_a_dropped_box_with_nothing_more(found):
    kept, own = beyond(BOTH[None], found)
    assert kept.shape == (0,) and own.shape == (0, len(found))


def test_nothing_was_dropped():
    kept, own = beyond(np.zeros((0, 4, 2)), LINE)
    assert kept.shape == (0,) and own.shape == (0, 3)


def test_the_room_of_a_box_is_between_words_that_are_not_its_own():
    """From 10 to 31 on the left, from 142 to 150 on the right."""
    words = np.stack([box(0, 0, 10, 20), CASH, SALES, box(150, 0, 180, 20)])
    own = np.array([[False, True, True, False]])
    np.testing.assert_allclose(room(BOTH[None], words, own), [[21, 8]])
    assert room(np.zeros((0, 4, 2)), words, np.zeros((0, 4), bool)).shape == (0, 2)


class Splits(FakeEngine):
    """Finds the one word as two boxes, and reads in a box what it covers of it, a cut letter too."""

    def __init__(self) -> None:
        super().__init__(["promotions", "prc", "omotions"])

    def detect(self, images, slots):
        quads = np.zeros((1, slots, 4, 2), np.float32)
        quads[0, :2] = [box(60, 100, 140, 130), box(120, 100, 380, 130)]
        scores = np.zeros((1, slots), np.float32)
        scores[0, :2] = 0.5, 0.9
        return Detection(images, quads, scores, scores > 0.3)

    def read(self, features, quads, columns):
        rows = []
        for quad in quads[0]:
            left, right = quad[0, 0] < 80, quad[1, 0] > 360
            lit = np.full(features.shape[1:], marker(0 if left and right else 1 + right), np.uint8)
            rows.append(2 * self._spell(lit, quad, columns))  # as sure of blanks as a real one
        return np.stack([rows - np.log(np.exp(rows).sum(-1, keepdims=True))])


def test_a_word_found_in_two_pieces_is_read_whole():
    options = ReadOptions(language="off", look_again=False, max_side=640)
    page = GemmaOCR(Splits(), options).read(np.zeros((640, 640, 3), np.uint8))
    assert page.text == "promotions"
    np.testing.assert_allclose(page.words[0].quad, box(60, 100, 380, 130), atol=0.1)


class Drops(FakeEngine):
    """Finds "SALES" and, dropped for lying on it, "CASH SALES"; reads what a box begins with."""

    def __init__(self) -> None:
        super().__init__(["CASH SALES", "SALES"])

    def detect(self, images, slots):
        quads = np.zeros((1, slots, 4, 2), np.float32)
        quads[0, :2] = [box(220, 100, 340, 130), box(100, 100, 341, 130)]
        scores = np.zeros((1, slots), np.float32)
        scores[0, :2] = 0.6, 0.5
        return Detection(images, quads, scores, scores > 0.55)

    def read(self, features, quads, columns):
        words = [quad[0, 0] > 150 for quad in quads[0]]
        lit = [np.full(features.shape[1:], marker(int(word)), np.uint8) for word in words]
        spelt = [2 * self._spell(*pair, columns) for pair in zip(lit, quads[0], strict=True)]
        return np.stack([spelt - np.log(np.exp(spelt).sum(-1, keepdims=True))])


def test_a_word_without_a_peak_of_its_own_is_found_in_the_box_that_was_dropped():
    options = ReadOptions(language="off", look_again=False, max_side=640)
    page = GemmaOCR(Drops(), options).read(np.zeros((640, 640, 3), np.uint8))
    assert page.text == "CASH SALES"
    assert [word.text for word in page.words] == ["CASH", "SALES"]
    assert page.words[0].quad[1, 0] < page.words[1].quad[0, 0]
