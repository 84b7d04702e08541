"""An engine that "reads" coloured rectangles: colour number i means text number i. Slow network, exact answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.decoding.boxes import columns_used
from gemma3_jax.engine import Detection


def marker(number: int) -> tuple[int, int, int]:
    """The colour that stands for text `number`."""
    return (210, 60, 20 + 24 * number)


def picture(height: int, width: int, boxes: dict[int, tuple[int, int, int, int]]) -> np.ndarray:
    """uint8 [h, w, 3]: a grey page with rectangles (left, top, right, bottom) in the colours of their texts."""
    image = np.full((height, width, 3), 235, np.uint8)
    for number, (left, top, right, bottom) in boxes.items():
        image[top:bottom, left:right] = marker(number)
    return image


class FakeEngine:
    """Answers from `texts` by colour. `shapes` records what it was called with, as a compiler would see it."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.shapes: set[tuple] = set()

    @property
    def charset(self) -> Charset:
        return Charset()

    def detect(self, images: np.ndarray, slots: int) -> Detection:
        assert images.dtype == np.uint8 and images.shape[1] % 32 == 0 and images.shape[2] % 32 == 0
        self.shapes.add(("detect", images.shape, slots))
        quads = np.zeros((len(images), slots, 4, 2), np.float32)
        scores = np.zeros((len(images), slots), np.float32)
        for image, own_quads, own_scores in zip(images, quads, scores, strict=True):
            found = _boxes(image, len(self.texts))
            for slot, (left, top, right, bottom) in enumerate(found):
                own_quads[slot] = [[left, top], [right, top], [right, bottom], [left, bottom]]
                own_scores[slot] = 0.9
        return Detection(images, quads, scores, scores > 0.5)

    def read(self, features: Any, quads: np.ndarray, columns: int) -> np.ndarray:
        self.shapes.add(("read", quads.shape, columns))
        rows = [
            [self._spell(image, quad, columns) for quad in own]
            for image, own in zip(features, quads, strict=True)
        ]
        return np.array(rows, np.float32)

    def read_strips(self, strips: np.ndarray, widths: np.ndarray) -> np.ndarray:
        self.shapes.add(("strips", strips.shape))
        assert strips.shape[1] == 32
        outlines = [[[0, 0], [w, 0], [w, 32], [0, 32]] for w in widths]
        columns = strips.shape[2] // 4
        rows = [self._spell(s, np.array(q), columns) for s, q in zip(strips, outlines, strict=True)]
        return np.array(rows, np.float32)

    def _spell(self, image: np.ndarray, quad: np.ndarray, columns: int) -> np.ndarray:
        """log P [columns, v]: the text evenly over the used columns, nonsense in the padding."""
        probs = np.full((columns, self.charset.size), 1e-4)
        probs[:, 5] = 0.5
        used = int(np.ceil(columns_used(quad, columns)))
        probs[:used] = 1e-4
        probs[:used, 0] = 0.98
        x, y = np.clip(quad.mean(axis=0).astype(int), 0, [image.shape[1] - 1, image.shape[0] - 1])
        number = next((i for i in range(len(self.texts)) if _is(image[y, x], i)), None)
        text = "" if number is None else self.texts[number]
        for k, token in enumerate(self.charset.encode(text)):
            column = int((k + 0.5) * used / len(text))
            probs[column] = 1e-4
            probs[column, token] = 0.98
        return np.log(probs / probs.sum(axis=-1, keepdims=True))


def _is(pixels: np.ndarray, number: int) -> np.ndarray:
    return np.asarray((np.abs(pixels.astype(int) - marker(number)) <= 11).all(axis=-1))


def _boxes(image: np.ndarray, count: int) -> list[tuple[int, int, int, int]]:
    red, green = image[..., 0], image[..., 1]
    rows, columns = np.nonzero((red >= 199) & (red <= 221) & (green >= 49) & (green <= 71))
    pixels = image[rows, columns]
    boxes = []
    for number in range(count):
        own = _is(pixels, number)
        if own.sum() >= 9:
            x, y = columns[own], rows[own]
            boxes.append((x.min(), y.min(), x.max() + 1, y.max() + 1))
    return boxes
