"""Words as invisible PDF text: drawn in mode 3 (ISO 32000-1, 9.3.6), each stretched and turned to its own quad."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gemma3_jax.page import Line, Word
from gemma3_jax.writers.glyphless import ADVANCE, ASCENT, DESCENT

FONT = "/GlyphLess"  # the font's name among a page's resources


def text_stream(
    lines: Iterable[Line], codes: dict[str, int], matrix: np.ndarray, offset: np.ndarray
) -> bytes:
    """Content of a PDF page that holds the lines' words; `xy @ matrix + offset` turns their pixels into points.

    Between two words of a line stands a space that reaches from one to the other, so that a selection has no holes and no
    program joins what are two words.
    """
    shown = [_show(text, quad @ matrix + offset, codes) for text, quad in _runs(lines)]
    return "\n".join(["BT", "3 Tr", *shown, "ET"]).encode("ascii")


def _runs(lines: Iterable[Line]) -> Iterator[tuple[str, np.ndarray]]:
    for line in lines:
        following = [*line.words[1:], None]
        for word, after in zip(line.words, following, strict=True):
            yield word.text, word.quad.astype(np.float64)
            if after is not None:
                yield " ", _gap(word, after)


def _gap(word: Word, after: Word) -> np.ndarray:
    """float64 [4, 2]: from the end of a word, in its direction, to where the next begins; never quite empty."""
    quad, following = word.quad.astype(np.float64), after.quad.astype(np.float64)
    along, up = _sides(quad)
    along = along / max(float(np.hypot(*along)), 1e-6)
    distance = ((following[0] + following[3]) - (quad[1] + quad[2])) / 2 @ along
    step = along * max(float(distance), 0.02 * float(np.hypot(*up)))
    return np.stack([quad[1], quad[1] + step, quad[2] + step, quad[2]])


def _sides(quad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the parallelogram nearest to a quad: along the text, and from its lower to its upper edge."""
    along = (quad[1] - quad[0] + quad[2] - quad[3]) / 2
    return along, (quad[0] - quad[3] + quad[1] - quad[2]) / 2


def _show(text: str, quad: np.ndarray, codes: dict[str, int]) -> str:
    """Operators that set `text` so that its first to last advance and its ascent to descent fill the quad (in points)."""
    along, up = _sides(quad)
    size = max(float(np.hypot(*up)), 1e-3)  # the font is 1000 / 1000 high
    scale = 1000 / (ASCENT - DESCENT)
    a, b = along / (len(text) * ADVANCE / 1000 * size)
    c, d = up * scale / size
    corner = quad.mean(axis=0) - along / 2 - up / 2
    x, y = corner - up * DESCENT / (ASCENT - DESCENT)
    place = f"{a:.6f} {b:.6f} {c:.6f} {d:.6f} {x:.4f} {y:.4f} Tm"
    string = "".join(f"{codes[character]:04X}" for character in text)
    return f"{FONT} {size:.4f} Tf {place} <{string}> Tj"
