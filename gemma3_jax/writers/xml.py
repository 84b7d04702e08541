"""What hOCR, ALTO and PAGE share: whole-pixel boxes, and text that XML allows."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Box(NamedTuple):
    """Whole pixels, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int


def box_of(quads: list[np.ndarray], width: int, height: int) -> Box:
    """The smallest box of whole pixels around some quads, inside a page of `width` x `height`."""
    points = np.concatenate(quads).astype(float)
    left, top = (math.floor(v) for v in points.min(axis=0))
    right, bottom = (math.ceil(v) for v in points.max(axis=0))
    return Box(max(left, 0), max(top, 0), min(right, width), min(bottom, height))


def clean(text: str) -> str:
    """The text with the characters that XML 1.0 forbids (control codes) replaced by U+FFFD."""
    return FORBIDDEN.sub("\ufffd", text)


def child(
    parent: ET.Element, tag: str, attributes: Mapping[str, str | int] | None = None, text: str = ""
) -> ET.Element:
    """Append an element to `parent`."""
    cleaned = {key: clean(str(value)) for key, value in (attributes or {}).items()}
    element = ET.SubElement(parent, tag, cleaned)
    if text:
        element.text = clean(text)
    return element


def serialise(root: ET.Element, doctype: str = "") -> str:
    """Indented XML text with its declaration."""
    ET.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + (doctype + "\n" if doctype else "") + ET.tostring(root, encoding="unicode") + "\n"
