"""Strips sampled from feature maps: perspective, pyramid levels, masks, and the shortcut for canvases."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.model.crop import Features, canvas_strips, homography, sample_strips, used_columns


def test_homography_maps_the_unit_square_to_the_quad():
    quad = jnp.array([[3.0, 1.0], [20.0, 4.0], [17.0, 12.0], [2.0, 9.0]])
    square = jnp.array([[0.0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
    xyw = square @ homography(quad).T
    np.testing.assert_allclose(xyw[:, :2] / xyw[:, 2:], quad, atol=1e-3)


def ramps(height, width):
    """Features whose channels are the pixel coordinates of each cell's centre, so samples say where they were taken."""

    def ramp(stride):
        y, x = np.mgrid[0 : height // stride, 0 : width // stride]
        return jnp.asarray((np.stack([x, y], -1) + 0.5) * stride, jnp.float32)[None]

    return Features(ramp(2), ramp(4))


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.6, 0.6), st.floats(16, 100), st.floats(1.0, 4.0))
def test_samples_lie_where_the_quad_says(angle, height, aspect):
    along = np.array([np.cos(angle), np.sin(angle)]) * height * aspect
    down = np.array([-np.sin(angle), np.cos(angle)]) * height
    middle = np.array([300.0, 200.0])
    quad = np.array([-along - down, along - down, along + down, down - along]) / 2 + middle
    strips, inside = sample_strips(
        ramps(400, 600), jnp.asarray(quad, jnp.float32)[None, None], 16, 64
    )
    used = int(inside[0, 0].sum())
    assert used == int(np.clip(round(16 * aspect), 4, 64)) or abs(used - 16 * aspect) <= 1
    for part, step in ((strips.stem, 1), (strips.fused, 2)):
        columns = (np.arange(64 // step) + 0.5) * step
        u, v = columns[columns <= used] / used, (np.arange(16 // step) + 0.5) * step / 16
        expected = quad[0] + u[None, :, None] * along + v[:, None, None] * down
        np.testing.assert_allclose(part[0, 0, :, : len(u)], expected, atol=0.05)
        assert len(u) in (used // step, -(-used // step)) and not part[0, 0, :, len(u) :].any()


def test_a_tall_word_is_read_from_a_mean_not_from_every_fourth_pixel():
    rng = np.random.default_rng(0)
    noise = Features(
        jnp.asarray(rng.normal(size=(1, 128, 128, 1)), jnp.float32), jnp.zeros((1, 64, 64, 1))
    )

    def spread(height):
        quad = jnp.array(
            [[10.0, 10], [10 + height, 10], [10 + height, 10 + height], [10, 10 + height]]
        )
        strips, _inside = sample_strips(noise, quad[None, None], 16, 64)
        return float(strips.stem[0, 0, :, :16, 0].std())

    assert spread(32) > 0.8  # cells on samples
    assert spread(32) / spread(128) > 3.0  # 4 x 4 cells in one sample: noise falls to a quarter


def test_canvas_shortcut_equals_sampling_the_canvas_quad():
    keys = jax.random.split(jax.random.key(0))
    features = Features(
        jax.random.normal(keys[0], (3, 16, 64, 3)), jax.random.normal(keys[1], (3, 8, 32, 5))
    )
    widths = jnp.array([128.0, 60.0, 54.0])  # the last ends within a cell of the fused map
    quads = jnp.array([[[[0, 0], [w, 0], [w, 32], [0, 32]]] for w in widths])
    sampled, inside = sample_strips(features, quads, 16, 64)
    direct, own = canvas_strips(features, widths / 2)
    np.testing.assert_array_equal(inside[:, 0], own)
    np.testing.assert_array_equal(own.sum(axis=1), [64, 30, 27])
    for a, b in zip(sampled, direct, strict=True):
        np.testing.assert_allclose(a[:, 0], b, atol=1e-5)
    assert direct.fused[2, :, 13].any() and not direct.fused[2, :, 14].any()


def test_used_columns_keep_the_aspect_and_squeeze_what_is_longer():
    def box(width, height):
        return [[0.0, 0], [width, 0], [width, height], [0, height]]

    quads = jnp.array([box(64, 32), box(10, 10), box(1, 50), box(900, 30)])
    assert used_columns(quads, 16, 64).tolist() == [32, 16, 4, 64]


def test_a_collapsed_quad_gives_numbers_and_no_gradient_explosion():
    features = ramps(64, 64)

    def total(quad):
        return sum(part.sum() for part in sample_strips(features, quad[None, None], 16, 64)[0])

    quad = jnp.full((4, 2), 20.0)
    value, gradient = jax.value_and_grad(total)(quad)
    assert np.isfinite(value) and np.all(np.isfinite(np.asarray(gradient)))
