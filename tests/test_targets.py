"""Detection targets drawn by hand."""

import jax.numpy as jnp
import numpy as np

from gemma3_jax.data.targets import detection_targets


def box(x, y, width, height):
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def targets(boxes, ignore=None, shape=(20, 30)):
    quads = jnp.asarray([boxes], jnp.float32)
    valid = jnp.ones((1, len(boxes)), bool)
    ignored = jnp.asarray([ignore or [False] * len(boxes)])
    return detection_targets(quads, valid, ignored, shape, 4)


def test_one_positive_cell_per_word_at_its_centre():
    t = targets([box(20, 20, 40, 16), box(60, 50, 12, 12)])
    assert np.argwhere(np.asarray(t.heat[0]) == 1.0).tolist() == [[7, 10], [14, 16]]


def test_heat_spreads_along_the_line_more_than_across():
    heat = np.asarray(targets([box(20, 20, 64, 16)]).heat[0])
    assert heat[7, 14] > heat[8, 13] and heat[7, 10] > heat[10, 13]
    assert heat[7, 13] == 1.0 and heat[0, 0] < 1e-6


def test_a_vertical_word_spreads_down_the_page():
    quad = [
        [40, 10],
        [40, 70],
        [24, 70],
        [24, 10],
    ]  # read downwards: top left of the text is the page's top right
    heat = np.asarray(targets([quad]).heat[0])
    assert heat[12, 8] > heat[10, 10]


def test_corners_point_from_the_cell_to_the_words_corners_in_cells():
    t = targets([box(20, 24, 40, 16)])
    np.testing.assert_allclose(
        t.corners[0, 8, 10], np.array(box(20, 24, 40, 16)) / 4 - [10.5, 8.5], atol=1e-6
    )
    assert float(t.height[0, 8, 10]) == 4.0 and float(t.corner_weight[0, 8, 10]) == 1.0
    assert float(t.corner_weight[0, 0, 0]) == 0.0


def test_do_not_care_regions_switch_the_heat_off_inside_and_only_there():
    t = targets([box(20, 20, 40, 16), box(80, 20, 20, 20)], ignore=[False, True])
    weight = np.asarray(t.heat_weight[0])
    assert weight[6, 21] == 0.0 and weight[12, 21] == 1.0 and weight[6, 10] == 1.0
    assert np.count_nonzero(np.asarray(t.heat[0]) == 1.0) == 1


def test_a_word_over_a_do_not_care_region_still_counts():
    t = targets([box(20, 20, 40, 16), box(10, 10, 80, 40)], ignore=[False, True])
    assert float(t.heat_weight[0, 7, 10]) == 1.0


def test_slots_that_hold_nothing_leave_no_trace():
    quads = jnp.asarray([[box(20, 20, 40, 16)]], jnp.float32)
    nothing = jnp.zeros((1, 1), bool)
    t = detection_targets(quads, nothing, nothing, (20, 30), 4)
    assert not np.any(np.asarray(t.heat)) and np.all(np.asarray(t.heat_weight) == 1.0)
