"""What reading gives back: characters in words in lines on a page. Plain numpy; prints, draws and serialises itself.

All quads are float32 `[4, 2]`, xy pixels of the UPRIGHT picture (after its EXIF orientation has been applied, as a viewer
shows it), clockwise from the top left of the TEXT.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image


@dataclasses.dataclass(frozen=True, eq=False)
class Char:
    """One character: its own probability and the slice of its word's quad that it covers."""

    text: str
    confidence: float
    quad: np.ndarray


@dataclasses.dataclass(frozen=True)
class Alternative:
    """Another text that a word may have, and the probability of that."""

    text: str
    confidence: float


@dataclasses.dataclass(frozen=True, eq=False)
class Word:
    """One word. `confidence` is P(text | box), see `decoding.text` and `language.fusion`; `detection` P(the box holds a word),
    by detector and reader together (`reading.presence`).

    `raw` is what the pixels alone said, where a language model changed it, and `reason` why; otherwise `raw` equals `text`.
    A doubtful word has `alternatives`, its next best readings, likeliest first; a word read for sure has none.
    """

    text: str
    confidence: float
    quad: np.ndarray
    chars: tuple[Char, ...] = ()
    detection: float = 1.0
    raw: str = ""
    reason: str = ""
    alternatives: tuple[Alternative, ...] = ()

    def __post_init__(self) -> None:
        if not self.raw:
            object.__setattr__(self, "raw", self.text)

    def __str__(self) -> str:
        return self.text


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """Words that read as one line, left to right. Lines with the same `block` number belong together."""

    words: tuple[Word, ...]
    block: int = 0

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean of the words' confidences, weighted by their length."""
        weights = [len(word.text) or 1 for word in self.words]
        return float(np.average([word.confidence for word in self.words], weights=weights))

    @property
    def quad(self) -> np.ndarray:
        """float32 [4, 2]: the smallest box along the line's direction that holds all its words."""
        points = np.concatenate([word.quad for word in self.words]).astype(np.float64)
        first, last = self.words[0].quad, self.words[-1].quad
        along = (last[1] + last[2] - first[0] - first[3]).astype(np.float64)
        length = np.hypot(*along)
        x_axis = along / length if length > 0 else np.array([1.0, 0.0])
        axes = np.stack([x_axis, [-x_axis[1], x_axis[0]]])
        (left, top), (right, bottom) = (points @ axes.T).min(0), (points @ axes.T).max(0)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        return (corners @ axes).astype(np.float32)

    def __str__(self) -> str:
        return self.text


@dataclasses.dataclass(frozen=True, eq=False)
class Page:
    """A picture that was read. `lines` are in reading order; `warnings` say what was left out and what to do about it.

    `unread` are boxes that hold a word more likely than not, but whose reading is too doubtful for the lines (its `text` is a
    guess below `min_confidence`).
    `picture` is the source as it was handed in (a path stays a path), so that `draw` can open it again. A page whose `error`
    is set was not read: `read_batch(..., on_error="keep")` returns one in the place of every file that failed.
    """

    width: int
    height: int
    lines: tuple[Line, ...] = ()
    source: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""
    unread: tuple[Word, ...] = ()
    picture: Any = dataclasses.field(default=None, repr=False)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in reading order."""
        return tuple(word for line in self.lines for word in line.words)

    @property
    def blocks(self) -> tuple[tuple[Line, ...], ...]:
        """Lines grouped by their block, in reading order."""
        numbers = dict.fromkeys(line.block for line in self.lines)
        return tuple(tuple(ln for ln in self.lines if ln.block == number) for number in numbers)

    @property
    def text(self) -> str:
        """Words joined by spaces, lines by newlines, blocks by an empty line."""
        return "\n\n".join("\n".join(line.text for line in block) for block in self.blocks)

    def __str__(self) -> str:
        return self.text

    def to_json(self, indent: int | None = None) -> str:
        """The page as one JSON object (schema: `gemma3_jax.writers.json`); `Page.from_json` reads it back."""
        from gemma3_jax.writers import json as writer

        return writer.to_json(self, indent)

    @classmethod
    def from_json(cls, text: str) -> Page:
        """A page from what `to_json` wrote.

        Raises:
            ValueError: when the text is not such an object or its schema_version is unknown.
        """
        from gemma3_jax.writers import json as writer

        return writer.from_json(text)

    def to_hocr(self) -> str:
        """The page as hOCR 1.2 (XHTML)."""
        from gemma3_jax.writers import hocr

        return hocr.to_hocr(self)

    def to_alto(self) -> str:
        """The page as ALTO 4.4 XML."""
        from gemma3_jax.writers import alto

        return alto.to_alto(self)

    def to_page_xml(self) -> str:
        """The page as PAGE-XML, schema of 2019-07-15."""
        from gemma3_jax.writers import page_xml

        return page_xml.to_page_xml(self)

    def to_markdown(self) -> str:
        """The page as Markdown: a paragraph a block, large print as headings."""
        from gemma3_jax.writers import markdown

        return markdown.to_markdown(self)

    def to_tsv(self) -> str:
        """The page as tab-separated values with Tesseract's columns."""
        from gemma3_jax.writers import tables

        return tables.to_tsv(self)

    def to_csv(self) -> str:
        """The page as a table of its words (RFC 4180), with their four corners."""
        from gemma3_jax.writers import tables

        return tables.to_csv(self)

    def to_pdf(self, picture: Any = None) -> bytes:
        """The page as a searchable PDF: its picture, or its own PDF page, under invisible words (extra `[pdf]`).

        `picture` replaces the page's own. `writers.pdf.to_pdf(pages)` makes one PDF of several pages.

        Raises:
            ImageError: when the picture cannot be opened (again). ValueError: when the page has none, or was not read.
        """
        from gemma3_jax.writers import pdf

        page = self if picture is None else dataclasses.replace(self, picture=picture)
        return pdf.to_pdf([page])

    def save(self, path: str | Path) -> None:
        """Write the page in the format that the path's extension stands for: see `writers.formats.FORMATS`.

        Raises:
            ValueError: when no format has the extension. OSError: when the place cannot be written to.
        """
        from gemma3_jax.writers.formats import encode, format_of

        written = encode(format_of(str(path)).write(self))
        with open(path, "wb") as file:
            file.write(written)

    def draw(
        self,
        path: str | Path | None = None,
        picture: Any = None,
        style: Literal["auto", "overlay", "panel"] = "auto",
    ) -> Image.Image:
        """The picture with boxes and text drawn on it, saved to `path` when one is given.

        `style="overlay"` writes each word above its box, `"panel"` repeats the page on its right with the text in place of
        the pixels; `"auto"` takes the panel when there are too many words to label. `picture` replaces the page's own.

        Raises:
            ImageError: when the picture cannot be opened (again). ValueError: when the page has none.
        """
        from gemma3_jax.writers import drawing

        drawn = drawing.draw(self, picture, style)
        if path is not None:
            drawing.save(drawn, path)
        return drawn
