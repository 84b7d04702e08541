"""Words to rows, and rows to segments: the pieces of lines that a page is cut into."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Line = list[int]  # word indices, left to right

SAME_ROW = 0.5  # of the smaller height must overlap
AT_ONCE = 256  # words compared with all others in one go
ROW_HEIGHT_RATIO = 2.5  # a headline is no row-mate of the small print beside it
GAP_HEIGHTS = 1.5  # a wider gap than this many text heights ends a segment
GUTTER_HEIGHTS, GUTTER_ROWS = 0.8, 4  # a narrower one does in so many rows at the same place
NEAR_HEIGHTS, SHARED_HEIGHTS = 5, 0.6  # the same place: so far up and down, so much of the white
ALIGNED = 0.3  # of the smaller height: how far the middles of row-mates across a gutter may differ
AMOUNT = re.compile(
    r"[-+(]?(?:[€£$¥]\s?\d[\d.,]*|\d[\d.,]*[.,]\d{1,3}|\d[\d.,]*\s?[€£$¥%])[-)*A-Z]?"
)


def segments(boxes: np.ndarray, texts: Sequence[str]) -> list[Line]:
    """Rows of upright `boxes` [n, 4] broken at wide gaps, top row first.

    A narrower gap counts where rows above or below have one at the same place: that is a gutter. An amount stays with what
    stands before it, however far.
    """
    marks = np.array([not any(c.isalnum() for c in text) for text in texts], bool)
    rows = _rows(boxes, marks)
    ends = _ends(rows, boxes, texts)
    lines = []
    for row in rows:
        cuts = [0, *(k + 1 for k, i in enumerate(row[:-1]) if i in ends), len(row)]
        lines += [row[start:stop] for start, stop in pairwise(cuts)]
    return lines


def _ends(rows: list[Line], boxes: np.ndarray, texts: Sequence[str]) -> set[int]:
    """The words after which a row breaks."""
    links = [pair for row in rows for pair in pairwise(row)]
    pairs = np.array(links, int).reshape(-1, 2)
    before, after = boxes[pairs[:, 0]], boxes[pairs[:, 1]]
    gaps = np.stack([before[:, 2], after[:, 0]], axis=1)
    white, tall = gaps[:, 1] - gaps[:, 0], (heights(before) + heights(after)) / 2
    bound = [bool(AMOUNT.fullmatch(texts[j])) and _alike(boxes[[i, j]]) for i, j in links]
    wide = (white > GUTTER_HEIGHTS * tall) & ~np.array(bound, bool)
    middles = after[:, [1, 3]].mean(axis=1)
    breaks = wide & ((white > GAP_HEIGHTS * tall) | _stacked(gaps, middles, tall, wide))
    return set(pairs[breaks, 0].tolist())


def _stacked(
    gaps: np.ndarray, middles: np.ndarray, tall: np.ndarray, wide: np.ndarray
) -> np.ndarray:
    """Which gaps [g, 2] (left, right) share their place with `wide` ones of rows near above or below."""
    shared = np.minimum(gaps[:, None, 1], gaps[:, 1]) - np.maximum(gaps[:, None, 0], gaps[:, 0])
    near = np.abs(middles[:, None] - middles) <= NEAR_HEIGHTS * tall[:, None]
    mates = (shared >= SHARED_HEIGHTS * tall[:, None]) & near & wide
    return mates.sum(axis=1) >= GUTTER_ROWS  # itself included


def heights(boxes: np.ndarray) -> np.ndarray:
    """Heights [..] of boxes [.., 4], never 0."""
    return np.maximum(boxes[..., 3] - boxes[..., 1], 1e-6)


def extent(boxes: np.ndarray) -> np.ndarray:
    """The box [4] around boxes [n, 4]."""
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def _alike(pair: np.ndarray) -> bool:
    """Two boxes of about the same height on about the same line."""
    tall, middles = heights(pair), pair[:, [1, 3]].mean(axis=1)
    off = abs(middles[0] - middles[1])
    return bool(tall.max() <= 1.8 * tall.min() and off <= ALIGNED * tall.max())


def _rows(boxes: np.ndarray, marks: np.ndarray) -> list[Line]:
    """Words linked to the nearest word on their right that stands at their height, chained; top row first.

    `marks` bool [n] are words without letters and digits, such as a dash: they may be as low as they are.
    """
    following: dict[int, int] = {}
    taken: set[int] = set()
    links: list[tuple[float, int, int]] = []
    tall, middle = heights(boxes), boxes[:, [0, 2]].sum(1)
    for start in range(0, len(boxes), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        box, own = boxes[some, None], tall[some, None]
        shared = np.minimum(boxes[:, 3], box[..., 3]) - np.maximum(boxes[:, 1], box[..., 1])
        smaller, larger = np.minimum(tall, own), np.maximum(tall, own)
        similar = (larger <= ROW_HEIGHT_RATIO * smaller) | marks | marks[some, None]
        mates = (shared >= SAME_ROW * smaller) & similar
        i, j = np.nonzero(mates & (middle > middle[some, None]))
        gaps = np.maximum(boxes[j, 0] - boxes[i + start, 2], 0.0)
        links += zip(gaps.tolist(), (i + start).tolist(), j.tolist(), strict=True)
    for _, i, j in sorted(links):
        if i not in following and j not in taken:
            following[i] = j
            taken.add(j)
    rows = []
    for i in range(len(boxes)):
        if i in taken:
            continue
        row = [i]
        while row[-1] in following:
            row.append(following[row[-1]])
        rows.append(row)
    return sorted(rows, key=lambda row: boxes[row, 1].mean())
