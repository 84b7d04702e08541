"""Searchable PDF: its text where the words are, by pdftotext and pdfium; its pictures as they were, by pixels and bytes."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_pdf import small_pdf, text

from gemma3_jax.imaging.documents import DocumentPage, document_pages
from gemma3_jax.imaging.load import ImageError, load_image
from gemma3_jax.page import Line, Page, Word
from gemma3_jax.writers.glyphless import font_file
from gemma3_jax.writers.pdf import to_pdf

pdfium = pytest.importorskip("pypdfium2", reason="needs the extra [pdf]")
pypdf = pytest.importorskip("pypdf", reason="needs the extra [pdf]")

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8))
PHOTO = np.asarray(NOISE.resize((350, 250), Image.Resampling.BICUBIC))  # 168 x 120 pt at 150 dpi


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def page(*lines: list[tuple[str, np.ndarray]], picture: Any = PHOTO) -> Page:
    read = [Line(tuple(Word(t, 0.9, np.float32(q)) for t, q in line)) for line in lines]  # type: ignore[arg-type]
    height, width = load_image(picture).shape[:2]
    return Page(width, height, tuple(read), picture=picture)


def rendered(pdf: bytes, like: np.ndarray, scale: float = 150 / 72) -> np.ndarray:
    """int [h, w, 3] of the first page, of the size of `like`: pdfium rounds up, 360.00001 to 361."""
    drawn = np.asarray(pdfium.PdfDocument(pdf)[0].render(scale=scale).to_pil().convert("RGB"))
    assert 0 <= drawn.shape[0] - like.shape[0] <= 1 and 0 <= drawn.shape[1] - like.shape[1] <= 1
    return drawn[: like.shape[0], : like.shape[1]].astype(int)


WORDS = [
    [("naïve", box(20.5, 30, 90, 52)), ("R&D", box(100, 28, 160, 54))],
    [
        ("Ωmega", box(20, 80, 120, 95)),
        ("日本語", box(121, 80, 200, 96)),
        ("😀ok", box(230, 81, 300, 99)),
    ],
    [("I", box(40, 150, 43, 170)), ("incomprehensibility", box(50, 151, 140, 169))],
]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
def test_pdftotext_finds_each_word_in_its_box(tmp_path):
    (tmp_path / "a.pdf").write_bytes(page(*WORDS).to_pdf())
    command = ["pdftotext", "-bbox", str(tmp_path / "a.pdf"), "-"]
    root = ET.fromstring(subprocess.run(command, capture_output=True, check=True).stdout)
    edges = ("xMin", "yMin", "xMax", "yMax")
    found = {
        element.text: np.array([float(element.get(edge, "nan")) for edge in edges]) * 150 / 72
        for element in root.iter("{http://www.w3.org/1999/xhtml}word")
    }
    expected = {text: [*quad[0], *quad[2]] for line in WORDS for text, quad in line}
    assert found == {text: pytest.approx(edges, abs=0.05) for text, edges in expected.items()}


def characters(pdf: bytes, index: int = 0) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(text, baseline origin, unit direction) of each character as pdfium finds them, in points."""
    from ctypes import c_double

    sheet = pdfium.PdfDocument(pdf)[index]
    layer = sheet.get_textpage()
    found = []
    for k in range(layer.count_chars()):
        x, y, matrix = c_double(), c_double(), pdfium.raw.FS_MATRIX()
        pdfium.raw.FPDFText_GetCharOrigin(layer, k, x, y)
        pdfium.raw.FPDFText_GetMatrix(layer, k, matrix)
        along = np.array([matrix.a, matrix.b])
        letter = chr(pdfium.raw.FPDFText_GetUnicode(layer, k))
        found.append((letter, np.array([x.value, y.value]), along / max(np.hypot(*along), 1e-9)))
    return found


def test_selecting_all_gives_the_text():
    layer = pdfium.PdfDocument(page(*WORDS).to_pdf())[0].get_textpage()
    text = layer.get_text_range().replace("\r\n", "\n")
    assert text == "naïve R&D\nΩmega 日本語 😀ok\nI incomprehensibility"


@pytest.mark.parametrize("degrees", [0, 30, 90, 137, 180, 270, -5])
def test_turned_words_run_along_their_quads(degrees):
    """Letter k of n starts k/n along the lower edge of its quad, a fifth of the height above it."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    quad = (box(-60, -12, 60, 12) @ turn + (180, 120)).astype(np.float32)
    letters = characters(page([("turned", quad)]).to_pdf())
    assert "".join(letter for letter, _, _ in letters) == "turned"
    for k, (_, origin, along) in enumerate(letters):
        spot = quad[3] + (quad[2] - quad[3]) * k / 6 + (quad[0] - quad[3]) / 5
        assert origin * 150 / 72 == pytest.approx([spot[0], 250 - spot[1]], abs=0.05)
        assert along == pytest.approx([np.cos(angle), -np.sin(angle)], abs=1e-3)


def test_nothing_is_drawn_and_the_picture_keeps_its_pixels():
    for picture in (PHOTO, PHOTO[..., 0], PHOTO[..., 0] > 127, Image.fromarray(PHOTO)):
        pixels, written = load_image(picture), page(*WORDS, picture=picture).to_pdf()
        stored = pypdf.PdfReader(io.BytesIO(written)).pages[0].images[0].image
        assert stored is not None and (np.asarray(stored.convert("RGB")) == pixels).all()
        assert np.abs(rendered(written, pixels) - pixels).mean() < 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_goes_in_byte_for_byte_and_upright(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.jpg"
    Image.fromarray(PHOTO).save(path, quality=90, exif=exif.tobytes(), dpi=(300, 300))
    read = page([("word", box(10, 20, 60, 40))], picture=path)
    written = read.to_pdf()
    assert path.read_bytes() in written
    sheet = pdfium.PdfDocument(written)[0]
    assert sheet.get_size() == pytest.approx((read.width * 0.24, read.height * 0.24), abs=1e-3)
    pixels = load_image(path)
    assert np.abs(rendered(written, pixels, 300 / 72) - pixels).mean() < 2
    assert characters(written)[0][1] / 0.24 == pytest.approx((10, read.height - 36), abs=0.05)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_over_a_turned_and_cropped_pdf_page(rotation):
    """A black bar drawn at known points; a word read from its pixels lies on the same points."""
    extra = f"/Rotate {rotation} /CropBox [20 30 290 180]"
    original = small_pdf(b"2 0 0 2 0 0 cm 50 60 60 15 re f", extra=extra)  # leaves its scale behind
    source = document_pages(original, dpi=144)[0]
    pixels = load_image(source)
    rows, columns = np.nonzero(pixels[..., 0] < 128)
    low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
    quad = np.roll(box(*low, *high), -rotation // 90, axis=0)  # its top left as the bar was drawn
    written = page([("word", quad)], picture=source).to_pdf()
    letters = characters(written)
    turned = [np.roll(box(*low, *high), -k, axis=0) for k in range(4)]
    assert any((quad == other).all() for other in turned)
    assert "".join(letter for letter, _, _ in letters) == "word"
    along = letters[0][2]
    span = letters[3][1] + (letters[1][1] - letters[0][1]) - letters[0][1]
    assert np.abs(span).max() == pytest.approx(120 if abs(along[0]) > 0.5 else 30, abs=0.6)
    middle = (letters[0][1] + letters[3][1] + (letters[1][1] - letters[0][1])) / 2
    across = np.array([-along[1], along[0]])
    height = 30 if abs(along[0]) > 0.5 else 120
    assert middle + across * 0.3 * height == pytest.approx([160, 135], abs=0.6)
    assert (rendered(written, pixels, 2.0) == pixels).all()


def test_words_that_the_page_holds_are_not_doubled():
    source = document_pages(small_pdf(text("Hello World", 50, 100)), dpi=72)[0]
    held, new = box(50, 82, 95, 104), box(50, 20, 95, 40)
    written = page([("Hel1o", held)], [("scanned", new)], picture=source).to_pdf()
    found = pdfium.PdfDocument(written)[0].get_textpage().get_text_range()
    assert "Hel1o" not in found and found.count("Hello") == 1 and "scanned" in found


def test_a_document_is_one_pdf(tmp_path):
    path = tmp_path / "two.pdf"
    path.write_bytes(small_pdf(text("first", 50, 100), b"0 0 m"))
    read = [
        page([(t, box(5, 5, 40, 20))], picture=p)
        for t, p in zip("ab", document_pages(path), strict=True)
    ]
    pages = [*read, Page(0, 0, error="damaged"), page([("c", box(9, 9, 30, 20))])]
    document = pdfium.PdfDocument(to_pdf(pages))
    texts = [sheet.get_textpage().get_text_range() for sheet in document]
    assert [sorted(t.split()) for t in texts] == [["a", "first"], ["b"], ["c"]]
    sheets = pypdf.PdfReader(io.BytesIO(to_pdf(pages))).pages
    fonts = {sheet["/Resources"]["/Font"].raw_get("/GlyphLess").idnum for sheet in sheets}  # type: ignore
    assert len(fonts) == 1  # shared, not repeated on every page


def test_odd_words_do_not_break_it():
    flat = np.zeros((4, 2), np.float32) + 7
    odd = page(
        [("", flat), ("dot", flat), ("a\x07\ud800b", box(1, 1, 9, 9))],
        [("x", box(-50, -50, 999, 999))],
    )
    assert "x" in pdfium.PdfDocument(odd.to_pdf())[0].get_textpage().get_text_range()
    assert len(pdfium.PdfDocument(page().to_pdf())) == 1


def test_what_it_lacks_is_said(monkeypatch):
    with pytest.raises(ValueError, match="no picture"):
        Page(9, 9).to_pdf()
    with pytest.raises(ValueError, match="at least one page"):
        Page(0, 0, error="damaged").to_pdf()
    with pytest.raises(ValueError, match="the picture is 350x250, the page was 9x9"):
        Page(9, 9).to_pdf(picture=PHOTO)
    with pytest.raises(ValueError, match="no such file"):
        Page(9, 9, picture=DocumentPage(Path("gone.pdf"), name="gone.pdf")).to_pdf()
    locked = page(picture=document_pages(small_pdf(b""), name="locked.pdf")[0])
    monkeypatch.setattr(pypdf, "PdfReader", _needs_cryptography)
    with pytest.raises(ImageError, match=r"locked\.pdf: cannot be copied \(cryptography"):
        locked.to_pdf()
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(ModuleNotFoundError, match=r"gemma3_jax\[pdf\]"):
        page().to_pdf()


def _needs_cryptography(file):
    raise pypdf.errors.DependencyError("cryptography>=3.1 is required")


def test_the_font_is_a_font():
    tools = pytest.importorskip("fontTools.ttLib")
    font = tools.TTFont(io.BytesIO(font_file()), checkChecksums=2)
    assert font["maxp"].numGlyphs == 2 and font["head"].unitsPerEm == 1000
    assert set(font["hmtx"].metrics.values()) == {(500, 0)}
    assert font["glyf"][".notdef"].numberOfContours == 0
    points, _, _ = font["glyf"]["glyph00001"].getCoordinates(font["glyf"])
    assert list(points) == [(0, -200), (500, 800)]
