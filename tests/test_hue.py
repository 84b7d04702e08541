"""Pictures of colour alone: what light does to brightness must not show in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.imaging.hue import VIVID, hued

PLANKS, LETTERS = (150, 110, 80), (90, 130, 90)  # mean levels 113 and 103


def sign(ink=LETTERS, ground=PLANKS) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [32, 64, 3] with a block of `ink` on `ground`, and where the ink is."""
    inked = np.zeros((32, 64), bool)
    inked[8:24, 10:30] = True
    return np.where(inked[..., None], np.uint8(ink), np.uint8(ground)), inked


@given(seed=st.integers(0, 99), strength=st.integers(1, 60))
def test_grey_light_does_not_show(seed, strength):
    """Ink and ground come out as two plain levels, whatever light falls on them, where in grey the light is all there is."""
    picture, inked = sign()
    light = np.random.default_rng(seed).integers(-strength, strength + 1, picture.shape[:2])
    lit = (picture + light[..., None]).astype(np.uint8)
    grey, negative = hued(lit)
    np.testing.assert_array_equal(grey, hued(picture)[0])
    assert {tuple(np.unique(grey[inked])), tuple(np.unique(grey[~inked]))} == {(0,), (255,)}
    np.testing.assert_array_equal(negative, 255 - grey)


def test_all_three_channels_are_the_same_picture():
    for one in hued(sign()[0]):
        assert one.dtype == np.uint8 and one.shape == (32, 64, 3)
        np.testing.assert_array_equal(one, one[..., :1].repeat(3, axis=-1))


@pytest.mark.parametrize("ink", [(200, 200, 200), (30, 30, 30)])
def test_without_colour_there_is_no_such_picture(ink):
    """However strong the contrast is, if it is one of brightness."""
    assert hued(sign(ink, (128, 128, 128))[0]) == []
    assert hued(np.full((16, 16, 3), 77, np.uint8)) == []


def test_colours_count_from_vivid_on():
    """Red against green by d levels, as much as by half of it yellow against blue: a difference of hypot(d, d / 2)."""
    for d in (30, 34, 37, 45):
        picture, _ = sign((100 + d, 100, 100), (100, 100, 100))
        assert bool(hued(picture)) == (np.hypot(d, d / 2) >= VIVID)
