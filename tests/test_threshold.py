"""Local thresholds against sums taken window by window."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.imaging.threshold import (
    adaptive_threshold,
    contrast,
    enhanced,
    local_moments,
    otsu,
    stroke_width,
    window_for,
)


def page(shape=(60, 90), ink=40, paper=200, stroke=4):
    """Bars of a known width on paper, and where they are."""
    grey = np.full(shape, paper, np.uint8)
    for left in range(10, shape[1] - 10, 5 * stroke):
        grey[10:-10, left : left + stroke] = ink
    return grey, grey == ink


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(3, 12), st.integers(3, 12), st.sampled_from([3, 5, 9]))
def test_moments_are_those_of_each_window(seed, h, w, window):
    grey = np.random.default_rng(seed).integers(0, 256, (h, w), dtype=np.uint8)
    mean, deviation = local_moments(grey, window)
    half = window // 2
    for i in range(h):
        for j in range(w):
            part = grey[max(i - half, 0) : i + half + 1, max(j - half, 0) : j + half + 1]
            assert mean[i, j] == pytest.approx(part.mean(), abs=1e-3)
            assert deviation[i, j] == pytest.approx(part.std(), abs=0.05)


def test_sums_that_wrap_around_are_still_right():
    """70 000 white pixels in a row: the integral image of squares passes 2 ** 32."""
    grey = np.full((1, 70_000), 255, np.uint8)
    mean, deviation = local_moments(grey, 255)
    assert (mean == 255).all() and (deviation < 0.1).all()


def test_numpy_and_jax_give_the_same_pixels():
    grey = np.random.default_rng(0).integers(0, 256, (64, 96), dtype=np.uint8)
    compiled = jax.jit(lambda x: adaptive_threshold(x, window=15))
    np.testing.assert_array_equal(adaptive_threshold(grey, 15), compiled(jnp.asarray(grey)))


@pytest.mark.parametrize(("ink", "paper"), [(40, 200), (118, 130), (220, 90)])
def test_ink_is_black_at_any_contrast_and_polarity(ink, paper):
    grey, truth = page(ink=ink, paper=paper)
    np.testing.assert_array_equal(adaptive_threshold(grey) == 0, truth)


def test_a_shadow_across_the_page_does_not_matter():
    grey, truth = page((60, 400), ink=150, paper=210)
    shadow = np.linspace(1.0, 0.3, 400)
    shaded = np.round(grey * shadow).astype(np.uint8)
    whole = shaded <= otsu(shaded)
    assert (whole != truth).mean() > 0.2  # one threshold for the page loses a fifth of it
    assert (adaptive_threshold(shaded, 21) == 0)[truth].mean() > 0.97
    assert ((adaptive_threshold(shaded, 21) == 0) & ~truth).mean() < 0.02


@pytest.mark.parametrize("stroke", [2, 4, 7])
def test_stroke_width_is_the_pens(stroke):
    grey, _ = page((80, 200), stroke=stroke)
    assert stroke_width(grey) == stroke
    assert stroke_width(255 - grey) == stroke
    assert window_for(stroke) % 2 == 1


def test_otsu_splits_two_levels_and_survives_one():
    assert 40 <= otsu(page()[0]) < 200
    assert stroke_width(np.full((5, 5), 7, np.uint8)) >= 1


def test_a_faint_picture_is_stretched_and_thresholded():
    grey, truth = page((64, 90), ink=118, paper=130)
    pixels = np.repeat(grey[..., None], 3, axis=-1)
    assert contrast(pixels) == 12
    stretched, ink = enhanced(pixels)
    assert stretched[truth].max() == 0 and stretched[~truth].min() == 255
    np.testing.assert_array_equal(ink[..., 0] == 0, truth)
    assert enhanced(pixels[:32])[1].shape == (64, 180, 3)  # enlarged until strokes are fine


@pytest.mark.parametrize("window", [4, 1, 257])
def test_bad_windows_are_refused(window):
    with pytest.raises(ValueError, match=f"window={window} must be odd"):
        adaptive_threshold(page()[0], window)
