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


def test_cells_along_the_middle_line_teach_the_corners_and_those_far_from_one_are_forgiven():
    t = targets(
        [box(20, 20, 64, 16), box(20, 60, 8, 8)]
    )  # 16 x 4 cells from (5, 5); 2 x 2 from (5, 15)
    weight = np.asarray(t.corner_weight[0])
    # 0.3 of the height of 4 cells around the line y = 7: rows 6 and 7 (centres half a cell off)
    assert np.argwhere(weight[:10] > 0).tolist() == [[r, c] for r in (6, 7) for c in range(5, 21)]
    np.testing.assert_allclose(weight[6:8, 5:21], 1 / 32, rtol=1e-6)  # one word counts 1 in all
    np.testing.assert_allclose(weight[15:17, 5:7], 1 / 4, rtol=1e-6)
    # From the leftmost cell (5.5, 6.5): the top left corner is 1.58 cells away, the top right one 15.57
    np.testing.assert_allclose(t.tolerance[0, 6, 5], [4, 15.5724 / 2, 15.7003 / 2, 4], atol=1e-3)


def test_where_words_cross_the_nearer_centre_owns_the_cell():
    long, tall = box(0, 36, 120, 16), box(88, 4, 16, 80)
    t = targets([long, tall], shape=(24, 30))
    row, column = 10, 23  # in both bands: (94, 42) px, two cells from the tall word's centre
    np.testing.assert_allclose(
        np.asarray(t.corners[0, row, column]) + np.array([column + 0.5, row + 0.5]),
        np.array(tall) / 4,
    )


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
