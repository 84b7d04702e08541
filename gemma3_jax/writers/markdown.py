"""A page as Markdown (CommonMark 0.31): a paragraph a block, its lines kept, large print as headings."""

from __future__ import annotations

import re

import numpy as np

from gemma3_jax.decoding.boxes import sides
from gemma3_jax.page import Line, Page

HEADINGS = ((2.2, "#"), (1.5, "##"))  # times the page's median word height
MOST_HEADING_LINES = 2
SPECIAL = re.compile(r"[\\`*_\[\]<>&|~$]")  # `$` and `|`: mathematics and tables on GitHub
LEADING = re.compile(r"^(?:#|[-+=:](?=[-+=:\s]|$)|\d+(?=[.)](?:\s|$)))")


def to_markdown(page: Page) -> str:
    """Text that a Markdown reader shows as it stands on the page: whatever it would take for markup is escaped."""
    median = _height([line for block in page.blocks for line in block])
    return "\n\n".join(_block(block, median) for block in page.blocks) + "\n"


def _block(lines: tuple[Line, ...], median: float) -> str:
    texts = [escape(line.text) for line in lines]
    if len(lines) <= MOST_HEADING_LINES:
        size = _height(list(lines))
        mark = next((mark for ratio, mark in HEADINGS if size >= ratio * median), "")
        if mark:
            return f"{mark} {' '.join(texts)}"
    return "\\\n".join(texts)  # a backslash at its end breaks a line


def _height(lines: list[Line]) -> float:
    """Median height of the words, px."""
    quads = np.array([word.quad for line in lines for word in line.words]).reshape(-1, 4, 2)
    return float(np.median(sides(quads)[1])) if len(quads) else 0.0


def escape(text: str) -> str:
    """One line of text as Markdown that shows just it; runs of white space become one space."""
    text = SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
    start = LEADING.match(text)
    if start is None:
        return text
    at = start.end() if text[0].isdigit() else 0
    return f"{text[:at]}\\{text[at:]}"
