"""Where a training crop lies in a real picture, and what becomes of its pixels."""

from __future__ import annotations

import numpy as np

from gemma3_jax.imaging.resize import PADDING

WORD_HEIGHTS = (8.0, 80.0)  # px in the crop: what the word that a crop is aimed at may measure
AIMED = 0.85  # share of crops aimed at a word, the others fall anywhere
ROTATED, MOST_DEGREES = 0.3, 10.0


def heights(quads: np.ndarray) -> np.ndarray:
    """Heights [n] of quads across the reading direction: the mean length of left and right side."""
    down = np.linalg.norm(quads[:, [3, 2]] - quads[:, [0, 1]], axis=-1)
    return down.mean(axis=1)


def placement(
    rng: np.random.Generator,
    scales: tuple[float, float],
    aspects: tuple[float, float],
    shape: tuple[int, int],
    words: np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    """A random affine matrix [2, 3] from px of a picture of `shape` (h, w) to px of a crop.

    Most crops are aimed at one of `words` [n, 4, 2], scaled to `WORD_HEIGHTS`; `scales` and
    `aspects` (x / y) are ranges, drawn log-uniformly; some crops are rotated a little.
    """
    scale = np.exp(rng.uniform(*np.log(scales)))
    stretch = np.sqrt(np.exp(rng.uniform(*np.log(aspects))))
    angle = np.deg2rad(rng.uniform(-MOST_DEGREES, MOST_DEGREES)) * (rng.random() < ROTATED)
    picture, crop = np.asarray(shape[::-1], np.float64), np.asarray(size[::-1], np.float64)
    aim, place = rng.uniform(0, picture), rng.uniform(0.1, 0.9, 2) * crop
    if len(words) and rng.random() < AIMED:
        word = words[rng.integers(len(words))]
        height = max(float(heights(word[None])[0]), 1.0)
        scale = np.clip(scale, WORD_HEIGHTS[0] / height, WORD_HEIGHTS[1] / height)
        aim = word.mean(axis=0)
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) * scale * [stretch, 1 / stretch]
    spread = picture * scale * [stretch, 1 / stretch]
    # The crop shows picture where it can; one larger than the picture holds all of it somewhere.
    corner = place - aim * scale * [stretch, 1 / stretch]
    corner = np.clip(corner, np.minimum(crop - spread, 0), np.maximum(crop - spread, 0))
    middle = (crop / 2 - corner) / (scale * np.array([stretch, 1 / stretch]))
    return np.column_stack([linear, crop / 2 - linear @ middle])


def move(quads: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Quads float32 [n, 4, 2] of the picture in px of the crop: where `cut` with `matrix` puts them."""
    return (quads @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def cut(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The crop uint8 [h, w, 3]; beyond the picture's edge it is grey, as the reader pads.

    Shrinking is area-weighted (Pillow's resize on the part that is needed), the rest one bilinear
    transform: shrinking within the transform would alias thin strokes away.
    """
    from PIL import Image

    height, width = size
    inverse = np.linalg.inv(matrix[:, :2])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    needed = (corners - matrix[:, 2]) @ inverse.T
    limit = np.asarray(image.shape[1::-1])
    low = np.clip(np.floor(needed.min(axis=0)).astype(int) - 2, 0, limit - 1)
    high = np.clip(np.ceil(needed.max(axis=0)).astype(int) + 2, low + 1, limit)
    part = Image.fromarray(np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]))
    scale = np.linalg.norm(matrix[:, :2], axis=0)
    target = np.maximum(np.rint((high - low) * np.minimum(scale, 1.0)), 1).astype(int)
    part = part.resize((int(target[0]), int(target[1])), Image.Resampling.BILINEAR)
    shrunk = target / (high - low)
    back = np.column_stack([inverse, -inverse @ matrix[:, 2] - low]) * shrunk[:, None]
    fill = (PADDING, PADDING, PADDING)
    coefficients = tuple(float(value) for value in back.reshape(-1))
    crop = part.transform(
        (width, height),
        Image.Transform.AFFINE,
        coefficients,
        Image.Resampling.BILINEAR,
        fillcolor=fill,
    )
    return np.array(crop)


def erase(crop: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Paint words over with the median colour of their box: a word without a slot may not stay."""
    height, width = crop.shape[:2]
    for quad in quads:
        low = np.clip(np.floor(quad.min(axis=0)).astype(int) - 1, 0, [width, height])
        high = np.clip(np.ceil(quad.max(axis=0)).astype(int) + 1, 0, [width, height])
        box = crop[low[1] : high[1], low[0] : high[0]]
        if box.size:
            box[:] = np.median(box, axis=(0, 1)).astype(np.uint8)
    return crop


def photometry(rng: np.random.Generator, crop: np.ndarray) -> np.ndarray:
    """Light changes: contrast, brightness, gamma and a slight tint, by one table per channel."""
    contrast = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.04, 3))
    brightness, gamma = rng.normal(0, 12), np.exp(rng.normal(0, 0.15))
    levels = 255.0 * (np.arange(256) / 255.0)[:, None] ** gamma
    table = np.clip((levels - 128) * contrast + 128 + brightness, 0, 255).astype(np.uint8)
    return np.stack([table[:, channel][crop[..., channel]] for channel in range(3)], axis=-1)
