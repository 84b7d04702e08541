"""Words that stand close together: where one ends and the next begins.

The ends of a box are off by up to half a letter, and in tight print that is more than the space between words: what is read
then has a letter of the next word in it. The two boxes at a gap are off independently, so that their middle is a better guess
of where the gap is than either.
"""

from __future__ import annotations

import numpy as np

from gemma3_jax.decoding.boxes import MARGIN, sides

# of the smaller height: how far middles of neighbours may lie apart across the text
SAME_LINE = 0.5
SAME_DIRECTION = 0.9  # cosine
LIKE_HEIGHT = 2.0  # ratio
OVERLAP = 0.35  # of the smaller height: more is not a matter of ends that are a little off
NESTED = 0.6  # of the shorter word: boxes that overlap by more are not neighbours
LEAST_LEFT = 0.5  # of a word's width stays, whatever its neighbours claim


def room(quads: np.ndarray) -> np.ndarray:
    """px `[n, 2]` between each of `quads` `[n, 4, 2]` and its neighbour on the left and on the right; inf without one, negative
    where boxes overlap."""
    width, _ = sides(quads)
    gaps, mates = _gaps(quads)
    mates &= gaps > -NESTED * np.minimum(width[:, None], width)
    gaps = np.where(mates, gaps, np.inf)
    return np.stack([gaps.min(0, initial=np.inf), gaps.min(1, initial=np.inf)], axis=1)


def pieces(quads: np.ndarray) -> np.ndarray:
    """Indices `[k, 2]` of the left and right one of boxes that overlap as words never do: two pieces of one word, likely.

    Each box is the left one once at most, of the pair that overlaps most. A box within another is no piece: the larger one
    has the word already.
    """
    width, height = sides(quads)
    gaps, mates = _gaps(quads)
    lower = np.minimum(height[:, None], height)
    # by which both together are longer than the longer one
    more = np.minimum(width[:, None], width) + gaps
    fit = mates & (gaps < -OVERLAP * lower) & (more > OVERLAP * lower)
    nearest = np.where(fit, gaps, np.inf).argmin(axis=1) if len(fit) else np.zeros(0, int)
    first = np.flatnonzero(fit.any(axis=1))
    return np.stack([first, nearest[first]], axis=1)


def joined(quads: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Quads `[k, 4, 2]` from the left end of the first to the right end of the second of each of `pairs` `[k, 2]`."""
    first, second = quads[pairs[:, 0]], quads[pairs[:, 1]]
    return np.stack([first[:, 0], second[:, 1], second[:, 2], first[:, 3]], axis=1)


def _gaps(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """px `[n, n]` from the end of i to the start of j, and whether j follows i on a line."""
    quads = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    _, height = sides(quads)
    start, end = quads[:, [0, 3]].mean(1), quads[:, [1, 2]].mean(1)
    along = (end - start) / np.maximum(np.linalg.norm(end - start, axis=1), 1e-6)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    offset = quads.mean(1)[None] - quads.mean(1)[:, None]  # [i, j]: j seen from i
    gaps = ((start[None] - end[:, None]) * along[:, None]).sum(-1)
    smaller, larger = np.minimum(height[:, None], height), np.maximum(height[:, None], height)
    mates = (offset * along[:, None]).sum(-1) > 0
    mates &= np.abs((offset * across[:, None]).sum(-1)) < SAME_LINE * smaller
    mates &= (along @ along.T > SAME_DIRECTION) & (larger < LIKE_HEIGHT * smaller)
    return gaps, mates


def with_fair_margin(
    quads: np.ndarray, around: np.ndarray, margin: tuple[float, float] = MARGIN
) -> np.ndarray:
    """As `boxes.with_margin`, but no end goes beyond the middle of the `room` `[n, 2]` around the word."""
    quads = np.asarray(quads, np.float64)
    width, height = sides(quads)
    ends = np.minimum(margin[0] * height[:, None], around / 2)
    ends = np.maximum(ends, -(1 - LEAST_LEFT) / 2 * width[:, None])
    along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
    along /= np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
    down = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
    outwards = ends[:, [0, 1, 1, 0]] * np.array([-1, 1, 1, -1])
    upwards = margin[1] * np.array([-1, -1, 1, 1])
    return quads + outwards[..., None] * along[:, None] + upwards[:, None] * down[:, None]
