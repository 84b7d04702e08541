"""Words to lines to reading order: for a sign, a receipt, a form, a page with columns.

1. `frames`: words that run in another direction than most (a vertical shop name beside a horizontal one) are read after them;
   each direction is turned upright.
2. `rows`: words whose heights overlap, left to right; a row breaks at wide gaps, but never before an amount, so that a receipt
   keeps its prices.
3. `forms`: a small label is bound to the value below it where such cells form a grid.
4. `cuts`: blocks, by a recursive XY-cut that knows columns of prose and the headlines across them.

Everything is measured in heights of the text, so scale does not matter. docs/reader.md has figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gemma3_jax.decoding.order.cuts import Block, cut
from gemma3_jax.decoding.order.forms import cells
from gemma3_jax.decoding.order.frames import directions, upright
from gemma3_jax.decoding.order.rows import segments


def reading_order(quads: np.ndarray, texts: Sequence[str]) -> list[Block]:
    """Blocks of lines of indices into `quads` `[n, 4, 2]`; every word appears exactly once.

    `texts` tell amounts from words (a price stays on the line of its article). Quads must be in reading direction.
    """
    quads = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    blocks: list[Block] = []
    for angle, members in directions(quads):
        boxes = upright(quads[members], angle)
        lines = segments(boxes, [texts[i] for i in members])
        for block in cut(cells(lines, boxes), boxes):
            blocks.append([[members[i] for i in line] for line in block])
    return blocks
