"""At which sizes a picture is read, and that nothing is detected or read twice."""

from __future__ import annotations

import numpy as np
from fake_engine import FakeEngine, picture

from gemma3_jax import GemmaOCR
from gemma3_jax.engine import Detection
from gemma3_jax.imaging.resize import SizePolicy
from gemma3_jax.reading import looks_worth_taking

FIRST = SizePolicy(max_side=1280)


class ShortSighted(FakeEngine):
    """Finds words of 4 to 60 px, as a trained detector does."""

    def detect(self, images, slots):
        found = super().detect(images, slots)
        heights = found.quads[..., 3, 1] - found.quads[..., 0, 1]
        return found._replace(valid=found.valid & (heights >= 4) & (heights <= 60))


def test_large_words_are_found_at_half_the_size_and_words_seen_twice_kept_once():
    boxes = {0: (100, 100, 1100, 200), 1: (100, 300, 300, 340), 2: (100, 600, 160, 606)}
    engine = ShortSighted(["huge", "middling", "tiny"])
    words = GemmaOCR(engine).read(picture(800, 1280, boxes)).words
    assert [word.text for word in words] == ["huge", "middling", "tiny"]
    np.testing.assert_allclose(words[0].quad[[0, 2]], [[100, 100], [1100, 200]], atol=3)
    without = GemmaOCR(engine).with_options(look_again=False).read(picture(800, 1280, boxes)).words
    assert [word.text for word in without] == ["middling", "tiny"]


def looks(count, height, shape):
    """Of a picture (h, w) with `count` words of `height` px in its own pixels, seen 1280 px long first."""
    factor = 1280 / max(shape)
    return looks_worth_taking(np.full(count, height * factor), factor, shape, FIRST)


def test_large_text_is_looked_at_again_at_half_the_size():
    assert looks(40, 12, (800, 1280)) == (FIRST,)
    again = (FIRST, SizePolicy(scale=0.5))
    assert looks(40, 40, (800, 1280)) == again
    assert looks(5, 12, (800, 1280)) == again
    assert looks(0, 12, (1600, 2560)) == (FIRST, SizePolicy(scale=0.25))


def test_small_print_is_read_larger_where_the_picture_has_more_of_it():
    assert looks(40, 36, (1600, 2560)) == (FIRST,)  # 18 px in the network's eyes
    assert looks(40, 18, (1600, 2560)) == (SizePolicy(scale=1.0),)  # 9 px
    assert looks(40, 64, (3200, 5120)) == (SizePolicy(scale=0.3125),)  # to 20
    assert looks(40, 80, (3200, 10240)) == (SizePolicy(scale=0.25),)  # 2560 px
    assert looks(40, 12, (800, 1330)) == (FIRST,)  # hardly larger


def test_a_small_scan_of_tiny_print_alone_is_enlarged():
    first = SizePolicy(max_side=960)
    assert looks_worth_taking(np.full(40, 14.0), 0.96, (750, 1000), first) == (first,)
    sizes = looks_worth_taking(np.full(40, 10.0), 0.96, (750, 1000), first)
    assert sizes == (SizePolicy(scale=1.28),)


class Counting(FakeEngine):
    """Remembers how large the pictures were that it looked at."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__(texts)
        self.seen: list[tuple[int, ...]] = []

    def detect(self, images: np.ndarray, slots: int) -> Detection:
        self.seen.append(images.shape[1:3])
        return super().detect(images, slots)


def test_each_size_is_detected_once_and_read_once():
    engine = Counting(["large", "words"])
    boxes = {0: (100, 100, 300, 160), 1: (400, 300, 600, 360)}
    assert str(GemmaOCR(engine).with_options(max_side=1280).read(picture(800, 1280, boxes)))
    assert engine.seen == [(864, 1280), (448, 640)]


def test_small_print_is_read_at_the_larger_size_only():
    """A grid of 40 words, 8 px high in the network's eyes: scouted at 640 px, read at 1280."""
    engine = Grid()
    page = GemmaOCR(engine).with_options(max_side=640).read(np.zeros((1280, 1280, 3), np.uint8))
    assert engine.seen == [640, 1280]
    assert engine.read_at == {1280}
    assert len(page.words) == 40


class Grid(FakeEngine):
    """Five rows of eight words, 16 px high in a picture of 1280 px."""

    def __init__(self) -> None:
        super().__init__(["word"])
        self.seen: list[int] = []
        self.read_at: set[int] = set()

    def detect(self, images: np.ndarray, slots: int) -> Detection:
        side = images.shape[1]
        self.seen.append(side)
        corner = np.stack(np.meshgrid(np.arange(8) * 150, np.arange(5) * 200), -1).reshape(-1, 1, 2)
        box = np.array([[20, 20], [120, 20], [120, 36], [20, 36]])
        quads = (corner + box) * side / 1280
        scores = np.full((1, len(quads)), 0.9, np.float32)
        return Detection(images, quads[None].astype(np.float32), scores, scores > 0.5)

    def read(self, features: np.ndarray, quads: np.ndarray, columns: int) -> np.ndarray:
        self.read_at.add(features.shape[1])
        return np.stack([[self._spelt(columns) for _ in own] for own in quads])

    def _spelt(self, columns: int) -> np.ndarray:
        log_probs = np.full((columns, self.charset.size), -20.0, np.float32)
        log_probs[:, 0] = 0.0
        log_probs[1, 5] = 1.0
        return log_probs
