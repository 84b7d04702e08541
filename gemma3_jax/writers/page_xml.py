"""A page as PAGE-XML, schema of 2019-07-15 (Pletschacher & Antonacopoulos 2010): what transcription tools exchange."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ET

import numpy as np

from gemma3_jax import __version__
from gemma3_jax.page import Line, Page, Word
from gemma3_jax.writers.xml import box_of, child, serialise

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
SCHEMA = f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd"


def to_page_xml(page: Page) -> str:
    """PcGts > Page > ReadingOrder and TextRegion > TextLine (with its lower edge as Baseline) > Word > Glyph.

    Outlines are quads in whole pixels. Where a language model changed a word, its text is the TextEquiv of index 0 and what
    the pixels alone said that of index 1.
    """
    root = ET.Element("PcGts", {"xmlns": NAMESPACE})
    root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root.set("xsi:schemaLocation", SCHEMA)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    metadata = child(root, "Metadata")
    for tag, text in (("Creator", f"gemma3_jax {__version__}"), ("Created", now)):
        child(metadata, tag, text=text)
    child(metadata, "LastChange", text=now)
    size = {"imageWidth": page.width, "imageHeight": page.height}
    sheet = child(root, "Page", {"imageFilename": page.source, **size})
    if page.blocks:
        order = child(child(sheet, "ReadingOrder"), "OrderedGroup", {"id": "reading_order"})
        for index in range(len(page.blocks)):
            reference = {"index": index, "regionRef": f"region_{index + 1}"}
            child(order, "RegionRefIndexed", reference)
    for number, block in enumerate(page.blocks, 1):
        _write_region(sheet, block, page, f"region_{number}")
    return serialise(root)


def _write_region(sheet: ET.Element, block: tuple[Line, ...], page: Page, name: str) -> None:
    region = child(sheet, "TextRegion", {"id": name})
    box = box_of([word.quad for line in block for word in line.words], page.width, page.height)
    corners = [(box.left, box.top), (box.right, box.top), (box.right, box.bottom)]
    child(region, "Coords", {"points": _points([*corners, (box.left, box.bottom)], page)})
    for number, line in enumerate(block, 1):
        _write_line(region, line, page, f"{name}_line_{number}")
    _equivalent(region, "\n".join(line.text for line in block))


def _write_line(region: ET.Element, line: Line, page: Page, name: str) -> None:
    element = child(region, "TextLine", {"id": name})
    child(element, "Coords", {"points": _points(line.quad, page)})
    child(element, "Baseline", {"points": _points(line.quad[[3, 2]], page)})
    for number, word in enumerate(line.words, 1):
        _write_word(element, word, page, f"{name}_word_{number}")
    _equivalent(element, line.text, line.confidence)


def _write_word(line: ET.Element, word: Word, page: Page, name: str) -> None:
    element = child(line, "Word", {"id": name})
    child(element, "Coords", {"points": _points(word.quad, page)})
    for number, char in enumerate(word.chars, 1):
        glyph = child(element, "Glyph", {"id": f"{name}_glyph_{number}"})
        child(glyph, "Coords", {"points": _points(char.quad, page)})
        _equivalent(glyph, char.text, char.confidence)
    if word.raw == word.text:
        _equivalent(element, word.text, word.confidence)
    else:
        _equivalent(element, word.text, word.confidence, index="0")
        _equivalent(element, word.raw, index="1")


def _equivalent(
    parent: ET.Element, text: str, confidence: float | None = None, **attributes: str
) -> None:
    if confidence is not None:
        attributes["conf"] = f"{min(max(confidence, 0.0), 1.0):.4f}"
    child(child(parent, "TextEquiv", attributes), "Unicode", text=text)


def _points(corners: np.ndarray | list[tuple[int, int]], page: Page) -> str:
    """The schema takes whole numbers inside the picture only."""
    whole = np.rint(corners).clip(0, (page.width, page.height)).astype(int)
    return " ".join(f"{x},{y}" for x, y in whole)
