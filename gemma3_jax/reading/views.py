"""A doubtful word seen in several ways: what several views agree on is likelier than what one of them is sure of.

A view is a quad around the word, cut out of the picture's own pixels and read as a strip. Boxes are a little off and crops of
leaning words are not straightened, so the views differ in margin and in lean. What they were chosen by: docs/reader.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT
from gemma3_jax.decoding.boxes import sides, with_margin
from gemma3_jax.decoding.neighbours import with_fair_margin

SURE = 0.95  # confidence from which a crop is not looked at again
AGREED = 0.8  # how sure the vote on its first views must be for it not to be looked for in the crop
# Margins in parts of the height: at the ends; above and below.
GENEROUS, USUAL = (0.5, 0.25), (0.2, 0.15)  # around a box
TIGHT, LOOSE, LEVEL = (-0.06, -0.06), (0.08, 0.15), (0.05, 0.125)  # around a crop
LEAN = 8  # degrees by which a box's ends may lie too high or low
TILTS = (
    12,
    -12,
    25,
    -25,
)  # degrees by which the word in a crop may rise or fall, turned as a whole
SLOPES = (
    18,
    -18,
    32,
    -32,
)  # the same of a word whose letters stand upright: a sign seen from one side
TALL = 1.2  # height / width from which the word in a crop may run up or down
LEAST_PX = 6
MODESTY = 0.38  # makes words of forms that come out at 0.5 as often right as wrong (docs/reader.md)


def page_views(quads: np.ndarray, around: np.ndarray) -> np.ndarray:
    """float64 `[n, 3, 4, 2]`: the words' quads `[n, 4, 2]` with a wide margin, and leaning either way; none of them further
    than half of the room `around` them `[n, 2]` (`neighbours.room`)."""
    usual = with_fair_margin(quads, around, USUAL)
    wide = with_fair_margin(quads, around, GENEROUS)
    return np.stack([wide, _lean(usual, LEAN), _lean(usual, -LEAN)], axis=1)


def close_views(width: int, height: int) -> list[np.ndarray]:
    """Quads float64 `[4, 2]`: a crop of one word a little tighter and wider."""
    whole = outline(width, height)
    return [with_margin(whole, TIGHT), with_margin(whole, LOOSE)]


def leaning_views(width: int, height: int) -> list[np.ndarray]:
    """Quads float64 `[4, 2]`: the crop levelled as if the word filled it from corner to corner, turned by a tilt or sheared by
    a slope, and on its sides where it is tall."""
    hopes = [levelled(width, height, tilt) for tilt in TILTS]
    hopes += [sheared(width, height, slope) for slope in SLOPES]
    views = [quad for quad in hopes if quad is not None]
    if height > TALL * width:
        views += [np.roll(outline(width, height), turn, axis=0) for turn in (1, -1)]
    return views


def outline(width: int, height: int) -> np.ndarray:
    """The quad `[4, 2]` of a whole crop."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def vote(texts: Sequence[str], confidences: Sequence[float]) -> tuple[int, float]:
    """Which of several readings of one word stays, and how sure it is: `(share * confidence) ** MODESTY`.

    A text's share is the mean over all views of the confidence with which they read it, case ignored: the probability that a
    mixture of the views gives it. Empty readings count as views and are not elected; where all are empty the first stays.
    """
    shares: dict[str, float] = {}
    for text, confidence in zip(texts, confidences, strict=True):
        if text.strip():
            key = text.casefold()
            shares[key] = shares.get(key, 0.0) + confidence / len(texts)
    if not shares:
        return 0, confidences[0]
    scores = [
        (shares[text.casefold()] * confidence) ** MODESTY if text.strip() else -1.0
        for text, confidence in zip(texts, confidences, strict=True)
    ]
    winner = int(np.argmax(scores))
    return winner, scores[winner]


def straightened(pixels: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """uint8 `[h, w, 3]`: the picture inside `quad` as an upright rectangle, no smaller than it is there.

    Beyond the picture's edge its last pixels are repeated.
    """
    from PIL import Image

    width, height = (float(side) for side in sides(quad))
    scale = max(CANVAS_HEIGHT / max(height, 1.0), 1.0)
    size = max(round(width * scale), 4), max(round(height * scale), 4)
    low = np.floor(quad.min(axis=0)).astype(int) - 1
    high = np.maximum(np.ceil(quad.max(axis=0)).astype(int), low + 1) + 1
    picture = Image.fromarray(_cut(pixels, low, high))
    corners = (quad[[0, 3, 2, 1]] - low).ravel().tolist()  # PIL goes round the other way
    return np.asarray(
        picture.transform(size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    )


def _cut(pixels: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The pixels from `low` to `high` (x, y); the picture's edge goes on."""
    size = np.array([pixels.shape[1], pixels.shape[0]])
    if (low >= 0).all() and (high <= size).all():
        return pixels[low[1] : high[1], low[0] : high[0]]
    columns, rows = (np.clip(np.arange(low[k], high[k]), 0, size[k] - 1) for k in (0, 1))
    return pixels[rows[:, None], columns]


def placed(quad: np.ndarray, box: np.ndarray, width: int, height: int) -> np.ndarray:
    """A quad `[4, 2]` in px of `straightened(pixels, box)`, `width` x `height`, in px of the picture."""
    u, v = quad[:, :1] / width, quad[:, 1:] / height
    top, bottom = box[0] + u * (box[1] - box[0]), box[3] + u * (box[2] - box[3])
    return top + v * (bottom - top)


def _lean(quads: np.ndarray, degrees: float) -> np.ndarray:
    """Quads `[n, 4, 2]` whose right end is lower, and left end higher, by `degrees` of the width."""
    down = quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]
    down = down / (np.linalg.norm(down, axis=-1, keepdims=True) + 1e-6)
    step = np.tan(np.deg2rad(degrees)) * sides(quads)[0][:, None] / 2 * down
    return quads + np.array([-1, 1, 1, -1])[:, None] * step[:, None]


def levelled(width: int, height: int, tilt: float) -> np.ndarray | None:
    """The rectangle `[4, 2]` at `tilt` degrees whose upright bounding box is `width` x `height`; None where it is no line."""
    cos, sin = math.cos(math.radians(abs(tilt))), math.sin(math.radians(abs(tilt)))
    long = (width * cos - height * sin) / (cos**2 - sin**2)
    thick = (height * cos - width * sin) / (cos**2 - sin**2)
    if min(long, thick) < LEAST_PX or thick > 2 * long:
        return None
    along = np.array([math.cos(math.radians(tilt)), math.sin(math.radians(tilt))])
    down = np.array([-along[1], along[0]])
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    quad = np.array([(x * long * along + y * thick * down) / 2 for x, y in corners])
    return with_margin(quad + np.array([width / 2, height / 2]), LEVEL)


def sheared(width: int, height: int, slope: float) -> np.ndarray | None:
    """The parallelogram `[4, 2]` with upright ends whose bounding box is `width` x `height`, its lines falling by `slope`
    degrees; None where it is no line."""
    fall = width * math.tan(math.radians(slope))
    thick = height - abs(fall)
    if thick < LEAST_PX or thick > 2 * width:
        return None
    left, right = max(-fall, 0.0), max(fall, 0.0)
    corners = [(0, left), (width, right), (width, right + thick), (0, left + thick)]
    return with_margin(np.array(corners, np.float64), LEVEL)
