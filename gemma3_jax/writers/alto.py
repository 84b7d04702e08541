"""A page as ALTO 4.4 XML (www.loc.gov/standards/alto): what libraries and archives keep."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

from gemma3_jax import __version__
from gemma3_jax.page import Line, Page, Word
from gemma3_jax.writers.xml import Box, box_of, child, serialise

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = f"{NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"


def to_alto(page: Page) -> str:
    """Layout > Page > PrintSpace > TextBlock > TextLine > String (with outline and glyphs) and SP; whole pixels."""
    root = ET.Element("alto", {"xmlns": NAMESPACE})
    root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root.set("xsi:schemaLocation", SCHEMA)
    _description(root, page)
    layout = child(root, "Layout")
    size = {"WIDTH": page.width, "HEIGHT": page.height}
    sheet = child(layout, "Page", {"ID": "page_1", "PHYSICAL_IMG_NR": 1, **size})
    space = child(sheet, "PrintSpace", {"HPOS": 0, "VPOS": 0, **size})
    line_number = 0
    for number, block in enumerate(page.blocks, 1):
        quads = [word.quad for line in block for word in line.words]
        place = _place(box_of(quads, page.width, page.height))
        region = child(space, "TextBlock", {"ID": f"block_{number}", **place})
        for line in block:
            line_number += 1
            _write_line(region, line, page, f"line_{line_number}")
    return serialise(root)


def _description(root: ET.Element, page: Page) -> None:
    description = child(root, "Description")
    child(description, "MeasurementUnit", text="pixel")
    source = child(description, "sourceImageInformation")
    child(source, "fileName", text=page.source)
    processing = child(description, "Processing", {"ID": "ocr_1"})
    software = child(processing, "processingSoftware")
    child(software, "softwareName", text="gemma3_jax")
    child(software, "softwareVersion", text=__version__)


def _write_line(region: ET.Element, line: Line, page: Page, name: str) -> None:
    boxes = [box_of([word.quad], page.width, page.height) for word in line.words]
    whole = box_of([word.quad for word in line.words], page.width, page.height)
    element = child(region, "TextLine", {"ID": name, **_place(whole)})
    for number, (word, box) in enumerate(zip(line.words, boxes, strict=True), 1):
        if number > 1:
            before = boxes[number - 2].right
            gap = max(0, box.left - before)
            child(element, "SP", {"HPOS": before, "VPOS": box.top, "WIDTH": gap})
        _write_word(element, word, box, page, f"{name}_string_{number}")


def _write_word(line: ET.Element, word: Word, box: Box, page: Page, name: str) -> None:
    sure = f"{word.confidence:.3f}"
    element = child(line, "String", {"ID": name, "CONTENT": word.text, "WC": sure, **_place(box)})
    _outline(element, word.quad)
    for number, char in enumerate(word.chars, 1):
        place = _place(box_of([char.quad], page.width, page.height))
        glyph = {"ID": f"{name}_glyph_{number}", "CONTENT": char.text, **place}
        child(element, "Glyph", {**glyph, "GC": f"{char.confidence:.3f}"})


def _outline(element: ET.Element, quad: np.ndarray) -> None:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in quad)
    child(child(element, "Shape"), "Polygon", {"POINTS": points})


def _place(box: Box) -> dict[str, int]:
    width, height = max(0, box.right - box.left), max(0, box.bottom - box.top)
    return {"HPOS": box.left, "VPOS": box.top, "WIDTH": width, "HEIGHT": height}
