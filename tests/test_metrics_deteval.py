"""DetEval on boxes whose area shares are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.data.corpora import rectangle
from gemma3_jax.metrics.detection import Found, Truth
from gemma3_jax.metrics.deteval import deteval_credit, deteval_scores

NONE = np.zeros((0, 4, 2), np.float32)


def quads(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([rectangle(*box) for box in boxes]).reshape(-1, 4, 2)


def credit(truth: np.ndarray, found: np.ndarray, ignore: list[bool] | None = None):
    return deteval_credit(truth, np.array(ignore or [False] * len(truth), bool), found)


def test_one_to_one() -> None:
    boxes = quads((0, 0, 10, 10), (20, 0, 30, 10))
    assert credit(boxes, boxes[::-1]) == (2, 2, 2, 2)


@pytest.mark.parametrize(
    ("right", "matched"),
    [
        (8, 1),  # 0.8 of the truth: enough
        (7.9, 0),
        (25, 1),  # the whole truth, 0.4 of the answer: enough
        (25.1, 0),
    ],
)
def test_shares_of_area_that_one_to_one_needs(right: float, matched: int) -> None:
    assert credit(quads((0, 0, 10, 10)), quads((0, 0, right, 10))).recall == matched


def test_a_truth_in_two_pieces_earns_the_split_credit() -> None:
    """Recalls 0.5 + 0.4 = 0.9, precisions 1: the truth earns 0.8, and so does each piece."""
    pieces = quads((0, 0, 50, 10), (50, 0, 90, 10))
    assert credit(quads((0, 0, 100, 10)), pieces) == (0.8, 1.6, 1, 2)
    scores = deteval_scores(
        [(Truth(quads((0, 0, 100, 10)), ["w"], np.zeros(1, bool)), Found(pieces, ["a", "b"]))]
    )
    assert (scores.recall, scores.precision) == (0.8, 0.8)
    assert scores.hmean == pytest.approx(0.8)


def test_pieces_that_cover_too_little_earn_nothing() -> None:
    assert credit(quads((0, 0, 100, 10)), quads((0, 0, 40, 10), (60, 0, 99, 10))).recall == 0


def test_pieces_that_add_up_to_just_enough_count_in_spite_of_binary_fractions() -> None:
    thirds = quads((0, 0, 26, 10), (30, 0, 57, 10), (60, 0, 87, 10))  # 0.26 + 0.27 + 0.27
    assert credit(quads((0, 0, 100, 10)), thirds) == (0.8, pytest.approx(2.4), 1, 3)


def test_two_truths_in_one_box_earn_full_credit() -> None:
    """Each truth lies wholly in the answer; its precisions 0.45 + 0.45 add up to 0.9."""
    truths = quads((0, 0, 45, 10), (55, 0, 100, 10))
    assert credit(truths, quads((0, 0, 100, 10))) == (2, 1, 2, 1)


def test_truths_that_fill_too_little_of_the_box_earn_nothing() -> None:
    truths = quads((0, 0, 19, 10), (81, 0, 100, 10))  # 0.38 together
    assert credit(truths, quads((0, 0, 100, 10))).recall == 0


def test_a_truth_that_another_box_grazes_is_a_split_in_one_piece() -> None:
    """A second box touches it, so it is no one-to-one match; its single piece earns full credit."""
    truth = quads((0, 0, 10, 10))
    assert credit(truth, quads((0, 0, 10, 10), (9, 0, 60, 10))) == (1, 1, 1, 2)


def test_a_box_that_grazes_another_truth_is_a_merge_of_one() -> None:
    truths = quads((0, 0, 10, 10), (9.5, 0, 40, 10))
    assert credit(truths, quads((0, 0, 10, 10))) == (1, 1, 2, 1)


def test_do_not_care_by_two_fifths_of_the_answer() -> None:
    region = quads((0, 0, 100, 100))
    assert credit(region, quads((-6, 0, 4, 10)), [True]).found == 1  # 0.4 of it
    assert credit(region, quads((-5.9, 0, 4, 10)), [True]).found == 0
    both = quads((0, 0, 10, 10), (20, 0, 30, 10))
    assert credit(both, both, [False, True]) == (1, 1, 1, 1)


def test_nothing_there_and_nothing_found() -> None:
    boxes = quads((0, 0, 10, 10))
    assert deteval_scores([]) == (0, 0, 0, 0, 0, 0)
    assert credit(NONE, NONE) == (0, 0, 0, 0)
    assert credit(NONE, boxes) == (0, 0, 0, 1)
    assert credit(boxes, NONE) == (0, 0, 1, 0)


def test_an_answer_without_area_does_no_harm() -> None:
    assert credit(quads((0, 0, 10, 10)), quads((5, 5, 5, 5))) == (0, 0, 1, 1)


corner = st.integers(0, 12)
box = st.tuples(corner, corner, corner, corner).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]) + 1, max(b[1], b[3]) + 1)
)


@given(st.lists(box, max_size=5), st.lists(box, max_size=5), st.data())
def test_no_credit_without_a_box_and_order_of_one_to_one_does_not_matter(truth, found, data):
    t, f = quads(*truth), quads(*found)
    ignore = data.draw(st.lists(st.booleans(), min_size=len(truth), max_size=len(truth)))
    result = deteval_credit(t, np.array(ignore, bool), f)
    assert 0 <= result.recall <= result.truths + 1e-9
    assert 0 <= result.precision <= result.found + 1e-9
    assert (result.recall > 0) == (result.precision > 0)
