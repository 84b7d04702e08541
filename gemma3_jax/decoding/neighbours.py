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
FURTHER = (
    0.7  # heights by which a box reaches beyond a word to be more than one that is a little off
)
LEAST_LEFT = 0.5  # of a word's width stays, whatever its neighbours claim


def room(
    quads: np.ndarray, others: np.ndarray | None = None, own: np.ndarray | None = None
) -> np.ndarray:
    """px `[n, 2]` between each of `quads` `[n, 4, 2]` and its neighbour on the left and on the right; inf without one, negative
    where boxes overlap.

    Neighbours are looked for among themselves, or among `others` `[m, 4, 2]` but for those that are its `own`, bool `[n, m]`.
    """
    after = _free(quads, quads if others is None else others)
    before = after if others is None else _free(others, quads)
    if own is not None:
        before, after = np.where(own.T, np.inf, before), np.where(own, np.inf, after)
    return np.stack([before.min(0, initial=np.inf), after.min(1, initial=np.inf)], axis=1)


def pieces(quads: np.ndarray) -> np.ndarray:
    """Indices `[k, 2]` of the left and right one of boxes that overlap as words never do: two pieces of one word, likely.

    Each box is the left one once at most, of the pair that overlaps most. A box within another is no piece: the larger one
    has the word already.
    """
    width, height = sides(quads)
    gaps, mates = _gaps(quads, quads)
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


def beyond(boxes: np.ndarray, quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of `boxes` `[m, 4, 2]`, best first, lie on some of `quads` `[n, 4, 2]` and reach beyond all of these: the whole of
    a word, perhaps, or a word more. Indices `[k]`, and what each lies on, bool `[k, n]`.

    A box and a word lie on each other where the centre of either is within the other.
    """
    own = _within(boxes, quads) | _within(quads, boxes).T
    width, height = sides(boxes)
    _, heights = sides(quads)
    start, along = _line(boxes)
    ends = np.asarray(quads, np.float64)[:, [[0, 3], [1, 2]]].mean(2)  # [n, 2, 2]: left and right
    places = ((ends - start[:, None, None]) * along[:, None, None]).sum(-1)  # [m, n, 2]
    first = np.where(own, places[..., 0], np.inf).min(1, initial=np.inf)
    last = np.where(own, places[..., 1], -np.inf).max(1, initial=-np.inf)
    ratio = heights / np.maximum(height, 1e-6)[:, None]
    like = ((ratio < LIKE_HEIGHT) & (ratio > 1 / LIKE_HEIGHT) | ~own).all(1)
    fit = own.any(1) & like & (np.maximum(first, width - last) > FURTHER * height)
    kept: list[int] = []
    for i in np.flatnonzero(fit).tolist():
        alike = [j for j in kept if (own[i] == own[j]).all()]
        if not _within(boxes[[i]], boxes[alike]).any():
            kept.append(i)
    return np.array(kept, int), own[kept]


def _within(quads: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether the centre of each of `quads` `[n, 4, 2]` lies in each of `others` `[m, 4, 2]`: bool `[n, m]`."""
    edges = np.roll(others, -1, axis=1) - others
    away = np.asarray(quads, np.float64).mean(1)[:, None, None] - others
    return (edges[..., 0] * away[..., 1] - edges[..., 1] * away[..., 0] > 0).all(-1)


def _line(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the left end, and direction of the text, of quads `[n, 4, 2]`: `[n, 2]` each."""
    quads = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    start, end = quads[:, [0, 3]].mean(1), quads[:, [1, 2]].mean(1)
    return start, (end - start) / np.maximum(np.linalg.norm(end - start, axis=1), 1e-6)[:, None]


def _free(quads: np.ndarray, others: np.ndarray) -> np.ndarray:
    """px `[n, m]` from the end of i to the start of j; inf where j does not stand behind i, or is one with it."""
    gaps, mates = _gaps(quads, others)
    shorter = np.minimum(sides(quads)[0][:, None], sides(others)[0])
    return np.where(mates & (gaps > -NESTED * shorter), gaps, np.inf)


def _gaps(quads: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """px `[n, m]` from the end of i to the start of j, and whether j follows i on a line."""
    quads, others = (np.asarray(q, np.float64).reshape(-1, 4, 2) for q in (quads, others))
    (_, height), (_, heights) = sides(quads), sides(others)
    (_, along), (start, towards) = _line(quads), _line(others)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    end = quads[:, [1, 2]].mean(1)
    offset = others.mean(1)[None] - quads.mean(1)[:, None]  # [i, j]: j seen from i
    gaps = ((start[None] - end[:, None]) * along[:, None]).sum(-1)
    smaller, larger = np.minimum(height[:, None], heights), np.maximum(height[:, None], heights)
    mates = (offset * along[:, None]).sum(-1) > 0
    mates &= np.abs((offset * across[:, None]).sum(-1)) < SAME_LINE * smaller
    mates &= (along @ towards.T > SAME_DIRECTION) & (larger < LIKE_HEIGHT * smaller)
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
