"""Each loss against a reference that shares no code with it."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.data.targets import detection_targets
from gemma3_jax.losses.ctc import ctc_loss, nothing_loss
from gemma3_jax.losses.focal import LEAST_HEAT, focal_loss
from gemma3_jax.losses.geometry import corner_loss, iou_loss
from gemma3_jax.losses.joint import (
    CORNER_WEIGHT,
    ENDS_WEIGHT,
    IOU_WEIGHT,
    detection_loss,
    total_loss,
)
from gemma3_jax.types import DetectionMaps


def all_paths_loss(probabilities, label):
    """-log of the summed probability of every alignment that collapses to `label`: CTC by its definition."""
    t, v = probabilities.shape
    total = 0.0
    for path in itertools.product(range(v), repeat=t):
        collapsed = [c for i, c in enumerate(path) if c and (i == 0 or c != path[i - 1])]
        if collapsed == label:
            total += math.prod(probabilities[i, c] for i, c in enumerate(path))
    return -math.log(total)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 2), min_size=1, max_size=3), st.integers(0, 1000))
def test_ctc_sums_over_all_alignments(label, seed):
    t = 5
    logits = np.random.default_rng(seed).normal(size=(t, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    padded = jnp.array([label + [0] * (4 - len(label))])
    found = ctc_loss(
        jnp.log(jnp.asarray(probabilities, jnp.float32))[None], padded, jnp.ones(1, bool)
    )
    assert float(found) == pytest.approx(all_paths_loss(probabilities, label), rel=1e-4)


def test_ctc_counts_valid_words_that_fit_and_no_others():
    log_probs = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (4, 3, 5)))
    labels = jnp.array(
        [[1, 2, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [3, 0, 0, 0]]
    )  # fits, too long, empty, not valid
    valid = jnp.array([True, True, True, False])
    alone = ctc_loss(log_probs[:1], labels[:1], valid[:1])
    value, gradient = jax.value_and_grad(ctc_loss)(log_probs, labels, valid)
    assert float(value) == pytest.approx(float(alone))
    assert np.all(np.isfinite(np.asarray(gradient)))
    assert not np.any(np.asarray(gradient[1:]))


def test_ctc_gets_columns_from_the_mask_not_from_confident_blanks():
    sure = (
        jnp.full((1, 4, 3), -60.0).at[0, :, 0].set(0.0)
    )  # blank with probability one in float32, nothing masked
    assert float(ctc_loss(sure, jnp.array([[1, 2]]), jnp.ones(1, bool))) > 50


def test_nothing_is_the_empty_label_in_all_columns_of_valid_boxes():
    logits = np.random.default_rng(0).normal(size=(3, 4, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    log_probs = jnp.log(jnp.asarray(probabilities, jnp.float32))
    wanted = [all_paths_loss(own, []) for own in probabilities]
    found = nothing_loss(log_probs, jnp.array([True, False, True]))
    assert float(found) == pytest.approx((wanted[0] + wanted[2]) / 2, rel=1e-5)
    assert float(nothing_loss(log_probs, jnp.zeros(3, bool))) == 0


def test_ctc_is_float32_whatever_comes_in():
    log_probs = jnp.zeros((1, 4, 3), jnp.bfloat16)
    assert ctc_loss(log_probs, jnp.array([[1]]), jnp.ones(1, bool)).dtype == jnp.float32


def logit(p):
    return jnp.log(jnp.asarray(p, jnp.float32)) - jnp.log1p(-jnp.asarray(p, jnp.float32))


def test_focal_of_four_cells_by_hand():
    p, target = [0.8, 0.3, 0.6, 0.5], [1.0, 0.5, 0.0, 0.5]
    cells = [
        0.2**2 * -math.log(0.8),  # the centre
        0.2**2 * -(0.5 * math.log(0.3) + 0.5 * math.log(0.7)),  # half warm, too cold
        0.6**2 * -math.log(0.4),  # a false alarm
        0.0,  # right: nothing to learn
    ]
    target = jnp.asarray([[target]])
    everywhere = jnp.ones_like(target)
    found = focal_loss(logit([[p]]), target, everywhere)
    assert float(found) == pytest.approx(
        sum(cells) / LEAST_HEAT, rel=1e-5
    )  # heat of 2 is under the least
    found = focal_loss(logit([[p]]), target, everywhere.at[0, 0, 2].set(0.0))  # do not care
    assert float(found) == pytest.approx((cells[0] + cells[1]) / LEAST_HEAT, rel=1e-5)


def test_focal_weighs_pictures_not_words():
    page, photograph = jnp.ones((1, 4, 8)), jnp.zeros((1, 4, 8)).at[0, 0, :8].set(1.0)
    cold = jnp.full((2, 4, 8), logit(0.1))
    both = focal_loss(cold, jnp.concatenate([page, photograph]), jnp.ones((2, 4, 8)))
    missed = 0.9**2 * -math.log(0.1)
    false_alarms = 24 * 0.1**2 * -math.log(0.9) / 8
    assert float(both) == pytest.approx((missed + missed + false_alarms) / 2, rel=1e-5)


def test_focal_without_words_still_punishes_false_alarms_and_stays_finite():
    logits = jnp.full((1, 2, 2), 100.0)
    value = float(focal_loss(logits, jnp.zeros((1, 2, 2)), jnp.ones((1, 2, 2))))
    assert value == pytest.approx(4 * 100.0 / LEAST_HEAT, rel=1e-3)


def test_corner_loss_is_huber_in_units_of_the_tolerance():
    predicted, target = jnp.zeros((1, 1, 2, 4, 2)), jnp.zeros((1, 1, 2, 4, 2))
    predicted = predicted.at[0, 0, 0, 0, 0].set(
        0.2
    )  # 0.05 of a tolerance of 4: quadratic, 5 * 0.05^2
    predicted = predicted.at[0, 0, 1, 2, 1].set(-3.0)  # 1.5 of 2: linear, 1.5 - 0.05
    tolerance = jnp.full((1, 1, 2, 4), 4.0).at[0, 0, 1, 2].set(2.0)
    found = corner_loss(predicted, target, tolerance, jnp.array([[[1.0, 0.5]]]))
    # each of 8 coordinates counts an eighth; the weights sum to 1.5 words
    assert float(found) == pytest.approx((5 * 0.05**2 / 8 + 0.5 * 1.45 / 8) / 1.5, rel=1e-5)


def test_corner_loss_weighs_pictures_not_words():
    """Three words a unit off, one word two units off, and an empty picture: (0.95 + 1.95) / 2."""
    predicted = jnp.concatenate([jnp.ones((1, 1, 3, 4, 2)), jnp.full((2, 1, 3, 4, 2), 2.0)])
    weight = jnp.array([[[1.0, 1.0, 1.0]], [[0.5, 0.5, 0.0]], [[0.0, 0.0, 0.0]]])
    found = corner_loss(predicted, jnp.zeros_like(predicted), jnp.ones((3, 1, 3, 4)), weight)
    assert float(found) == pytest.approx((0.95 + 1.95) / 2)


def test_corner_loss_is_blind_where_the_weight_is_zero():
    wild, nowhere = jnp.full((1, 3, 3, 4, 2), 50.0), jnp.zeros((1, 3, 3))
    assert float(corner_loss(wild, jnp.zeros_like(wild), jnp.ones((1, 3, 3, 4)), nowhere)) == 0.0


TURNED = np.array(
    [[3.0, 1.0], [9.0, 9.0], [5.0, 12.0], [-1.0, 4.0]]
)  # 10 x 5 cells, turned by 53 degrees


def iou_of(predicted, target=TURNED):
    first, second = (jnp.asarray(x, jnp.float32)[None, None, None] for x in (predicted, target))
    return float(iou_loss(first, second, jnp.ones((1, 1, 1))))


def test_iou_loss_by_hand_on_a_turned_word():
    along, down = (TURNED[1] - TURNED[0]), (TURNED[3] - TURNED[0])
    assert iou_of(TURNED) == pytest.approx(0.0, abs=1e-6)
    thin = (
        TURNED + np.array([[0.25], [0.25], [-0.25], [-0.25]]) * down
    )  # half as high: IoU 1/2, hull the word
    assert iou_of(thin) == pytest.approx(0.5, abs=1e-5)
    fat = TURNED + np.array([[-0.5], [-0.5], [0.5], [0.5]]) * down  # twice as high costs the same
    assert iou_of(fat) == pytest.approx(0.5, abs=1e-5)
    # moved by half its length: IoU (1/2) / (3/2), the hull is filled
    assert iou_of(TURNED + 0.5 * along) == pytest.approx(1 - 1 / 3, abs=1e-5)
    # two lengths away: no overlap, union 2 in a hull of 3
    assert iou_of(TURNED + 2 * along) == pytest.approx(2 - 0 - 2 / 3, abs=1e-5)


def test_iou_loss_pulls_a_box_that_is_nowhere_near_and_ignores_empty_cells():
    arrays = [jnp.asarray(x, jnp.float32)[None, None, None] for x in (TURNED + 12.0, TURNED)]
    gradient = jax.grad(lambda p: iou_loss(p, arrays[1], jnp.ones((1, 1, 1))))(arrays[0])
    assert float(jnp.sum(gradient * -12.0)) < 0  # a step towards the word lowers the loss
    nowhere = jnp.zeros((1, 1, 1))
    assert not np.any(jax.grad(lambda p: iou_loss(p, jnp.zeros_like(p), nowhere))(arrays[0]))


def detection_terms(seen, quad=((2, 2), (12, 2), (12, 6), (2, 6))):
    """Terms of a picture with the word `quad` (cells), whose 8 x 16 cells see the corners `seen`."""
    quads = 4 * jnp.asarray([[quad, np.zeros((4, 2))]], jnp.float32)  # and an empty slot
    valid = jnp.array([[True, False]])
    targets = detection_targets(quads, valid, jnp.zeros_like(valid), (8, 16), 4)
    cells = np.stack(np.meshgrid(np.arange(16) + 0.5, np.arange(8) + 0.5), axis=-1)[:, :, None]
    corners = jnp.asarray((seen - cells)[None], jnp.float32)
    return detection_loss(DetectionMaps(jnp.zeros((1, 8, 16)), corners), targets)


def test_total_is_the_weighted_sum_of_the_two_tasks():
    terms = detection_terms(np.ones((8, 16, 4, 2)))
    assert float(terms["det"]) == pytest.approx(
        float(
            terms["focal"]
            + CORNER_WEIGHT * terms["corners"]
            + IOU_WEIGHT * terms["iou"]
            + ENDS_WEIGHT * terms["ends"]
        )
    )
    assert float(total_loss(jnp.float32(2.0), jnp.float32(3.0), 0.5, 4.0)) == 13.0


def test_ends_are_judged_by_the_cells_that_are_asked_for_them():
    """The left half of a word sees its right end two cells out, the right half its left end: no decoded box has either."""
    word = np.array([[2.0, 2.0], [12.0, 2.0], [12.0, 6.0], [2.0, 6.0]])
    seen = np.tile(word, (8, 16, 1, 1))
    seen[:, :7, 1:3, 0] += 2
    seen[:, 7:, [0, 3], 0] -= 2
    terms = detection_terms(seen)
    assert float(terms["ends"]) == pytest.approx(0.0, abs=1e-6)
    assert float(terms["iou"]) == pytest.approx(1 - 10 / 12, abs=1e-5)
    # the other way round every end that is decoded is two cells out: IoU 10 / 14
    seen = np.tile(word, (8, 16, 1, 1))
    seen[:, :7, [0, 3], 0] -= 2
    seen[:, 7:, 1:3, 0] += 2
    assert float(detection_terms(seen)["ends"]) == pytest.approx(1 - 10 / 14, abs=1e-5)
