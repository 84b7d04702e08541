"""Real crops as imperfect boxes would have cut them, and paler."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from gemma3_jax.data.augment import _warp, paled

NEUTRAL = np.array([0, -0.4, 0, 0, 0, 0, -6 / 14])  # zoom 1 both ways


def strip(width: int) -> np.ndarray:
    """White, a dark line of 3 px along the middle of the used part."""
    image = np.ones((32, 128, 3), np.float32)
    image[14:18, :width] = 0
    return image


def middles(image: np.ndarray, width: float) -> np.ndarray:
    """Row of the line's middle in every used column, NaN where there is none."""
    dark = 1 - np.asarray(image)[:, : int(width), 0]
    with np.errstate(invalid="ignore"):
        return (dark * (np.arange(32) + 0.5)[:, None]).sum(0) / dark.sum(0)


def test_nothing_asked_for_changes_nothing():
    image = np.random.default_rng(0).uniform(size=(32, 128, 3)).astype(np.float32)
    image[:, 96:] = image[:, 95:96]
    same, width = _warp(jnp.asarray(image), jnp.float32(96), jnp.asarray(NEUTRAL))
    assert width == 96
    np.testing.assert_allclose(same[:, 1:95], image[:, 1:95], atol=2e-2)


@pytest.mark.parametrize("width", [40, 96, 128])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_leaning_word_leans_stays_in_the_strip_and_keeps_its_shape(width, side):
    amount = NEUTRAL.copy()
    amount[3], amount[5] = side, -1
    leaning, narrower = _warp(jnp.asarray(strip(width)), jnp.float32(width), jnp.asarray(amount))
    rows = middles(np.asarray(leaning), float(narrower))
    assert np.isfinite(rows).all() and rows.min() > 2 and rows.max() < 30
    slope = np.polyfit(np.arange(len(rows)), rows, 1)[0]
    np.testing.assert_allclose(slope, -side * 0.3, rtol=0.06)
    thinner = (1 - np.asarray(leaning)[:, : int(narrower), 0]).sum(0).mean() / 4
    np.testing.assert_allclose(float(narrower) / width, thinner, rtol=0.06)


@pytest.mark.parametrize(("amount", "grown"), [(-1, 0.92), (1, 1.2)])
def test_margins_are_cut_off_or_added_above_and_below(amount, grown):
    change = NEUTRAL.copy()
    change[6] = amount
    seen, _ = _warp(jnp.asarray(strip(96)), jnp.float32(96), jnp.asarray(change))
    thick = (1 - np.asarray(seen)[:, :96, 0]).sum(0).mean()
    np.testing.assert_allclose(thick, 4 / grown, rtol=0.03)


def test_a_pale_crop_keeps_its_colour_and_a_share_of_its_contrast():
    image = np.random.default_rng(0).random((32, 128, 3), np.float32)
    pale = np.asarray(paled(jnp.asarray(image), jnp.float32(0.25)))
    np.testing.assert_allclose(pale.mean((0, 1)), image.mean((0, 1)), atol=1e-5)
    np.testing.assert_allclose(pale.std((0, 1)), 0.25 * image.std((0, 1)), rtol=1e-4)
