"""Where a word ends and the next begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.decoding.neighbours import room, with_fair_margin


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
