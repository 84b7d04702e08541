"""A second reading of doubtful words, from the picture's own pixels.

The page was scaled for the network; a word cut out at its full resolution, straightened and laid into a strip of its own
sometimes reads better. The likelier of the two readings stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT
from gemma3_jax.decoding.boxes import sides, with_margin
from gemma3_jax.engine import Engine
from gemma3_jax.page import Word
from gemma3_jax.reading.crops import decode_crops
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.strips import word_of

DOUBTFUL = 0.5  # confidence below which a word is read again
MARGIN = (0.2, 0.15)  # of the height: ends; above and below


def read_again(
    engine: Engine, pixels: np.ndarray, words: Sequence[Word], options: ReadOptions
) -> list[Word]:
    """`words` of the picture uint8 `[h, w, 3]`, in order, the doubtful ones in their likelier reading."""
    kept = list(words)
    doubtful = [i for i, word in enumerate(words) if word.confidence < DOUBTFUL]
    if not doubtful:
        return kept
    seen = with_margin(np.stack([words[i].quad for i in doubtful]).astype(np.float64), MARGIN)
    crops = [straightened(pixels, quad) for quad in seen]
    for i, quad, one in zip(doubtful, seen, decode_crops(engine, crops, options), strict=True):
        old = kept[i]
        if one.text.strip() and one.confidence > old.confidence:
            kept[i] = word_of(one, old.quad, quad, old.detection)
    return kept


def straightened(pixels: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """uint8 `[h, w, 3]`: the picture inside `quad` as an upright rectangle, no smaller than it is there.

    Beyond the picture's edge it is black, as PIL fills.
    """
    from PIL import Image

    width, height = (float(side) for side in sides(quad))
    scale = max(CANVAS_HEIGHT / max(height, 1.0), 1.0)
    size = max(round(width * scale), 4), max(round(height * scale), 4)
    low = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 1, 0)
    high = np.ceil(quad.max(axis=0)).astype(int) + 1
    part = pixels[low[1] : max(high[1], low[1] + 1), low[0] : max(high[0], low[0] + 1)]
    corners = (quad[[0, 3, 2, 1]] - low).ravel().tolist()  # PIL goes round the other way
    picture = Image.fromarray(np.ascontiguousarray(part))
    return np.asarray(
        picture.transform(size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    )
