"""Views of a doubtful word: where they lie, how they are cut out, and how they vote."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.decoding.boxes import sides, with_margin
from gemma3_jax.reading.views import LEVEL, MODESTY, leaning_views, page_views, straightened, vote


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def test_an_upright_quad_is_cut_out_as_it_is():
    image = np.random.default_rng(0).integers(0, 255, (80, 120, 3), np.uint8)
    np.testing.assert_array_equal(straightened(image, box(10, 20, 70, 60)), image[20:60, 10:70])


def test_a_turned_quad_is_straightened_with_the_text_upright():
    """Quarter turn: text that runs down the page comes out running to the right."""
    image = np.zeros((100, 100, 3), np.uint8)
    image[10:50, 40:80, 0] = 200  # the beginning of the word, above
    image[50:90, 40:80, 1] = 200  # its end, below
    quad = np.array([[80, 10], [80, 90], [40, 90], [40, 10]], np.float32)
    cut = straightened(image, quad)
    assert cut.shape == (40, 80, 3)
    assert (cut[4:-4, 4:36, 0] > 190).all() and (cut[4:-4, 44:76, 1] > 190).all()


def test_small_words_grow_to_the_strips_height():
    image = np.full((40, 60, 3), 90, np.uint8)
    assert straightened(image, box(10, 10, 30, 20)).shape == (32, 64, 3)


def test_beyond_the_edge_the_last_pixels_are_repeated():
    image = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    padded = np.pad(image, ((10, 10), (20, 20), (0, 0)), mode="edge")
    np.testing.assert_array_equal(straightened(image, box(-20, -10, 20, 30)), padded[:40, :40])
    np.testing.assert_array_equal(straightened(image, box(40, 10, 80, 50)), padded[20:60, 60:100])
    assert straightened(image, box(100, 100, 140, 140)).shape == (40, 40, 3)  # quite outside


def test_the_views_of_a_word_on_a_page():
    """100 x 20 px: half the height and a quarter of it around the word; then the usual margin, an end up and the other down."""
    wide, falling, rising = page_views(box(50, 50, 150, 70)[None], np.full((1, 2), np.inf))[0]
    np.testing.assert_allclose(wide, box(40, 45, 160, 75), atol=1e-4)
    step = np.tan(np.deg2rad(8)) * 108 / 2
    usual = box(46, 47, 154, 73)
    np.testing.assert_allclose(falling, usual + np.outer([-1, 1, 1, -1], [0, step]), atol=1e-3)
    np.testing.assert_allclose(rising, usual - np.outer([-1, 1, 1, -1], [0, step]), atol=1e-3)


def test_no_view_of_a_word_on_a_page_reaches_its_neighbour():
    """A word ends 4 px further right: no view goes beyond the middle."""
    wide, falling, _ = page_views(box(50, 50, 150, 70)[None], np.array([[np.inf, 4]]))[0]
    np.testing.assert_allclose(wide, box(40, 45, 152, 75), atol=1e-4)
    np.testing.assert_allclose(falling[:, 0], box(46, 0, 152, 0)[:, 0], atol=1e-3)


def test_a_levelled_view_takes_back_the_tilt_of_the_word():
    """A rectangle at 12 degrees, its upright bounding box as a crop: one view is that rectangle and its margin."""
    turn = np.deg2rad(12)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    word = (box(-60, -15, 60, 15) * [1 + LEVEL[0] / 2, 1 + 2 * LEVEL[1]]) @ matrix
    corners = box(-60, -15, 60, 15) @ matrix
    low, high = corners.min(axis=0), corners.max(axis=0)
    width, height = high - low
    views = leaning_views(width, height)
    nearest = min(np.abs(view - (word - low)).max() for view in views)
    assert nearest < 1e-3
    assert len(views) == 4  # 12 turned, 18 sheared; steeper would be no line


def test_a_sheared_view_takes_back_the_slope_of_upright_letters():
    """Lines that fall by 18 degrees over 100 px, 30 px apart, ends upright: one view is that parallelogram and its margin."""
    fall = 100 * np.tan(np.deg2rad(18))
    word = np.array([[0, 0], [100, fall], [100, fall + 30], [0, 30]])
    views = leaning_views(100, fall + 30)
    assert min(np.abs(view - with_margin(word, LEVEL)).max() for view in views) < 1e-3
    mirrored = word[[1, 0, 3, 2]] * [-1, 1] + [100, 0]  # they rise as much
    assert min(np.abs(view - with_margin(mirrored, LEVEL)).max() for view in views) < 1e-3


def test_tall_crops_are_read_sideways_too_and_flat_ones_are_not_levelled():
    assert not leaning_views(300, 20)  # over 300 px a line falls by 62 px at 12 degrees
    tall = leaning_views(20, 90)
    lying = [view for view in tall if np.allclose(sides(view), (90, 20))]
    assert sorted(view[0].tolist() for view in lying) == [[0, 90], [20, 0]]


def test_agreement_beats_one_sure_view():
    winner, sure = vote(["SOUP", "shop", "SHOP", "Shop"], [0.8, 0.5, 0.6, 0.4])
    assert winner == 2  # the surest of those that agree
    assert sure == pytest.approx(((0.5 + 0.6 + 0.4) / 4 * 0.6) ** MODESTY)


def test_empty_views_count_and_are_not_elected():
    assert vote(["", "", "no"], [0.9, 0.9, 0.1]) == (2, pytest.approx((0.1 / 3 * 0.1) ** MODESTY))
    assert vote(["", ""], [0.3, 0.9]) == (0, 0.3)


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b", " ", ""]), st.floats(0, 1)), min_size=1))
def test_no_other_text_has_a_larger_product_of_share_and_confidence(readings):
    texts, confidences = zip(*readings, strict=True)
    winner, sure = vote(texts, confidences)
    assert 0 <= sure <= 1
    products = [
        confidence * sum(c for t, c in readings if t.casefold() == text.casefold()) / len(readings)
        for text, confidence in readings
        if text.strip()
    ]
    if products:
        assert texts[winner].strip()
        assert sure == pytest.approx(max(products) ** MODESTY)
