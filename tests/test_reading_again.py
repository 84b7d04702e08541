"""Doubtful words read again from the picture's own pixels."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine, marker, picture

from gemma3_jax.page import Word
from gemma3_jax.reading.again import read_again, straightened
from gemma3_jax.reading.crops import read_crops
from gemma3_jax.reading.options import ReadOptions


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def test_an_upright_quad_is_cut_out_as_it_is():
    image = np.random.default_rng(0).integers(0, 255, (80, 120, 3), np.uint8)
    np.testing.assert_array_equal(straightened(image, box(10, 20, 70, 60)), image[20:60, 10:70])


def test_a_turned_quad_is_straightened_with_the_text_upright():
    """Quarter turn: text that runs down the page comes out running to the right."""
    image = np.zeros((100, 100, 3), np.uint8)
    image[10:50, 40:80, 0] = 200  # the beginning of the word, above
    image[50:90, 40:80, 1] = 200  # its end, below
    quad = np.array([[80, 10], [80, 90], [40, 90], [40, 10]], np.float32)
    cut = straightened(image, quad)
    assert cut.shape == (40, 80, 3)
    assert (cut[4:-4, 4:36, 0] > 190).all() and (cut[4:-4, 44:76, 1] > 190).all()


def test_small_words_grow_to_the_strips_height_and_quads_may_leave_the_picture():
    image = np.full((40, 60, 3), 90, np.uint8)
    assert straightened(image, box(10, 10, 30, 20)).shape == (32, 64, 3)
    outside = straightened(image, box(-20, -10, 20, 30))
    assert outside.shape == (40, 40, 3) and outside[-1, -1].tolist() == [90, 90, 90]


@pytest.mark.parametrize(("confidence", "expected"), [(0.1, "right"), (0.6, "wrong")])
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


def test_the_likelier_reading_stays():
    """The second look sees nothing (no marker there), and its empty reading does not replace a text."""
    engine = FakeEngine(["right"])
    image = np.full((100, 200, 3), 235, np.uint8)
    word = Word("kept", 0.2, box(20, 20, 120, 60))
    assert read_again(engine, image, [word], ReadOptions(language="off"))[0].text == "kept"


class NeedsContrast(FakeEngine):
    """Reads a strip only where black stands on white."""

    def read_strips(self, strips, widths):
        self.shapes.add(("strips", strips.shape))
        texts = [0 if np.ptp(strip) > 200 else None for strip in strips]
        columns = strips.shape[2] // 4
        quads = [np.array([[0, 0], [w, 0], [w, 32], [0, 32]]) for w in widths]
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
    on, off = (ReadOptions(language="off", enhance=enhance) for enhance in (True, False))
    assert read_crops(engine, [faint], on)[0].text == "faint"
    assert read_crops(engine, [faint], off)[0].text == ""
    strong = faint.copy()
    strong[:4] = 20  # contrast 110, yet nothing to read: it is not tried again
    calls = []
    engine.read_strips = lambda strips, widths: (
        calls.append(len(strips)) or NeedsContrast.read_strips(engine, strips, widths)
    )
    assert read_crops(engine, [strong], on)[0].text == "" and len(calls) == 1
