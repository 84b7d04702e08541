"""Words of which a box has cut off an end, with an engine that reads letters painted as blocks of colour."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine, marker

from gemma3_jax.page import Word
from gemma3_jax.reading.ends import lengthened
from gemma3_jax.reading.options import ReadOptions

LETTERS = "abcdefgh"
BLOCK, GAP, TOP, HEIGHT = 16, 4, 30, 32
PLAIN = ReadOptions(language="off", enhance=False)


class BlockReader(FakeEngine):
    """Reads the letter whose colour is in the middle of each column; `noise` takes that much off its certainty."""

    def __init__(self, noise=0.0):
        super().__init__([])
        self.noise, self.strips = noise, 0

    def read_strips(self, strips, widths):
        self.strips += int((widths > 8).sum())  # the rest is padding
        columns = strips[:, 16, 2::4].astype(int)
        probs = np.full((*columns.shape[:2], self.charset.size), 1e-6)
        tokens = np.zeros(columns.shape[:2], int)
        for k, letter in enumerate(LETTERS):
            seen = (np.abs(columns - marker(k)) <= 11).all(axis=-1)
            tokens[seen] = self.charset.encode(letter)[0]
        np.put_along_axis(probs, tokens[..., None], 1.0, axis=-1)
        probs = (1 - self.noise) * probs + self.noise / self.charset.size
        return np.log(probs / probs.sum(axis=-1, keepdims=True)).astype(np.float32)


def painted(text, left=40, width=400):
    """A picture with `text` from `left` on, and the x at which each letter begins, and the word ends."""
    image = np.full((96, width, 3), 235, np.uint8)
    starts = [left + k * (BLOCK + GAP) for k in range(len(text) + 1)]
    for letter, x in zip(text, starts, strict=False):
        image[TOP : TOP + HEIGHT, x : x + BLOCK] = marker(LETTERS.index(letter))
    return image, starts


def word(text, left, right, confidence=0.9):
    quad = [[left, TOP], [right, TOP], [right, TOP + HEIGHT], [left, TOP + HEIGHT]]
    return Word(text, confidence, np.array(quad, np.float32), raw=text)


@pytest.mark.parametrize(
    ("first", "last"), [(0, 4), (1, 5), (0, 3)], ids=["its end", "its start", "two letters"]
)
def test_a_word_that_goes_on_beyond_its_box_is_whole_again(first, last):
    image, x = painted("abcde")
    cut = word("abcde"[first:last], x[first], x[last] - GAP)
    (found,) = lengthened(BlockReader(), image, [cut], PLAIN)
    assert found.text == "abcde" and found.confidence > 0.9
    left, right = found.quad[0, 0], found.quad[1, 0]
    # the end that was whole stays where it is, the other one comes within half a letter of the truth
    assert left == x[0] if first == 0 else abs(left - x[0]) <= BLOCK / 2
    assert right == x[5] - GAP if last == 5 else abs(right - (x[5] - GAP)) <= BLOCK / 2
    assert len(found.chars) == 5 and found.chars[0].quad[0, 0] >= left


def test_bare_ground_beyond_is_not_read():
    image, x = painted("abc")
    engine = BlockReader()
    whole = word("abc", x[0], x[3] - GAP)
    assert lengthened(engine, image, [whole], PLAIN) == [whole] and engine.strips == 0


def test_what_stands_beyond_is_another_word():
    image, x = painted("abcdef")
    first, second = word("abc", x[0], x[3] - GAP), word("def", x[3] + 4, x[6] - GAP)
    engine = BlockReader()
    assert lengthened(engine, image, [first, second], PLAIN) == [first, second]
    assert engine.strips == 0


def test_a_word_that_is_likely_none_stays():
    image, x = painted("abcde")
    cut = word("abcd", x[0], x[4] - GAP, confidence=0.4)
    assert lengthened(BlockReader(), image, [cut], PLAIN) == [cut]


@pytest.mark.parametrize(
    ("text", "noise"), [("abhd", 0.0), ("abcd", 0.2)], ids=["others", "less sure"]
)
def test_a_reading_of_other_letters_or_less_sure_changes_nothing(text, noise):
    image, x = painted("abcde")
    cut = word(text, x[0], x[4] - GAP)
    engine = BlockReader(noise)
    assert lengthened(engine, image, [cut], PLAIN) == [cut] and engine.strips > 0


def test_no_words_no_ends():
    assert lengthened(BlockReader(), np.zeros((64, 64, 3), np.uint8), [], PLAIN) == []
