"""A page as hOCR 1.2 (Breuel 2007; kba.github.io/hocr-spec): what PDF and archive tools read."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from gemma3_jax import __version__
from gemma3_jax.page import Line, Page, Word
from gemma3_jax.writers.xml import Box, box_of, child, clean, serialise

DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)


def to_hocr(page: Page) -> str:
    """XHTML with ocr_page > ocr_carea > ocr_line > ocrx_word.

    Boxes are upright and in whole pixels; `x_wconf` is the confidence in percent, `x_confs` that of each character and
    `x_bboxes` its box.
    """
    root = ET.Element("html", xmlns="http://www.w3.org/1999/xhtml")
    head = child(root, "head")
    child(head, "title", text=page.source)
    child(head, "meta", {"name": "ocr-system", "content": f"gemma3_jax {__version__}"})
    capabilities = "ocr_page ocr_carea ocr_line ocrx_word ocrp_wconf"
    child(head, "meta", {"name": "ocr-capabilities", "content": capabilities})
    size = f"bbox 0 0 {page.width} {page.height}; ppageno 0"
    quoted = page.source.replace("\\", "\\\\").replace('"', '\\"')
    title = f'image "{quoted}"; {size}' if page.source else size
    body = _span(child(root, "body"), "div", "ocr_page", "page_1", title)
    line_number = word_number = 0
    for number, block in enumerate(page.blocks, 1):
        quads = [word.quad for line in block for word in line.words]
        area = _span(body, "div", "ocr_carea", f"block_1_{number}", _bbox(_box(quads, page)))
        for line in block:
            line_number += 1
            words = [word.quad for word in line.words]
            title = f"{_bbox(_box(words, page))}; {_baseline(line, page)}"
            span = _span(area, "span", "ocr_line", f"line_1_{line_number}", title)
            for word in line.words:
                word_number += 1
                name, title = f"word_1_{word_number}", _word_title(word, page)
                _span(span, "span", "ocrx_word", name, title).text = clean(word.text)
    return serialise(root, DOCTYPE)


def _span(parent: ET.Element, tag: str, kind: str, name: str, title: str) -> ET.Element:
    return child(parent, tag, {"class": kind, "id": name, "title": title})


def _box(quads: list, page: Page) -> Box:
    return box_of(quads, page.width, page.height)


def _bbox(box: Box) -> str:
    return f"bbox {box.left} {box.top} {box.right} {box.bottom}"


def _baseline(line: Line, page: Page) -> str:
    """Slope, and offset in px from the bottom left of the line's box, of the line through its lower corners."""
    box = _box([word.quad for word in line.words], page)
    left, right = line.quad[3].astype(float), line.quad[2].astype(float)
    run = right[0] - left[0]
    slope = (right[1] - left[1]) / run if abs(run) > 1e-6 else 0.0
    offset = left[1] + slope * (box.left - left[0]) - box.bottom
    return f"baseline {slope:.4f} {offset:.1f}"


def _word_title(word: Word, page: Page) -> str:
    parts = [_bbox(_box([word.quad], page)), f"x_wconf {round(100 * word.confidence)}"]
    if word.chars:
        parts.append("x_confs " + " ".join(f"{100 * c.confidence:.0f}" for c in word.chars))
        boxes = (" ".join(map(str, _box([c.quad], page))) for c in word.chars)
        parts.append("x_bboxes " + " ".join(boxes))
    return "; ".join(parts)
