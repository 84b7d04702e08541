"""Words to lines to reading order: for a sign, a receipt, a form, a page with columns.

All steps run in a frame turned upright by the dominant direction of the text, on axis-aligned boxes `[n, 4]` (left, top, right,
bottom). Words that run in another direction (a vertical shop name beside a horizontal one) form blocks of their own, after it.
1. Rows: words whose heights overlap, left to right. 2. Segments: a row breaks at wide gaps, but never before an amount, so that
a receipt keeps its prices and a form's fields part. 3. Blocks: recursive XY-cut (Nagy and Seth 1984), where a vertical cut
needs columns of prose on both sides, or things far apart whose rows do not line up, and otherwise white space decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gemma3_jax.decoding.boxes import sides

Block = list[list[int]]  # lines of word indices

DIRECTION_SPREAD = np.deg2rad(25)
SAME_ROW = 0.5  # of the smaller height must overlap
ROW_HEIGHT_RATIO = 2.5  # a headline is no row-mate of the small print beside it
GAP_HEIGHTS = 1.5  # a wider gap than this many text heights ends a segment
BLOCK_GAP_HEIGHTS = 0.9  # white space between blocks
PROSE_LINES, PROSE_WORDS, PROSE_FILL = (
    3,
    2.5,
    0.6,
)  # lines, mean words per line, mean line width of the column's
CLEAR_GUTTER_HEIGHTS = (
    2.5  # things this far apart whose rows do not line up are read one after the other
)
ALIGNED = 0.3  # of the smaller height: how far the middles of row-mates across a gutter may differ
AMOUNT = re.compile(
    r"[-+(]?(?:[€£$¥]\s?\d[\d.,]*|\d[\d.,]*[.,]\d{1,3}|\d[\d.,]*\s?[€£$¥%])[-)*A-Z]?"
)


def reading_order(quads: np.ndarray, texts: Sequence[str]) -> list[Block]:
    """Blocks of lines of indices into `quads` `[n, 4, 2]`; every word appears exactly once.

    `texts` tell amounts from words (a price stays on the line of its article). Quads must be in reading direction.
    """
    quads = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    blocks: list[Block] = []
    for angle, members in _directions(quads):
        boxes = _upright(quads[members], angle)
        chosen = [texts[i] for i in members]
        for block in _cut(_segments(boxes, chosen), boxes):
            blocks.append([[members[i] for i in line] for line in block])
    return blocks


def _directions(quads: np.ndarray) -> list[tuple[float, list[int]]]:
    """(angle in radians, word indices) per text direction, the one with most text first."""
    along = quads[:, 1] + quads[:, 2] - quads[:, 0] - quads[:, 3]
    angles = np.arctan2(along[:, 1], along[:, 0])
    weights = sides(quads)[0] + 1e-6
    left = np.arange(len(quads))
    groups = []
    while len(left):
        turns = _turn(angles[left][:, None] - angles[left][None])
        near = (np.abs(turns) <= DIRECTION_SPREAD).astype(float)
        seed = int((near @ weights[left]).argmax())
        members = near[seed] > 0
        offsets = turns[members, seed]
        centre = angles[left[seed]] + _weighted_median(offsets, weights[left][members])
        groups.append((float(centre), left[members].tolist()))
        left = left[~members]
    return groups


def _turn(angle: np.ndarray) -> np.ndarray:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(weights[order].cumsum(), weights.sum() / 2)])


def _upright(quads: np.ndarray, angle: float) -> np.ndarray:
    """Boxes [n, 4] in the turned frame: the middle line's ends, and the mean height around it.

    (The bounding box of a slightly slanted long word would be taller than its text and touch the next line.)
    """
    cos, sin = np.cos(angle), np.sin(angle)
    turned = quads @ np.array([[cos, -sin], [sin, cos]])
    left, right = turned[:, [0, 3], 0].mean(1), turned[:, [1, 2], 0].mean(1)
    top, bottom = turned[:, :2, 1].mean(1), turned[:, 2:, 1].mean(1)
    return np.stack([left, top, np.maximum(right, left), np.maximum(bottom, top)], axis=1)


def _segments(boxes: np.ndarray, texts: Sequence[str]) -> Block:
    lines = []
    marks = np.array([not any(c.isalnum() for c in text) for text in texts], bool)
    for row in _rows(boxes, marks):
        line = [row[0]]
        for i in row[1:]:
            height = _heights(boxes[[line[-1], i]]).mean()
            gap = boxes[i, 0] - boxes[line[-1], 2]
            sets_apart = gap > GAP_HEIGHTS * height
            if sets_apart and not (AMOUNT.fullmatch(texts[i]) and _alike(boxes[[line[-1], i]])):
                lines.append(line)
                line = []
            line.append(i)
        lines.append(line)
    return lines


def _alike(pair: np.ndarray) -> bool:
    """Two boxes of about the same height on about the same line."""
    heights, middles = _heights(pair), pair[:, [1, 3]].mean(axis=1)
    off = abs(middles[0] - middles[1])
    return bool(heights.max() <= 1.8 * heights.min() and off <= ALIGNED * heights.max())


def _rows(boxes: np.ndarray, marks: np.ndarray) -> Block:
    """Words linked to the nearest word on their right that stands at their height, chained; top row first.

    `marks` bool [n] are words without letters and digits, such as a dash: they may be as low as they are.
    """
    following: dict[int, int] = {}
    taken: dict[int, float] = {}
    links = []
    heights = _heights(boxes)
    for i, box in enumerate(boxes):
        shared = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
        smaller, larger = np.minimum(heights, heights[i]), np.maximum(heights, heights[i])
        similar = (larger <= ROW_HEIGHT_RATIO * smaller) | marks | marks[i]
        mates = (shared >= SAME_ROW * smaller) & similar
        right = mates & (boxes[:, [0, 2]].sum(1) > box[0] + box[2])
        links += [(max(0.0, boxes[j, 0] - box[2]), i, int(j)) for j in np.flatnonzero(right)]
    for gap, i, j in sorted(links):
        if i not in following and j not in taken:
            following[i], taken[j] = j, gap
    rows = []
    for i in range(len(boxes)):
        if i in taken:
            continue
        row = [i]
        while row[-1] in following:
            row.append(following[row[-1]])
        rows.append(row)
    return sorted(rows, key=lambda row: boxes[row, 1].mean())


def _cut(lines: Block, boxes: np.ndarray) -> list[Block]:
    """Blocks in reading order: left column before right, upper before lower."""
    if len(lines) < 2:
        return [lines] if lines else []
    extents = np.array([_extent(boxes[line]) for line in lines])
    height = float(np.median(_heights(boxes[[i for line in lines for i in line]])))
    parts = _columns(lines, extents, 0.6 * height, prose=True)
    parts = parts or _bands(extents, BLOCK_GAP_HEIGHTS * height)
    parts = parts or _columns(lines, extents, CLEAR_GUTTER_HEIGHTS * height, prose=False)
    if not parts:
        return [_by_rows(lines, extents)]
    return [block for part in parts for block in _cut([lines[k] for k in part], boxes)]


def _columns(
    lines: Block, extents: np.ndarray, width: float, prose: bool
) -> list[np.ndarray] | None:
    """The lines left and right of a gutter of `width`: between columns of prose, or where rows do not line up across it."""
    for at in _gaps(extents[:, 0], extents[:, 2], width):
        left, right = np.flatnonzero(extents[:, 2] <= at), np.flatnonzero(extents[:, 2] > at)
        if prose and _is_prose(left, lines, extents) and _is_prose(right, lines, extents):
            return [left, right]
        if not prose and not _line_up(extents[left], extents[right]):
            return [left, right]
    return None


def _bands(extents: np.ndarray, width: float) -> list[np.ndarray] | None:
    """The lines above and below each white stretch of at least `width` across the whole region."""
    cuts = _gaps(extents[:, 1], extents[:, 3], width)
    if not cuts:
        return None
    band = np.searchsorted(cuts, extents[:, [1, 3]].mean(axis=1))
    return [np.flatnonzero(band == b) for b in range(len(cuts) + 1)]


def _line_up(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether half of the lines on the side with fewer have a mate at their own height on the other."""
    few, many = sorted((left, right), key=len)
    offset = np.abs(few[:, None, [1, 3]].mean(-1) - many[None, :, [1, 3]].mean(-1))
    smaller = np.minimum(_heights(few)[:, None], _heights(many)[None])
    return bool((offset <= ALIGNED * smaller).any(axis=1).mean() >= 0.5)


def _by_rows(lines: Block, extents: np.ndarray) -> Block:
    """Segments of one block: beside each other left to right, otherwise from the top (Breuel 2003, topological sort)."""
    left, top, right, bottom = extents.T
    middle = (top + bottom) / 2
    shared = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    beside = shared >= SAME_ROW * np.minimum(bottom - top, (bottom - top)[:, None])
    first = np.where(beside, (left + right)[:, None] < left + right, middle[:, None] < middle)
    waiting = np.ones(len(lines), bool)
    order: Block = []
    while waiting.any():
        left_over = np.flatnonzero(waiting)
        predecessors = first[np.ix_(left_over, left_over)].sum(axis=0)
        free = left_over[
            predecessors == predecessors.min()
        ]  # the minimum is over 0 only in a circle
        chosen = free[middle[free].argmin()]
        waiting[chosen] = False
        order.append(lines[chosen])
    return order


def _gaps(low: np.ndarray, high: np.ndarray, width: float) -> list[float]:
    """Middles of the stretches of at least `width` that no interval [low, high] touches, ascending."""
    middles, reach = [], -np.inf
    for k in np.argsort(low):
        if low[k] - reach >= width and reach > -np.inf:
            middles.append((low[k] + reach) / 2)
        reach = max(reach, high[k])
    return middles


def _is_prose(members: np.ndarray, lines: Block, extents: np.ndarray) -> bool:
    if len(members) < PROSE_LINES:
        return False
    column = _extent(extents[members])
    fill = (extents[members, 2] - extents[members, 0]).mean() / max(column[2] - column[0], 1e-6)
    words = np.mean([len(lines[k]) for k in members])
    return bool(words >= PROSE_WORDS and fill >= PROSE_FILL)


def _heights(boxes: np.ndarray) -> np.ndarray:
    return np.maximum(boxes[:, 3] - boxes[:, 1], 1e-6)


def _extent(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])
