"""A page as a table of its words: TSV with Tesseract's columns, for programs that read those, and CSV with everything."""

from __future__ import annotations

import csv
import io
import re

import numpy as np

from gemma3_jax.page import Page
from gemma3_jax.writers.xml import box_of

PLACE = ["page_num", "block_num", "par_num", "line_num", "word_num"]
TSV_COLUMNS = ["level", *PLACE, "left", "top", "width", "height", "conf", "text"]
CORNERS = ["x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"]
READ = ["text", "raw", "confidence", "detection"]
CSV_COLUMNS = ["source", "block", "line", "word", *READ, *CORNERS]
# What programs split lines and cells at.
BREAKS = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def to_tsv(page: Page) -> str:
    """Tesseract's TSV: a row for the page (level 1), each block (2), paragraph (3), line (4) and word (5).

    Boxes are upright and in whole pixels, `conf` is 0..100, or -1 where a row is no word. TSV has no quoting: tabs and line
    breaks within a text become spaces. A block is one paragraph.
    """
    rows = [TSV_COLUMNS, _row(page, 1, (0, 0, 0, 0), None)]
    for b, block in enumerate(page.blocks, 1):
        words = [word.quad for line in block for word in line.words]
        rows += [_row(page, 2, (b, 0, 0, 0), words), _row(page, 3, (b, 1, 0, 0), words)]
        for n, line in enumerate(block, 1):
            rows.append(_row(page, 4, (b, 1, n, 0), [word.quad for word in line.words]))
            for w, word in enumerate(line.words, 1):
                place, text = (b, 1, n, w), BREAKS.sub(" ", word.text)
                rows.append(_row(page, 5, place, [word.quad], f"{100 * word.confidence:.2f}", text))
    return "\n".join("\t".join(row) for row in rows) + "\n"


def _row(
    page: Page,
    level: int,
    place: tuple[int, int, int, int],
    quads: list[np.ndarray] | None,
    confidence: str = "-1",
    text: str = "",
) -> list[str]:
    whole = np.array([[0, 0], [page.width, page.height]])
    box = box_of([whole] if quads is None else quads, page.width, page.height)
    size = max(0, box.right - box.left), max(0, box.bottom - box.top)
    numbers = (level, 1, *place, box.left, box.top, *size)
    return [*map(str, numbers), confidence, text]


def to_csv(page: Page) -> str:
    """RFC 4180: a row a word in reading order, `block`, `line` (on the page) and `word` (in the line) counted from 1.

    Corners are xy in px, clockwise from the top left of the text; confidences are 0..1. Texts are written as they are: a
    spreadsheet may take one that begins with "=" for a formula.
    """
    stream = io.StringIO()
    table = csv.writer(stream)
    table.writerow(CSV_COLUMNS)
    line_number = 0
    for b, block in enumerate(page.blocks, 1):
        for line in block:
            line_number += 1
            for w, word in enumerate(line.words, 1):
                sure = (f"{word.confidence:.4f}", f"{word.detection:.4f}")
                corners = [f"{v:.2f}" for v in word.quad.ravel()]
                place = (page.source, b, line_number, w)
                table.writerow([*place, word.text, word.raw, *sure, *corners])
    return stream.getvalue()
