"""The ICDAR 2015 detection protocol, rule by rule, on boxes with overlaps worked out by hand."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gemma3_jax.data.corpora import rectangle
from gemma3_jax.metrics.detection import Found, Truth, detection_scores, match

NONE = np.zeros((0, 4, 2), np.float32)


def quads(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([rectangle(*box) for box in boxes]).reshape(-1, 4, 2)


def pair(truth: np.ndarray, found: np.ndarray, ignore: list[bool] | None = None):
    flags = np.array(ignore if ignore is not None else [False] * len(truth), bool)
    return Truth(truth, ["w"] * len(truth), flags), Found(found, ["w"] * len(found))


def test_a_perfect_answer() -> None:
    boxes = quads((0, 0, 10, 10), (20, 0, 30, 10))
    assert detection_scores([pair(boxes, boxes[::-1])]) == (1, 1, 1, 2, 2, 2)


def test_iou_must_exceed_one_half() -> None:
    truth = quads((0, 0, 10, 10))
    exactly = quads((0, 0, 10, 5))  # 50 / 100
    assert match(truth, np.array([False]), exactly).pairs == []
    assert match(truth, np.array([False]), quads((0, 0, 10, 5.1))).pairs == [(0, 0)]


def test_a_truth_is_matched_once() -> None:
    truth = quads((0, 0, 10, 10))
    scores = detection_scores([pair(truth, np.repeat(truth, 3, axis=0))])
    assert (scores.precision, scores.recall, scores.hmean) == (pytest.approx(1 / 3), 1, 0.5)


def test_an_answer_is_used_once_and_the_first_truth_takes_the_first_answer() -> None:
    truth = quads((0, 0, 10, 10), (0, 1, 10, 11))
    found = quads((0, 1, 10, 11), (0, 0, 10, 10))
    assert match(truth, np.array([False, False]), found).pairs == [(0, 0), (1, 1)]
    assert match(truth, np.array([False, False]), found[:1]).pairs == [(0, 0)]


def test_a_do_not_care_truth_neither_counts_nor_matches() -> None:
    truth = quads((0, 0, 10, 10), (20, 0, 30, 10))
    scores = detection_scores([pair(truth, truth[:1], [False, True])])
    assert scores == (1, 1, 1, 1, 1, 1)


def test_an_answer_mostly_in_a_do_not_care_region_is_not_counted() -> None:
    region = quads((0, 0, 100, 100))
    inside = quads((10, 10, 20, 20))  # IoU with the region 0.01, but all of its area lies in it
    assert match(region, np.array([True]), inside).found == 0
    half = quads((-10, 0, 10, 10))  # exactly half of it
    assert match(region, np.array([True]), half).found == 1
    assert match(region, np.array([True]), quads((-9, 0, 10, 10))).found == 0


def test_two_do_not_care_regions_do_not_add_up() -> None:
    regions = quads((0, 0, 10, 10), (10, 0, 20, 10))
    across = quads((0, 0, 20, 10))
    assert match(regions, np.array([True, True]), across).found == 1


def test_an_excused_answer_does_not_match_a_word_either() -> None:
    truth = quads((0, 0, 10, 10), (0, 0, 10, 9))
    matching = match(truth, np.array([False, True]), quads((0, 0, 10, 10)))
    assert matching == ([], 1, 0)


def test_nothing_there_and_nothing_found() -> None:
    boxes = quads((0, 0, 10, 10))
    assert detection_scores([]) == (0, 0, 0, 0, 0, 0)
    assert detection_scores([pair(NONE, NONE)]) == (0, 0, 0, 0, 0, 0)
    assert detection_scores([pair(NONE, boxes)]) == (0, 0, 0, 0, 0, 1)
    assert detection_scores([pair(boxes, NONE)]) == (0, 0, 0, 0, 1, 0)


def test_counts_are_summed_over_images_before_dividing() -> None:
    one = quads((0, 0, 10, 10))
    many = quads(*[(20 * i, 0, 20 * i + 10, 10) for i in range(9)])
    scores = detection_scores([pair(one, one), pair(many, NONE)])
    assert scores.recall == pytest.approx(0.1)  # the mean over images would be 0.5
    assert scores.precision == 1.0


def test_a_box_without_area_does_no_harm() -> None:
    flat = quads((5, 5, 5, 5))
    scores = detection_scores([pair(quads((0, 0, 10, 10)), flat, [True])])
    assert scores == (0, 0, 0, 0, 0, 1)


def test_five_hundred_crowded_images_are_quick() -> None:
    grid = quads(
        *[(40 * i, 20 * j, 40 * i + 36, 20 * j + 16) for i in range(20) for j in range(15)]
    )
    began = time.process_time()
    scores = detection_scores(pair(grid, grid + 2) for _ in range(50))
    assert scores.recall == 1.0
    assert time.process_time() - began < 3.0  # 50 of them: a tenth of a full test set
