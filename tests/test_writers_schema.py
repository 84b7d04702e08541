"""ALTO and PAGE keep their schemas: by rules written down by hand, and PAGE by its XSD too where that is installed."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xml_rules import ALTO, PAGE, broken

from gemma3_jax.page import Alternative, Char, Line, Page, Word

corner = st.tuples(st.floats(-50, 400), st.floats(-50, 400))
quads = st.lists(corner, min_size=4, max_size=4).map(lambda points: np.array(points, np.float32))
share = st.floats(0, 1)


@st.composite
def words(draw: st.DrawFn) -> Word:
    text = draw(st.text(max_size=4))
    chars = tuple(Char(one, draw(share), draw(quads)) for one in text)
    others = (Alternative("x", 0.1),) if draw(st.booleans()) else ()
    raw = draw(st.sampled_from(["", "other"]))
    return Word(text, draw(share), draw(quads), chars, raw=raw, alternatives=others)


lines = st.builds(
    Line, st.lists(words(), min_size=1, max_size=3).map(tuple), block=st.integers(0, 2)
)
pages = st.builds(
    Page,
    st.integers(1, 300),
    st.integers(1, 300),
    st.lists(lines, max_size=4).map(tuple),
    st.text(),
)


def plain() -> Page:
    quad = np.array([[1, 1], [31, 1], [31, 21], [1, 21]], np.float32)
    word = Word("ab", 0.9, quad, (Char("a", 0.9, quad), Char("b", 0.8, quad)), raw="a8")
    return Page(200, 100, (Line((word, word)), Line((word,), block=1)), source="a.png")


@settings(max_examples=60, deadline=None)
@given(pages)
def test_whatever_is_on_a_page_both_schemas_are_kept(page: Page) -> None:
    assert broken(page.to_alto(), ALTO) == []
    assert broken(page.to_page_xml(), PAGE) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ('WC="0.900"', 'WC="1.2"', "String has WC='1.2'"),
        ('CONTENT="a"', 'CONTENT="ab"', "Glyph has CONTENT='ab'"),
        ('PHYSICAL_IMG_NR="1"', "", "Page lacks PHYSICAL_IMG_NR"),
        ('ID="line_2"', 'ID="line_1"', "line_1 is there 2 times"),
        ("<MeasurementUnit>pixel", "<MeasurementUnit>px", "MeasurementUnit has the text 'px'"),
        ("fileName", "filename", "filename is not known"),
    ],
)
def test_the_rules_of_alto_can_be_broken(right: str, wrong: str, fault: str) -> None:
    assert fault in broken(plain().to_alto().replace(right, wrong), ALTO)


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ('points="1,1 ', 'points="-1,1 ', "Coords has points='-1,1 31,1 31,21 1,21'"),
        ('regionRef="region_2"', 'regionRef="nowhere"', "nowhere is referred to and not there"),
        ("Unicode>", "unicode>", "TextEquiv holds unicode "),
        ('conf="0.9000"', 'conf="90"', "TextEquiv has conf='90'"),
    ],
)
def test_the_rules_of_page_can_be_broken(right: str, wrong: str, fault: str) -> None:
    assert fault in broken(plain().to_page_xml().replace(right, wrong), PAGE)


@pytest.fixture(scope="module")
def page_schema():
    """The XSD of PAGE as OCR-D's core package carries it."""
    etree = pytest.importorskip("lxml.etree", reason="validating needs: pip install lxml")
    package = importlib.util.find_spec("ocrd_validators")
    if package is None or package.origin is None:
        pytest.skip("page.xsd comes with OCR-D's core: pip install --no-deps ocrd")
    schema = etree.XMLSchema(etree.parse(Path(package.origin).with_name("page.xsd")))
    return lambda xml: schema.assertValid(etree.fromstring(xml.encode()))


@settings(max_examples=60, deadline=None)
@given(page=pages)
def test_the_official_schema_of_page_says_the_same(page_schema, page: Page) -> None:
    page_schema(page.to_page_xml())


def test_the_official_schema_of_page_refuses_what_is_wrong(page_schema) -> None:
    with pytest.raises(Exception, match="points"):
        page_schema(plain().to_page_xml().replace('points="1,1 ', 'points="-1,1 '))
    page_schema(dataclasses.replace(plain(), lines=()).to_page_xml())
