"""TSV, CSV, Markdown and PAGE-XML, each read back by a parser that is not ours."""

from __future__ import annotations

import csv
import io
import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.page import Char, Line, Page, Word
from gemma3_jax.writers.formats import FORMATS, format_of
from gemma3_jax.writers.markdown import escape

PAGE = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def word(text: str, left: float, top: float, height: float = 20, **more) -> Word:
    quad = box(left, top, left + 40, top + height)
    return Word(text, more.pop("confidence", 0.875), quad, **more)


def page(*texts: str) -> Page:
    """The texts two to a line, a block for each two lines."""
    words = [word(text, 10 + 50 * (k % 2), 10 + 30 * (k // 2)) for k, text in enumerate(texts)]
    lines = [Line(tuple(words[k : k + 2]), k // 4) for k in range(0, len(words), 2)]
    return Page(300, 200, tuple(lines), 'a "quoted", name.jpg')


anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
printable = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp"]), min_size=1, max_size=10
)


@given(st.lists(anything, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_csv_gives_every_text_back(texts):
    rows = list(csv.DictReader(io.StringIO(page(*texts).to_csv(), newline="")))
    assert [row["text"] for row in rows] == texts
    assert [row["raw"] for row in rows] == texts
    assert {row["source"] for row in rows} == {'a "quoted", name.jpg'}


def test_csv_by_hand():
    changed = Page(90, 90, (Line((word("HELLO", 1, 2, raw="H3LL0"),), 4),), "x.png")
    header, row = changed.to_csv().split("\r\n")[:2]
    assert header == (
        "source,block,line,word,text,raw,confidence,detection,x1,y1,x2,y2,x3,y3,x4,y4"
    )
    corners = "1.00,2.00,41.00,2.00,41.00,22.00,1.00,22.00"
    assert row == f"x.png,1,1,1,HELLO,H3LL0,0.8750,1.0000,{corners}"


@given(st.lists(anything, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_tsv_has_a_row_a_word_whatever_the_text(texts):
    """Only what would break a row is lost, and that to a space."""
    rows = page(*texts).to_tsv().splitlines()
    cells = [row.split("\t") for row in rows]
    assert {len(row) for row in cells} == {12}
    found = [row[11] for row in cells if row[0] == "5"]
    expected = [re.sub(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", " ", text) for text in texts]
    assert found == expected


def test_tsv_is_tesseracts():
    """Columns and levels as `tesseract page.png - tsv` prints them."""
    rows = [row.split("\t") for row in page("a", "b", "c", "d", "e").to_tsv().splitlines()]
    assert " ".join(rows[0]) == (
        "level page_num block_num par_num line_num word_num left top width height conf text"
    )
    assert [row[0] for row in rows[1:]] == [*"123455455", *"2345"]
    assert rows[1] == ["1", "1", "0", "0", "0", "0", "0", "0", "300", "200", "-1", ""]
    assert rows[4] == ["4", "1", "1", "1", "1", "0", "10", "10", "90", "20", "-1", ""]
    assert rows[6] == ["5", "1", "1", "1", "1", "2", "60", "10", "40", "20", "87.50", "b"]
    assert rows[-1][2:6] == ["2", "1", "1", "1"]


MARKUP = ["#", "-", "+", "=", "1.", "2)", ">", "---", "*a*", "[x](y)", "&amp;", "$2", "|", "```"]


def rendered(markdown: str) -> list[tuple[str, str]]:
    """(tag, text) of each block as a CommonMark reader shows it, hard line breaks as newlines."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    blocks = []
    for opening, inline in itertools.pairwise(parser.parse(markdown)):
        if inline.type == "inline":
            kinds = {"hardbreak": "\n", "softbreak": " "}
            parts = [kinds.get(c.type) or c.content for c in inline.children]
            assert {c.type for c in inline.children} <= {"text", "text_special", *kinds}
            blocks.append((opening.tag, "".join(parts)))
    return blocks


@given(st.lists(st.one_of(printable, st.sampled_from(MARKUP))))
@settings(max_examples=150, deadline=None)
def test_markdown_shows_what_was_read(texts):
    if not texts:
        return
    shown = rendered(page(*texts).to_markdown())
    assert [text for _, text in shown] == page(*texts).text.split("\n\n")
    assert {tag for tag, _ in shown} == {"p"}


def test_markdown_headings_are_large_and_short():
    title = Line((word("Annual", 10, 10, 60), word("*Report*", 80, 10, 60)), 0)
    body = [
        Line((word("plain", 10, 90 + 25 * k), word("text", 60, 90 + 25 * k)), 1) for k in range(3)
    ]
    text = Page(300, 200, (title, *body)).to_markdown()
    assert text == "# Annual \\*Report\\*\n\nplain text\\\nplain text\\\nplain text\n"
    assert Page(9, 9).to_markdown() == "\n" and escape("a  b\tc") == "a b c"


def test_page_xml_says_what_the_page_says():
    chars = (Char("H", 0.5, box(-3, 10, 30.6, 30)),)
    changed = word("HE", 60, 10, raw="H3", chars=chars)
    lines = (Line((word("R&D", 10, 10), changed)), Line((word("x\x07", 280, 190),), 1))
    root = ET.fromstring(Page(300, 200, lines, "a.png").to_page_xml())
    for points in filter(None, (element.get("points") for element in root.iter())):
        xy = np.array([pair.split(",") for pair in points.split()], int)
        assert (xy >= 0).all() and (xy <= (300, 200)).all()
    regions = [e.get("id") for e in root.iter(f"{PAGE}TextRegion")]
    assert [e.get("regionRef") for e in root.iter(f"{PAGE}RegionRefIndexed")] == regions
    words = list(root.iter(f"{PAGE}Word"))
    texts = [[e.text for e in w.iterfind(f"{PAGE}TextEquiv/{PAGE}Unicode")] for w in words]
    assert texts == [["R&D"], ["HE", "H3"], ["x\ufffd"]]
    assert [e.get("index") for e in words[1].iterfind(f"{PAGE}TextEquiv")] == ["0", "1"]
    assert words[0].find(f"{PAGE}Coords").get("points") == "10,10 50,10 50,30 10,30"  # type: ignore[union-attr]
    glyph = next(root.iter(f"{PAGE}Glyph"))
    assert glyph.find(f"{PAGE}Coords").get("points") == "0,10 31,10 31,30 0,30"  # type: ignore[union-attr]
    assert ET.fromstring(Page(5, 5).to_page_xml()).find(f"{PAGE}Page/{PAGE}ReadingOrder") is None


def test_saving_goes_by_the_extension(tmp_path):
    for name, form in FORMATS.items():
        assert format_of(f"scan{form.extension}") is form
        if name != "pdf":
            page("a", "b").save(tmp_path / f"scan{form.extension.upper()}")
            written = (tmp_path / f"scan{form.extension.upper()}").read_bytes().decode("utf-8")
            assert "a" in written and written.endswith("\n") and not written.endswith("\n\n")
    with pytest.raises(ValueError, match=r"scan\.docx: no format .* \.txt, \.md"):
        page("a").save(tmp_path / "scan.docx")
