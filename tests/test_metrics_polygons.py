"""Areas and overlaps of quads against hand-worked figures and OpenCV's independent clipping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.metrics.polygons import (
    convex_quads,
    inside_fractions,
    intersection_areas,
    overlaps,
    quad_areas,
)

SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4]]
HALF = [[2, 0], [6, 0], [6, 4], [2, 4]]
DIAMOND = [[2, -2], [6, 2], [2, 6], [-2, 2]]  # around the square, touching its corners
BOW_TIE = [[0, 0], [4, 4], [4, 0], [0, 4]]  # the square with its corners in crossed order
DART = [[0, 0], [4, 0], [1, 1], [0, 4]]  # dented towards its first corner; hull: a triangle
LINE = [[0, 0], [4, 0], [4, 0], [0, 0]]
CASES = [
    (SQUARE, SQUARE, 16),
    (SQUARE, HALF, 8),
    (SQUARE, SQUARE[::-1], 16),
    (SQUARE, SQUARE[2:] + SQUARE[:2], 16),
    (SQUARE, DIAMOND, 16),
    (SQUARE, [[2, 0], [4, 2], [2, 4], [0, 2]], 8),
    (SQUARE, [[1, 1], [2, 1], [2, 2], [1, 2]], 1),
    (SQUARE, [[4, 0], [8, 0], [8, 4], [4, 4]], 0),
    (SQUARE, [[9, 9], [10, 9], [10, 10], [9, 10]], 0),
    (SQUARE, BOW_TIE, 16),
    (SQUARE, DART, 8),
    (SQUARE, LINE, 0),
]


@pytest.mark.parametrize(("first", "second", "area"), CASES)
def test_hand_worked_intersections(first: list, second: list, area: float) -> None:
    a, b = np.array([first], float), np.array([second], float)
    assert intersection_areas(a, b)[0] == pytest.approx(area, abs=1e-9)
    assert intersection_areas(b, a)[0] == pytest.approx(area, abs=1e-9)
    assert overlaps(a, b)[0][0, 0] == pytest.approx(area, abs=1e-9)


def test_areas_of_proper_dented_crossed_and_flat_quads() -> None:
    areas = quad_areas(np.array([SQUARE, DIAMOND, DART, BOW_TIE, LINE], float))
    np.testing.assert_allclose(areas, [16, 32, 8, 16, 0])


def test_iou_matrix_has_one_row_per_first_quad() -> None:
    _, iou = overlaps(np.array([SQUARE, HALF], float), np.array([SQUARE, LINE, HALF], float))
    np.testing.assert_allclose(iou, [[1, 0, 1 / 3], [1 / 3, 0, 1]])


def test_none_on_either_side() -> None:
    none = np.zeros((0, 4, 2))
    assert overlaps(none, np.array([SQUARE], float))[1].shape == (0, 1)
    assert overlaps(np.array([SQUARE], float), none)[1].shape == (1, 0)
    assert intersection_areas(none, none).shape == (0,)


def test_far_from_the_origin_no_digits_are_lost() -> None:
    far = np.array([SQUARE], float) + 1e6
    assert intersection_areas(far, far + np.array([1.0, 0.0]))[0] == pytest.approx(12, abs=1e-6)


def test_share_of_a_quad_inside_a_picture() -> None:
    quads = np.array([SQUARE, HALF, np.array(SQUARE) - 10, LINE], float)
    np.testing.assert_allclose(inside_fractions(quads, 4, 8), [1, 0.5, 0, 0])


corners = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=4, max_size=4)


@settings(max_examples=200, deadline=None)
@given(corners, corners)
def test_any_two_quads_agree_with_opencv(first: list, second: list) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is the independent reference")
    hulls = [cv2.convexHull(np.array(quad, np.float32)) for quad in (first, second)]
    areas = [cv2.contourArea(hull) for hull in hulls]
    a, b = np.array([first], float), np.array([second], float)
    if all(len(set(quad)) == 4 for quad in (first, second)):
        hull_areas = [float(quad_areas(quad)[0]) for quad in (a, b)]
        # Four corners in any order have the area of their hull, or of the outline if convex.
        np.testing.assert_allclose(hull_areas, areas, atol=1e-3)
    if min(areas) > 1:
        expected = cv2.intersectConvexConvex(*hulls)[0]
        assert intersection_areas(a, b)[0] == pytest.approx(expected, abs=0.05)


@given(corners, corners)
def test_iou_is_symmetric_and_a_share(first: list, second: list) -> None:
    a, b = np.array([first], float), np.array([second], float)
    there, back = overlaps(a, b)[1][0, 0], overlaps(b, a)[1][0, 0]
    assert -1e-9 <= there <= 1 + 1e-9
    assert there == pytest.approx(back, abs=1e-6)


@given(corners)
def test_convex_quads_all_turn_the_same_way(quad: list) -> None:
    (points,) = convex_quads(np.array([quad], float))
    edges = np.roll(points, -1, axis=0) - points
    following = np.roll(edges, -1, axis=0)
    assert (edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0] >= -1e-9).all()
