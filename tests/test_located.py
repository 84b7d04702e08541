"""Words found in crops of them: places and tilts worked out by hand, on an engine that finds what it is told."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine, picture

from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.engine import Detection
from gemma3_jax.reading.crops import read_crops
from gemma3_jax.reading.located import LONG, SQUARE, WORDS, located_views
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.views import USUAL


class Told(FakeEngine):
    """Finds `quads` `[n, 4, 2]` with `scores`, given in px of a crop `width` x `height` wherever that lies in its square."""

    def __init__(self, quads, scores, width, height, texts=()):
        super().__init__(list(texts))
        self.quads, self.scores = np.array(quads, float), np.array(scores)
        self.width, self.height, self.calls = width, height, 0

    def detect(self, images, slots):
        assert images.shape[1:] == (SQUARE, SQUARE, 3) and slots == WORDS
        quads, scores = np.zeros((len(images), slots, 4, 2)), np.zeros((len(images), slots))
        for own_quads, own_scores in zip(quads, scores, strict=True):
            scale = LONG[self.calls % len(LONG)] / max(self.width, self.height)
            corner = (SQUARE - np.round([self.width * scale, self.height * scale])) // 2
            own_quads[: len(self.quads)] = self.quads * scale + corner
            own_scores[: len(self.scores)] = self.scores
            self.calls += 1
        return Detection(images, quads, scores, scores > 0.3)


def leaning(width: float, height: float, degrees: float) -> tuple[np.ndarray, float, float]:
    """A rectangle whose right end lies lower, in its upright bounding box: quad, width and height of that box."""
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    quad = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ matrix
    quad -= quad.min(axis=0)
    return quad, *quad.max(axis=0)


@pytest.mark.parametrize("degrees", [20, -33])
def test_a_leaning_word_is_read_as_it_was_found_and_as_its_crop_says(degrees):
    """Found a fifth too short, the word's whole length is known from the crop, whose edges it touches."""
    word, width, height = leaning(100, 24, degrees)
    short = word.mean(axis=0) + (word - word.mean(axis=0)) * 0.8
    crop = np.zeros((round(height), round(width), 3), np.uint8)
    (views,) = located_views(Told([short], [0.9], *crop.shape[1::-1]), [crop])
    assert len(views) == 3 * len(LONG)
    np.testing.assert_allclose(views[0], with_margin(short, USUAL), atol=0.5)
    whole = views[1]
    along = whole[1] - whole[0]
    assert np.rad2deg(np.arctan2(along[1], along[0])) == pytest.approx(degrees, abs=1)
    assert 100 <= np.linalg.norm(along) <= 105  # and its margin
    np.testing.assert_allclose(whole.mean(axis=0), word.mean(axis=0), atol=1)


def test_a_word_found_too_short_is_drawn_out_along_its_own_lines():
    """Found from x = 30 to 70 of 100, its upper line falls by 10 px over 40 and its lower one by 5."""
    short = np.array([[30, 20], [70, 30], [70, 60], [30, 55]])
    crop = np.zeros((90, 100, 3), np.uint8)
    (views,) = located_views(Told([short], [0.9], 100, 90), [crop])
    whole = [[0, 12.5], [100, 37.5], [100, 63.75], [0, 51.25]]
    for view in views[2::3]:
        np.testing.assert_allclose(view, whole, atol=0.5)


def test_a_word_that_runs_down_the_crop_is_not_drawn_out():
    upright = np.array([[40, 10], [42, 90], [12, 90], [10, 10]])
    crop = np.zeros((100, 50, 3), np.uint8)
    (views,) = located_views(Told([upright], [0.9], 50, 100), [crop])
    assert len(views) == len(LONG)


def test_the_large_word_in_the_middle_is_taken_and_level_ones_are_not_levelled():
    middle = [[10, 10], [90, 10], [90, 30], [10, 30]]
    corner = [[0, 0], [30, 0], [30, 8], [0, 8]]
    crop = np.zeros((40, 100, 3), np.uint8)
    (views,) = located_views(Told([corner, middle], [0.9, 0.6], 100, 40), [crop])
    assert len(views) == 2 * len(LONG)  # as found, and drawn out
    for view in views[::2]:
        np.testing.assert_allclose(view, with_margin(np.array(middle, float), USUAL), atol=0.5)


def test_nothing_found_is_no_view_and_crops_keep_their_order():
    crops = [np.zeros((40, 100, 3), np.uint8)] * 3
    assert located_views(FakeEngine(["word"]), crops) == [[], [], []]
    crops[1] = picture(40, 100, {0: (20, 10, 80, 30)})
    empty, found, last = located_views(FakeEngine(["word"]), crops)
    assert (empty, last) == ([], []) and len(found) == 2 * len(LONG)
    np.testing.assert_allclose(found[0].mean(axis=0), (50, 20), atol=1)


def test_a_doubtful_crop_is_read_where_the_word_lies_in_it():
    """The text stands in the right half; around its middle there is nothing to read."""
    crop = picture(40, 200, {0: (120, 10, 196, 30)})
    off, on = (ReadOptions(language="off", enhance=False, look_again=x) for x in (False, True))
    assert [word.text for word in read_crops(FakeEngine(["word"]), [crop], off)] == [""]
    (word,) = read_crops(FakeEngine(["word"]), [crop], on)
    assert word.text == "word" and 100 < word.quad[0, 0] < 120
