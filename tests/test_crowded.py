"""Dense pages: more words than are looked for at first, and gaps that are none."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine

from gemma3_jax import GemmaOCR
from gemma3_jax.engine import Detection
from gemma3_jax.page import Word
from gemma3_jax.reading import ReadOptions, lay_out
from gemma3_jax.reading.looks import CROWDED, _detect, look

PITCH, SIDE = 12, 640  # px; room for 53 x 53 words


class Crowd(FakeEngine):
    """`count` words in a grid, likeliest first, and `faint` peaks after them that are below the threshold."""

    def __init__(self, count: int, faint: int = 0) -> None:
        super().__init__(["word"])
        self.count, self.faint = count, faint
        self.asked: list[int] = []

    def detect(self, images: np.ndarray, slots: int) -> Detection:
        self.asked.append(slots)
        at = np.arange(slots)
        row, column = np.divmod(at, SIDE // PITCH)
        corner = np.array([[0, 0], [9, 0], [9, 6], [0, 6]], np.float32)
        quads = (np.stack([column, row], -1) * PITCH)[:, None] + corner
        scores = np.where(at < self.count, 0.9, np.where(at < self.count + self.faint, 0.2, 0.0))
        return Detection(images, quads[None], scores[None], (scores > 0.5)[None])

    def read(self, features: np.ndarray, quads: np.ndarray, columns: int) -> np.ndarray:
        log_probs = np.full((*quads.shape[:2], columns, self.charset.size), -20.0, np.float32)
        log_probs[:, :, :, 0] = 0.0
        log_probs[:, :, 0, 5] = 1.0
        return log_probs


@pytest.mark.parametrize(
    ("count", "asked", "full"),
    [
        (511, CROWDED[:1], False),
        (512, CROWDED[:2], False),  # 512 found of 512 may be 512 of more
        (1500, CROWDED, False),
        (2100, CROWDED, True),
    ],
)
def test_as_many_slots_as_the_window_has_words(count, asked, full):
    engine = Crowd(count, faint=600)
    *_, valid, was_full = _detect(engine, np.zeros((SIDE, SIDE, 3), np.uint8))
    assert (engine.asked, was_full) == (list(asked), full)
    assert valid.sum() == min(count, CROWDED[-1])


def test_a_crowded_page_is_read_whole():
    options = ReadOptions(max_side=SIDE, language="off")
    words, full = look(Crowd(700), np.zeros((SIDE, SIDE, 3), np.uint8), options.sizes, options)
    assert len(words) == 700 and not full
    assert len({tuple(word.quad[0]) for word in words}) == 700


def test_too_many_words_are_said_to_be_too_many():
    ocr = GemmaOCR(Crowd(2100), ReadOptions(max_side=SIDE, min_confidence=0.0))
    page = ocr.read(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert len(page.warnings) == 1 and "more than 2048 words" in page.warnings[0]


def test_a_word_too_doubtful_to_keep_holds_its_place():
    """Without the third words of six lines a gutter would run down the page."""
    texts = ["one", "two", "three", "four", "five"]
    words = [
        Word(text, 0.2 if text == "three" else 0.9, box(60 * column, 20 * row, 50, 14))
        for row in range(6)
        for column, text in enumerate(texts)
    ]
    assert [line.text for line in lay_out(words, 0.5)] == ["one two four five"] * 6
    sure = [word for word in words if word.confidence > 0.5]
    assert len(lay_out(sure)) == 12  # the reason for it
    assert len(lay_out(words)) == 6 and not lay_out(words, 0.95)


def box(left: float, top: float, width: float, height: float) -> np.ndarray:
    right, bottom = left + width, top + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
