"""Forms with ruled cells: a small label in the corner of each, its value below."""

from __future__ import annotations

import numpy as np

from gemma3_jax.decoding.order.rows import SAME_ROW, Line, extent, heights

Block = list[Line]

SMALLER = 0.8  # the type of a row of labels is at most this share as tall as that of the values
BELOW = 0.6  # heights of the value: the white between a label and its value
CLOSER = 0.8  # of the white above the label and below the value: rows evenly spaced are no cells
FLUSH = 1.0  # heights: how far the left edges of the two may differ


def cells(lines: list[Line], boxes: np.ndarray) -> list[Block]:
    """The lines as pieces of one line each, but a label and its value as one piece.

    Small lines over large ones are common, so they must form a grid: two cells side by side, and what is above or below these.
    """
    if len(lines) < 4:  # not even two cells
        return [[line] for line in lines]
    extents = np.array([extent(boxes[line]) for line in lines])
    tall = np.array([heights(boxes[line]).max() for line in lines])
    shared = np.minimum(extents[:, None, 3], extents[:, 3])
    shared -= np.maximum(extents[:, None, 1], extents[:, 1])
    beside = shared >= SAME_ROW * np.minimum(tall[:, None], tall)
    np.fill_diagonal(beside, True)
    flush = np.abs(extents[:, None, 0] - extents[:, 0]) <= FLUSH * tall
    values = _values(extents, tall, beside, flush)
    grid = [
        a
        for a, b in values.items()
        if any(a != c and beside[a, c] and beside[b, d] for c, d in values.items())
    ]
    values = {a: b for a, b in values.items() if flush[a, grid].any()}
    inside = set(values.values())
    return [
        [line, lines[values[k]]] if k in values else [line]
        for k, line in enumerate(lines)
        if k not in inside
    ]


def _values(
    extents: np.ndarray, tall: np.ndarray, beside: np.ndarray, flush: np.ndarray
) -> dict[int, int]:
    """{label: value}: a larger line close below one that begins where it begins; each line is used once, the closest first."""
    white = extents[:, 1] - extents[:, None, 3]
    white = np.where((white > -0.2 * tall) & flush, white, np.inf)
    around = np.minimum(white.min(axis=0)[:, None], white.min(axis=1))  # above one, below the other
    size = np.array([np.median(tall[row]) for row in beside])
    cell = (white <= BELOW * tall) & (white <= CLOSER * around)
    cell &= size[:, None] <= SMALLER * size
    found: dict[int, int] = {}
    used: set[int] = set()
    for a, b in sorted(np.argwhere(cell).tolist(), key=lambda pair: white[pair[0], pair[1]]):
        if not {a, b} & used:
            found[a] = b
            used |= {a, b}
    return found
