"""Peaks to quads: top-k, thresholds and duplicates."""

import jax.numpy as jnp
import numpy as np

from gemma3_jax.data.targets import detection_targets
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.decoding.centres import decode_centres
from gemma3_jax.types import DetectionMaps


def box(x, y, width, height):
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def perfect_maps(targets):
    logits = jnp.log(jnp.clip(targets.heat, 1e-4, 1 - 1e-4)) - jnp.log1p(
        -jnp.clip(targets.heat, 1e-4, 1 - 1e-4)
    )
    return DetectionMaps(logits, targets.corners)


def decode(quads, **options):
    quads = jnp.asarray(quads, jnp.float32)[None]
    everything = jnp.ones(quads.shape[:2], bool)
    targets = detection_targets(quads, everything, ~everything, (40, 60), 4)
    return decode_centres(perfect_maps(targets), slots=16, stride=4, **options)


def test_targets_decode_to_the_words_they_were_made_of():
    words = [
        box(10, 10, 60, 16),
        box(100, 30, 30, 12),
        box(20, 80, 150, 40),
        [[180, 60], [200, 80], [192, 88], [172, 68]],
    ]
    quads, scores, valid = decode(words)
    assert int(valid.sum()) == len(words)
    found = np.asarray(quads[0])[np.asarray(valid[0])]
    order = np.lexsort(found[:, 0].T)
    expected = np.asarray(words, np.float32)
    np.testing.assert_allclose(found[order], expected[np.lexsort(expected[:, 0].T)], atol=1e-3)
    assert np.all(np.diff(np.asarray(scores[0])) <= 0)


def test_a_second_peak_on_the_same_word_is_dropped_but_a_small_word_inside_a_large_one_stays():
    heat = np.full((1, 40, 60), -9.0, np.float32)
    corners = np.zeros((1, 40, 60, 4, 2), np.float32)

    def put(row, column, logit, quad):
        heat[0, row, column] = logit
        corners[0, row, column] = np.asarray(quad) / 4 - np.array([column + 0.5, row + 0.5])

    put(10, 10, 4.0, box(10, 20, 100, 40))
    put(10, 20, 2.0, box(12, 22, 100, 40))  # the same word again
    put(7, 10, 1.0, box(36, 26, 12, 6))  # small print on its upper edge
    put(30, 40, 3.0, box(150, 115, 40, 16))
    put(35, 5, -2.0, box(10, 135, 20, 10))  # under the threshold
    _quads, scores, valid = decode_centres(
        DetectionMaps(jnp.asarray(heat), jnp.asarray(corners)), slots=8, stride=4
    )
    kept = np.round(1 / (1 + np.exp(-np.array([4.0, 3.0, 1.0]))), 4)
    assert (
        sorted(np.round(np.asarray(scores[0])[np.asarray(valid[0])], 4), reverse=True)
        == kept.tolist()
    )


def test_corners_come_from_the_cells_near_their_end():
    """The peak sees both ends 8 px short, the cells near an end see that end right: the word is whole."""
    word, short = np.array(box(16, 40, 160, 16)), np.array(box(24, 40, 144, 16))
    cells = np.stack(np.meshgrid(np.arange(60) + 0.5, np.arange(40) + 0.5), axis=-1)[:, :, None]
    seen = np.where((np.abs(cells[..., :1] * 4 - 96) < 40), short, word) / 4 - cells
    heat = np.full((1, 40, 60), -9.0, np.float32)
    heat[0, 12, 24] = 3.0
    quads, _, valid = decode_centres(
        DetectionMaps(jnp.asarray(heat), jnp.asarray(seen[None], jnp.float32)), slots=4, stride=4
    )
    assert valid[0].tolist() == [True, False, False, False]
    np.testing.assert_allclose(quads[0, 0], word, atol=1e-3)


def test_more_slots_than_cells_is_no_error():
    quads, _, valid = decode_centres(
        DetectionMaps(jnp.zeros((1, 2, 2)), jnp.zeros((1, 2, 2, 4, 2))), slots=99, stride=4
    )
    assert quads.shape == (1, 4, 4, 2) and valid.shape == (1, 4)


def test_margins_grow_a_turned_word_along_its_own_axes():
    along, down = (
        np.array([60.0, 80.0]),
        np.array([-16.0, 12.0]),
    )  # 100 x 20 px, turned by 53 degrees
    quad = np.array([[0, 0], along, along + down, down])
    found = with_margin(quad)
    unit = along / 100
    expected = quad + 0.2 * 20 * np.array([-unit, unit, unit, -unit])
    expected += 0.1 * np.array([-down, -down, down, down])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(with_margin(jnp.asarray(quad, jnp.float32)), expected, atol=1e-3)
