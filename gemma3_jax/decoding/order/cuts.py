"""Recursive XY-cut (Nagy and Seth 1984) that knows columns of prose and the headlines across them.

A region is cut, whichever is found first: at the white below a header or above a footer; at a gutter between columns of prose,
where lines across the gutter (headlines) are read between what is above and what is below them; at white bands; between things
far apart whose rows do not line up. What nothing cuts is a block, read row by row.
"""

from __future__ import annotations

import numpy as np

from gemma3_jax.decoding.order.forms import Block
from gemma3_jax.decoding.order.rows import ALIGNED, SAME_ROW, extent, heights

BAND_HEIGHTS = 0.9  # white space between blocks
GUTTER_HEIGHTS = 0.6  # between columns of prose
CLEAR_GUTTER_HEIGHTS = 2.5  # things this far apart whose rows do not line up are no row-mates
PROSE_LINES = 4  # at least, in the longer of two columns
PROSE_WORDS, PROSE_FILL = 2.5, 0.6  # mean words per line, mean line width of the widest
PROSE_PITCH = 2.0  # heights from line to line, at most: the rows of a form stand further apart

Parts = list[np.ndarray]  # indices of pieces, in reading order


def cut(pieces: list[Block], boxes: np.ndarray) -> list[Block]:
    """Blocks in reading order of pieces (lines that stay together): left column before right, upper before lower."""
    if len(pieces) < 2:
        return pieces
    members = [[i for line in piece for i in line] for piece in pieces]
    extents = np.array([extent(boxes[some]) for some in members])
    words = np.array([len(some) / len(piece) for some, piece in zip(members, pieces, strict=True)])
    height = float(np.median(heights(boxes[[i for some in members for i in some]])))
    parts = (
        _margins(extents, BAND_HEIGHTS * height)
        or _columns(extents, words, GUTTER_HEIGHTS * height)
        or _bands(extents, BAND_HEIGHTS * height)
        or _apart(extents, CLEAR_GUTTER_HEIGHTS * height)
    )
    if not parts:
        return [[line for k in _by_rows(extents) for line in pieces[k]]]
    return [block for part in parts for block in cut([pieces[k] for k in part], boxes)]


def _bands(extents: np.ndarray, width: float) -> Parts | None:
    """The pieces above and below each white stretch of at least `width` across the whole region."""
    cuts = _gaps(extents[:, 1], extents[:, 3], width)
    if not cuts:
        return None
    band = np.searchsorted(cuts, extents[:, [1, 3]].mean(axis=1))
    return [np.flatnonzero(band == b) for b in range(len(cuts) + 1)]


def _margins(extents: np.ndarray, width: float) -> Parts | None:
    """A header and a footer, rows of several pieces set apart, and what is between: no column runs on into them."""
    bands = _bands(extents, width)
    if not bands:
        return None
    start = int(_is_row(extents[bands[0]]))
    stop = len(bands) - int(_is_row(extents[bands[-1]]))
    if start >= stop or stop - start == len(bands):
        return None
    return [*bands[:start], np.concatenate(bands[start:stop]), *bands[stop:]]


def _is_row(extents: np.ndarray) -> bool:
    """Two or more pieces, all beside each other."""
    shared = extents[:, 3].min() - extents[:, 1].max()
    return len(extents) > 1 and bool(shared >= SAME_ROW * heights(extents).min())


def _columns(extents: np.ndarray, words: np.ndarray, width: float) -> Parts | None:
    """Left and right of the gutter that fewest pieces cross, in each stretch between those that do."""
    starts = np.unique(extents[:, 0])
    left, right = extents[:, 2] <= starts[:, None] - width, extents[:, 0] >= starts[:, None]
    sizes = np.stack([left.sum(1), right.sum(1)])
    likely = np.flatnonzero((sizes.min(0) >= 2) & (sizes.max(0) >= PROSE_LINES))
    for k in likely[np.argsort(-sizes.sum(0)[likely], kind="stable")]:
        parts = _between_headlines(extents, words, left[k], right[k])
        if len(parts) > 1:
            return parts
    return None


def _between_headlines(
    extents: np.ndarray, words: np.ndarray, left: np.ndarray, right: np.ndarray
) -> Parts:
    """Stretches between the pieces on neither side: two parts where both sides are prose, otherwise left to later cuts."""
    middles = extents[:, [1, 3]].mean(axis=1)
    across = ~(left | right)
    stretch = np.searchsorted(np.sort(middles[across]), middles)
    counts = [np.bincount(stretch[side], minlength=across.sum() + 1) for side in (left, right)]
    long = (np.minimum(*counts) >= 2) & (np.maximum(*counts) >= PROSE_LINES)
    columns = {}
    for s in np.flatnonzero(long):
        sides = [np.flatnonzero((stretch == s) & side) for side in (left, right)]
        if _is_prose(extents, words, sides):
            columns[s] = sides
    if not columns:  # as of most gutters
        return [np.arange(len(extents))]
    parts: Parts = []
    uncut = np.zeros(0, int)
    for s in np.unique(stretch):
        here = stretch == s
        if s in columns:
            parts += [part for part in (uncut, *columns[s]) if len(part)]
            uncut = np.zeros(0, int)
        else:
            uncut = np.concatenate(
                [uncut, np.flatnonzero(here & left), np.flatnonzero(here & right)]
            )
        uncut = np.concatenate([uncut, np.flatnonzero(here & across)])
    return [*parts, uncut] if len(uncut) else parts


def _is_prose(extents: np.ndarray, words: np.ndarray, sides: Parts) -> bool:
    """Whether both columns, of two pieces at least, have lines of several words that fill them, close to each other."""
    if any(words[side].mean() < PROSE_WORDS for side in sides):
        return False
    for side in sides:
        widths = extents[side, 2] - extents[side, 0]
        full = np.quantile(widths, 0.9)  # the side may hold more columns, and headlines across them
        if widths.mean() < PROSE_FILL * full:
            return False
        middles = np.sort(extents[side][:, [1, 3]].mean(axis=1))
        pitch = np.median(middles[1:] - middles[:-1])
        if pitch > PROSE_PITCH * np.median(heights(extents[side])):
            return False
    return True


def _apart(extents: np.ndarray, width: float) -> Parts | None:
    """The pieces left and right of a gutter of `width` across which rows do not line up."""
    for at in _gaps(extents[:, 0], extents[:, 2], width):
        left, right = np.flatnonzero(extents[:, 2] <= at), np.flatnonzero(extents[:, 2] > at)
        if not _line_up(extents[left], extents[right]):
            return [left, right]
    return None


def _line_up(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether half of the pieces on the side with fewer have a mate at their own height on the other."""
    few, many = sorted((left, right), key=len)
    offset = np.abs(few[:, None, [1, 3]].mean(-1) - many[None, :, [1, 3]].mean(-1))
    smaller = np.minimum(heights(few)[:, None], heights(many)[None])
    return bool((offset <= ALIGNED * smaller).any(axis=1).mean() >= 0.5)


def _by_rows(extents: np.ndarray) -> list[int]:
    """Pieces of one block: beside each other left to right, otherwise from the top (Breuel 2003, topological sort)."""
    left, top, right, bottom = extents.T
    middle = (top + bottom) / 2
    shared = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    beside = shared >= SAME_ROW * np.minimum(bottom - top, (bottom - top)[:, None])
    first = np.where(beside, (left + right)[:, None] < left + right, middle[:, None] < middle)
    waiting = np.ones(len(extents), bool)
    order: list[int] = []
    while waiting.any():
        left_over = np.flatnonzero(waiting)
        predecessors = first[np.ix_(left_over, left_over)].sum(axis=0)
        free = left_over[predecessors == predecessors.min()]  # over 0 only in a circle
        chosen = free[middle[free].argmin()]
        waiting[chosen] = False
        order.append(int(chosen))
    return order


def _gaps(low: np.ndarray, high: np.ndarray, width: float) -> list[float]:
    """Middles of the stretches of at least `width` that no interval [low, high] touches, ascending."""
    middles, reach = [], -np.inf
    for k in np.argsort(low):
        if low[k] - reach >= width and reach > -np.inf:
            middles.append((low[k] + reach) / 2)
        reach = max(reach, high[k])
    return middles
