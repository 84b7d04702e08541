"""Doubtful words read again from the picture's own pixels."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine, marker, picture

from gemma3_jax.page import Word
from gemma3_jax.reading.again import read_again
from gemma3_jax.reading.crops import read_crops
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.views import MODESTY, placed


def outline(width):
    return np.array([[0, 0], [width, 0], [width, 32], [0, 32]])


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(0.2, "wrong"), (0.4, "right"), (0.6, "right"), (0.9, "wrong")],
)
def test_only_doubtful_words_are_read_again(confidence, expected):
    engine = FakeEngine(["right"])
    image = picture(100, 200, {0: (20, 20, 120, 60)})
    word = Word("wrong", confidence, box(20, 20, 120, 60), detection=0.7)
    (found,) = read_again(engine, image, [word], ReadOptions(language="off"))
    assert (found.text, found.detection) == (expected, 0.7)
    np.testing.assert_array_equal(found.quad, word.quad)
    if expected == "right":
        assert found.confidence > 0.5 and len(found.chars) == 5
        edges = np.stack([char.quad for char in found.chars])
        assert edges[0, 0, 0] == pytest.approx(20, abs=12) and edges[-1, 1, 0] <= 120


@pytest.mark.parametrize(
    ("text", "confidence", "noise", "views"),
    [("right", 0.5, 0, 1), ("RIGHT", 0.5, 0, 1), ("wrong", 0.5, 0, 3), ("right", 0.3, 0.05, 3)],
)
def test_a_first_view_that_agrees_and_is_sure_spares_the_others(text, confidence, noise, views):
    class Counting(FakeEngine):
        strips = 0

        def read_strips(self, strips, widths):
            self.strips += int((widths > 8).sum())  # the rest is padding
            read = super().read_strips(strips, widths)
            return np.log((1 - noise) * np.exp(read) + noise / read.shape[-1])

    engine = Counting(["right"])
    image = picture(100, 200, {0: (20, 20, 120, 60)})
    word = Word(text, confidence, box(20, 20, 120, 60))
    (found,) = read_again(engine, image, [word], ReadOptions(language="off", enhance=False))
    assert engine.strips == views and found.text.casefold() == "right"


def test_views_that_see_nothing_elect_nothing_but_cost_confidence():
    engine = FakeEngine(["right"])
    image = np.full((100, 200, 3), 235, np.uint8)
    word = Word("kept", 0.4, box(20, 20, 120, 60))
    (found,) = read_again(engine, image, [word], ReadOptions(language="off"))
    assert found.text == "kept" and found.confidence == pytest.approx((0.4 / 4 * 0.4) ** MODESTY)


def test_a_doubtful_crop_says_where_it_was_read():
    """Nothing is read but in the view that turns the tall crop: `quad` begins at the top left of the text."""

    class Lying(FakeEngine):
        def read_strips(self, strips, widths):
            columns = strips.shape[2] // 4
            lit = np.full(strips.shape[1:], marker(0), np.uint8)
            rows = [self._spell(lit, outline(width), columns) for width in widths]
            unsure = np.full_like(rows[0], -np.log(rows[0].shape[-1]))  # every class alike
            return np.stack([r if w > 64 else unsure for r, w in zip(rows, widths, strict=True)])

    crop = np.full((90, 30, 3), 235, np.uint8)
    (word,) = read_crops(Lying(["down"]), [crop], ReadOptions(language="off", enhance=False))
    assert word.text == "down"
    assert word.quad[0].tolist() in ([0, 90], [30, 0])  # running up, or down
    (still,) = read_crops(Lying(["down"]), [crop], ReadOptions(language="off", look_again=False))
    assert still.text == "" and still.quad[0].tolist() == [0, 0]


class NeedsContrast(FakeEngine):
    """Reads a strip only where black stands on white."""

    def read_strips(self, strips, widths):
        self.shapes.add(("strips", strips.shape))
        texts = [0 if np.ptp(strip) > 200 else None for strip in strips]
        columns = strips.shape[2] // 4
        quads = [outline(width) for width in widths]
        lit = np.full((32, strips.shape[2], 3), marker(0), np.uint8)
        blank = np.full_like(lit, 235)
        rows = [
            self._spell(blank if text is None else lit, quad, columns)
            for text, quad in zip(texts, quads, strict=True)
        ]
        return np.array(rows, np.float32)


def test_faint_crops_are_read_with_more_contrast_and_others_are_not():
    faint = np.full((32, 90, 3), 130, np.uint8)
    faint[8:24, 10:80:8] = 118
    engine = NeedsContrast(["faint"])
    on, off = (
        ReadOptions(language="off", look_again=False, enhance=enhance) for enhance in (True, False)
    )
    assert read_crops(engine, [faint], on)[0].text == "faint"
    assert read_crops(engine, [faint], off)[0].text == ""
    strong = faint.copy()
    strong[:4] = 20  # contrast 110, yet nothing to read: it is not tried again
    calls = []
    engine.read_strips = lambda strips, widths: (
        calls.append(len(strips)) or NeedsContrast.read_strips(engine, strips, widths)
    )
    assert read_crops(engine, [strong], on)[0].text == "" and len(calls) == 1


def test_a_word_that_only_its_colour_shows_is_read_in_its_colours():
    class Unsure(NeedsContrast):
        def read_strips(self, strips, widths):
            rows = super().read_strips(strips, widths)
            rows[np.ptp(strips, axis=(1, 2, 3)) <= 200] = -np.log(rows.shape[-1])  # all alike
            return rows

    sign = np.full((32, 90, 3), (150, 110, 80), np.uint8)
    sign[8:24, 10:80:8] = (90, 130, 90)
    engine = Unsure(["green"])
    once, again = (
        ReadOptions(language="off", enhance=False, look_again=look) for look in (False, True)
    )
    assert read_crops(engine, [sign], once)[0].text == ""
    (word,) = read_crops(engine, [sign], again)
    assert word.text == "green" and word.quad.tolist() == [[0, 0], [90, 0], [90, 32], [0, 32]]
    grey = np.repeat(sign.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    assert read_crops(engine, [grey], again)[0].text == ""


def test_what_is_read_in_a_straightened_box_is_placed_in_the_picture():
    """A leaning box: its crop's corners are the box's, its middle the box's, and a point a quarter along the top."""
    leaning = np.array([[10, 20], [110, 60], [100, 90], [0, 50]], np.float64)
    crop = np.array([[0, 0], [80, 0], [80, 32], [0, 32]], np.float64)
    np.testing.assert_allclose(placed(crop, leaning, 80, 32), leaning)
    some = np.array([[40, 16], [20, 0], [40, 16], [40, 16]], np.float64)
    np.testing.assert_allclose(
        placed(some, leaning, 80, 32), [[55, 55], [35, 30], [55, 55], [55, 55]]
    )


class Finding(FakeEngine):
    """Counts the pictures that it is to find words in."""

    asked = 0

    def detect(self, images, slots):
        self.asked += len(images)
        return super().detect(images, slots)


@pytest.mark.parametrize(
    ("search", "confidence", "presence", "squares"),
    [
        (True, 0.2, (9, 0, 0, 0), 2),  # found at two sizes
        (False, 0.2, (9, 0, 0, 0), 0),
        (True, 0.2, (-9, 0, 0, 0), 0),  # no word there
        (True, 0.01, (9, 0, 0, 0), 0),  # noise
        (True, 0.97, (9, 0, 0, 0), 0),  # sure
    ],
)
def test_doubtful_words_that_are_likely_there_are_looked_for_once_more(
    search, confidence, presence, squares
):
    """The box has "wrong" for a word that lies within it, which only the closer look sees."""
    engine = Finding(["right"])
    image = picture(120, 240, {0: (60, 40, 160, 80)})
    word = Word("wrong", confidence, box(40, 30, 180, 90), detection=0.7)
    options = ReadOptions(language="off", presence=presence)
    (found,) = read_again(engine, image, [word], options, search=search)
    assert engine.asked == squares
    assert found.text == ("right" if squares else "wrong") and found.detection == 0.7
    np.testing.assert_array_equal(found.quad, word.quad)
