"""What is written can be read back by others: JSON against itself, hOCR and ALTO by an XML parser, drawings by their pixels."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from gemma3_jax.imaging.load import ImageError
from gemma3_jax.page import Char, Line, Page, Word

HTML = "{http://www.w3.org/1999/xhtml}"
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def word(text: str, left: float, top: float, confidence: float = 0.95) -> Word:
    chars = [
        Char(c, 0.9, box(left + 10 * k, top, left + 10 * k + 10, top + 20))
        for k, c in enumerate(text)
    ]
    return Word(
        text, confidence, box(left, top, left + 10 * len(text), top + 20), tuple(chars), 0.8
    )


def page(**changes) -> Page:
    first = Line((word("R&D", 10.4, 20.6), word("<b>", 60, 20)), block=0)
    second = Line((word('say"hi"', 10, 50, 0.4),), block=0)
    third = Line((word("naïve", 200, 130, 0.7),), block=1)
    values = {
        "source": 'my "best" <photo> & co.jpg',
        "picture": np.full((200, 300, 3), 240, np.uint8),
    }
    return Page(300, 200, (first, second, third), **{**values, **changes})


def test_json_round_trip():
    once = page(warnings=("small",)).to_json()
    again = Page.from_json(once)
    assert again.to_json() == once and "\n" not in once and "naïve" in once
    assert again.text == page().text and again.warnings == ("small",)
    assert again.words[0].quad == pytest.approx(page().words[0].quad, abs=0.005)
    assert again.words[0].chars[1].text == "&"


def test_unread_words_are_kept_apart():
    doubtful = page(unread=(word("hm", 150, 160, 0.3),))
    again = Page.from_json(doubtful.to_json())
    assert [(w.text, w.detection) for w in again.unread] == [("hm", 0.8)]
    assert "hm" not in again.text and len(again.words) == len(page().words)
    entry = json.loads(page().to_json())
    entry.pop("unread")  # as files were before there were any
    assert Page.from_json(json.dumps(entry)).unread == ()
    before, after = (np.asarray(p.draw(), int) for p in (page(), doubtful))
    outlined = np.argwhere(np.abs(after - before).max(-1) > 20) / 3  # px of the page
    assert outlined.min(0) == pytest.approx([160, 150], abs=1)
    assert outlined.max(0) == pytest.approx([180, 170], abs=1)
    middle = (slice(489, 531), slice(459, 501))
    assert (after[middle] == before[middle]).all()  # an outline and no more


def test_json_schema():
    entry = json.loads(page().to_json(indent=1))
    assert entry["schema_version"] == 1
    assert list(entry) == [
        "schema_version",
        "source",
        "width",
        "height",
        "text",
        "warnings",
        "error",
        "lines",
        "unread",
    ]
    first = entry["lines"][0]["words"][0]
    assert first["text"] == "R&D" and first["quad"][0] == [10.4, 20.6] and first["detection"] == 0.8


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "schema_version is None"),
        ("[]", "schema_version"),
        ('{"schema_version": 99}', "99"),
        ('{"schema_version": 1}', "lacks the key"),
        ("not json", "Expecting value"),
    ],
)
def test_json_refuses_what_is_no_page(text, reason):
    with pytest.raises(ValueError, match=reason):
        Page.from_json(text)


def test_hocr_is_xml_with_boxes_confidences_and_text():
    text = page().to_hocr()
    root = ET.fromstring(text)
    found = {e.get("id"): e for e in root.iter() if e.get("id")}
    assert len(found) == len([e for e in root.iter() if e.get("id")])  # ids are unique
    words = [e for e in root.iter(f"{HTML}span") if e.get("class") == "ocrx_word"]
    assert [e.text for e in words] == ["R&D", "<b>", 'say"hi"', "naïve"]
    title = words[0].get("title") or ""
    assert title.startswith(
        "bbox 10 20 41 41; x_wconf 95; x_confs 90 90 90; x_bboxes 10 20 21 41 20 "
    )
    sheet = next(e for e in root.iter(f"{HTML}div") if e.get("class") == "ocr_page")
    assert (
        sheet.get("title") == 'image "my \\"best\\" <photo> & co.jpg"; bbox 0 0 300 200; ppageno 0'
    )
    lines = [e for e in root.iter(f"{HTML}span") if e.get("class") == "ocr_line"]
    assert [len(list(line)) for line in lines] == [2, 1, 1]
    assert all(
        re.search(r"baseline -?\d+\.\d+ -?\d+\.\d", line.get("title") or "") for line in lines
    )
    areas = [e for e in root.iter(f"{HTML}div") if e.get("class") == "ocr_carea"]
    assert [len(list(area)) for area in areas] == [2, 1]


def test_alto_structure_and_coordinates():
    root = ET.fromstring(page().to_alto())
    assert root.tag == f"{ALTO}alto"
    assert [child.tag for child in root] == [f"{ALTO}Description", f"{ALTO}Layout"]
    strings = list(root.iter(f"{ALTO}String"))
    assert [s.get("CONTENT") for s in strings] == ["R&D", "<b>", 'say"hi"', "naïve"]
    place = {key: strings[0].get(key) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT", "WC")}
    assert place == {"HPOS": "10", "VPOS": "20", "WIDTH": "31", "HEIGHT": "21", "WC": "0.950"}
    assert len(list(strings[0].iter(f"{ALTO}Glyph"))) == 3
    polygon = next(strings[0].iter(f"{ALTO}Polygon")).get("POINTS")
    assert polygon == "10.4,20.6 40.4,20.6 40.4,40.6 10.4,40.6"
    spaces = list(root.iter(f"{ALTO}SP"))
    assert len(spaces) == 1 and spaces[0].get("WIDTH") == "19"
    assert len(list(root.iter(f"{ALTO}TextBlock"))) == 2
    names = [e.get("ID") for e in root.iter() if e.get("ID")]
    assert len(names) == len(set(names))
    size = next(root.iter(f"{ALTO}Page"))
    assert (size.get("WIDTH"), size.get("HEIGHT")) == ("300", "200")


def test_control_characters_do_not_break_xml():
    odd = Page(100, 100, (Line((word("a\x07b", 1, 1),)),), source="bell\x07.png")
    for text in (odd.to_hocr(), odd.to_alto()):
        assert "\ufffd" in text and ET.fromstring(text) is not None


def test_an_empty_page_is_still_a_document():
    empty = Page(30, 20)
    assert ET.fromstring(empty.to_hocr()) is not None and ET.fromstring(empty.to_alto()) is not None
    assert Page.from_json(empty.to_json()).words == ()


def test_boxes_stay_inside_the_page():
    outside = Page(50, 50, (Line((Word("x", 1.0, box(-9, -9, 99, 99)),)),))
    assert "bbox 0 0 50 50" in outside.to_hocr()


def test_overlay_marks_words_and_leaves_the_rest(tmp_path):
    drawn = page().draw(tmp_path / "out.png")
    assert drawn.size == (900, 600)  # a small picture is enlarged for its labels
    assert Image.open(tmp_path / "out.png").size == drawn.size
    pixels = np.asarray(drawn).astype(int)
    assert np.abs(pixels[560:, :200] - 240).max() <= 2  # bottom left: no word near
    changed = np.abs(pixels - 240).max(axis=-1) > 20
    for w in page().words:
        left, top = (w.quad[0] * 3).astype(int)
        right, bottom = (w.quad[2] * 3).astype(int)
        assert changed[top - 2 : top + 3, left:right].any(axis=0).mean() > 0.9  # its upper edge
        assert changed[bottom - 3 : bottom + 3, left:right].any(axis=0).mean() > 0.9


def test_panel_doubles_the_picture_and_sets_the_text_beside():
    drawn = page().draw(style="panel")
    assert drawn.size == (1808, 600)
    right = np.asarray(drawn)[:, 908:].astype(int)
    ink = right.min(axis=-1) < 120
    assert ink[50:130, 25:130].sum() > 50  # "R&D" in its own place, three times as large
    assert not ink[560:, :200].any()


def test_many_words_get_a_panel_of_their_own_accord():
    words = tuple(word("ab", 5 + 25 * (k % 10), 5 + 25 * (k // 10)) for k in range(70))
    crowded = dataclasses.replace(page(), lines=(Line(words),))
    assert crowded.draw().size == (1808, 600)


def test_turned_and_empty_words_can_be_drawn():
    quad = np.array([[100, 20], [120, 60], [100, 70], [80, 30]], np.float32)
    odd = (Word("up", 0.5, quad[[1, 2, 3, 0]]), Word("", 0.5, quad), Word("x", 0.1, quad * 0 + 5))
    for style in ("overlay", "panel"):
        dataclasses.replace(page(), lines=(Line(odd),)).draw(style=style)


def test_drawing_says_what_it_lacks(tmp_path):
    with pytest.raises(ValueError, match="no picture"):
        page(picture=None).draw()
    with pytest.raises(ValueError, match="the picture is 5x4, the page was 300x200"):
        page().draw(picture=np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="style"):
        page().draw(style="cubist")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ImageError, match="suffix"):
        page().draw(tmp_path / "out.docx")
    with pytest.raises(ImageError, match="cannot be written"):
        page().draw(tmp_path / "no" / "such" / "out.png")
