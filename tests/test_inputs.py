"""What can be read and from where: file formats, PDF pages and their text, folders, patterns, URLs, standard input."""

from __future__ import annotations

import functools
import http.server
import io
import sys
import threading
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from small_pdf import small_pdf, text

from gemma3_jax.commands.inputs import documents
from gemma3_jax.imaging import download
from gemma3_jax.imaging.documents import document_pages
from gemma3_jax.imaging.load import ImageError, load_image
from gemma3_jax.imaging.pdf import fitted_dpi, open_page

RED = Image.new("RGB", (40, 30), (200, 30, 60))


def encoded(form: str, **options) -> bytes:
    stream = io.BytesIO()
    RED.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_formats_of_pictures(form):
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    pixels = load_image(encoded(form))
    assert pixels.shape == (30, 40, 3)
    assert np.abs(pixels.astype(int) - (200, 30, 60)).max() <= 12


def test_only_the_first_frame_of_an_animation():
    other = Image.new("RGB", RED.size, "blue")
    data = encoded("GIF", save_all=True, append_images=[other])
    assert len(document_pages(data)) == 1
    assert np.abs(load_image(data)[0, 0].astype(int) - (200, 30, 60)).max() <= 12


def test_heic_with_its_plugin():
    plugin = pytest.importorskip("pillow_heif", reason="needs the extra [heic]")
    stream = io.BytesIO()
    plugin.from_pillow(RED).save(stream, format="HEIF", quality=90)
    assert np.abs(load_image(stream.getvalue()).astype(int) - (200, 30, 60)).max() <= 12


def test_heic_and_pdf_without_their_packages(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    with pytest.raises(ImageError, match=r"a\.heic: is HEIC: pip install .gemma3_jax\[heic\]"):
        load_image(tmp_path / "a.heic")
    (tmp_path / "a.pdf").write_bytes(small_pdf(b""))
    with pytest.raises(ImageError, match=r"a\.pdf: is a PDF: pip install .gemma3_jax\[pdf\]"):
        document_pages(tmp_path / "a.pdf")


pdf_only = pytest.mark.skipif(find_spec("pypdfium2") is None, reason="needs the extra [pdf]")


def dpi(content: bytes, **options) -> float:
    with open_page(small_pdf(content, **options), 0, "a.pdf") as page:
        return fitted_dpi(page)


SCAN = (
    b"<< /Type /XObject /Subtype /Image /Width 1200 /Height 800 /ColorSpace /DeviceGray"
    b" /BitsPerComponent 1 /Length 120000 >>\nstream\n" + bytes(120000) + b"\nendstream"
)


@pdf_only
def test_resolution_follows_the_size_of_the_text():
    body, small, huge = (dpi(text("Some words of text", 10, 90, size)) for size in (10, 6, 60))
    assert 170 < body < 240 and small == pytest.approx(body * 10 / 6, rel=0.01) and huge == 100
    assert dpi(text("Some words", 100, 10, 10, "0 1 -1 0")) == pytest.approx(body, rel=0.01)
    assert dpi(b"10 10 50 50 re f") == 200
    assert dpi(b"q 300 0 0 200 0 0 cm /Im Do Q", image=SCAN) == pytest.approx(
        288
    )  # 1200 px on 300 pt
    assert dpi(b"", box="0 0 14400 14400") < 40  # 50 megapixels of a sheet of 5 m


@pdf_only
def test_pages_are_drawn_one_by_one_at_their_resolution(tmp_path):
    path = tmp_path / "two.pdf"
    path.write_bytes(b"\n" + small_pdf(b"0 100 150 100 re f", b""))
    first, second = document_pages(path, dpi=72)
    assert (str(first), str(second)) == (f"{path}[1]", f"{path}[2]")
    pixels = load_image(first)
    assert pixels.shape == (200, 300, 3) and pixels[:98, :148].max() == 0  # y upwards: the top left
    assert pixels[102:].min() == 255 and load_image(second).min() == 255
    assert str(document_pages(small_pdf(b""), name="<stdin>")[0]) == "<stdin>"
    path.write_bytes(b"%PDF-1.7\nnothing of the kind")
    with pytest.raises(ImageError, match=r"two\.pdf: damaged or encrypted PDF"):
        document_pages(path)


# Widths of Helvetica's letters, thousandths (Adobe's Core14 metrics).
HELVETICA = dict(zip("HeloWrd ", (722, 556, 222, 556, 944, 333, 556, 278), strict=True))


@pdf_only
@pytest.mark.parametrize(
    ("turn", "direction"),
    [("1 0 0 1", (1, 0)), ("0 1 -1 0", (0, -1)), (".6 .8 -.8 .6", (0.6, -0.8))],
)
def test_text_layer_by_the_metrics_of_its_font(turn, direction):
    """Two words of 20 pt from (150, 60) on; y downwards in pixels."""
    data = small_pdf(text("Hello World", 150, 60, 20, turn))
    layer = document_pages(data, dpi=144)[0].text_layer()
    assert layer is not None and layer.sound and (layer.width, layer.height) == (600, 400)
    assert [word.text for word in layer.words] == ["Hello", "World"]
    along, start = np.array(direction), np.array([300, 280])
    up, done = np.array([along[1], -along[0]]), 0.0
    for word in layer.words:
        wide = sum(HELVETICA[letter] for letter in word.text) / 1000 * 40
        from_start = (word.quad - start) @ along
        assert from_start[[0, 3]] == pytest.approx(done, abs=2.5)
        assert from_start[[1, 2]] == pytest.approx(done + wide, abs=2.5)
        heights = (word.quad - start) @ up
        assert heights[:2].min() > 27 and heights[:2].max() < 46  # above the capitals, 0.72 em
        assert heights[2:].min() > -14 and heights[2:].max() <= 0.5  # below the baseline
        assert "".join(char.text for char in word.chars) == word.text
        done += wide + 0.278 * 40


@pdf_only
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_text_layer_of_a_turned_page_lies_on_its_ink(rotation):
    data = small_pdf(text("Hello", 50, 100), extra=f"/Rotate {rotation} /CropBox [10 20 250 180]")
    page = document_pages(data, dpi=144)[0]
    layer = page.text_layer()
    assert layer is not None
    pixels = load_image(page)
    assert pixels.shape[:2] == (layer.height, layer.width)
    rows, columns = np.nonzero(pixels[..., 0] < 128)
    quad = layer.words[0].quad
    low, high = quad.min(axis=0), quad.max(axis=0)
    assert (low <= (columns.min() + 1, rows.min() + 1)).all()
    assert (high >= (columns.max(), rows.max())).all()
    ink, box = np.ptp(columns) * np.ptp(rows), np.prod(high - low)
    assert ink > 0.5 * box


@pdf_only
def test_a_stamp_on_a_scan_does_not_stand_for_the_page():
    scan = b"q 300 0 0 200 0 0 cm /Im Do Q " + text("Downloaded today", 10, 10, 8)
    layer = document_pages(small_pdf(scan, image=SCAN))[0].text_layer()
    assert layer is not None and len(layer.words) == 2 and not layer.sound
    empty = document_pages(small_pdf(b""))[0].text_layer()
    assert empty is not None and not empty.sound and not empty.words


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """scans/ with two pictures, a letter, a hidden file, and a folder with one more picture."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.JPG", "deep/c.tiff", ".d.png", "letter.txt", "odd[1].png"):
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded("PNG"))
    (tmp_path / "empty").mkdir()
    return tmp_path


def names(*wanted: str, **options) -> list[str]:
    found = []
    for document in documents(wanted, **options):
        errors = [page for page in document.pages if isinstance(page, ImageError)]
        found.append(str(errors[0]) if errors else document.name)
    return found


def test_folders_and_patterns(tree):
    assert names("scans") == ["scans/a.JPG", "scans/b.png", "scans/odd[1].png"]
    assert "scans/deep/c.tiff" in names("scans", recursive=True)
    assert names("scans/*.png") == ["scans/b.png", "scans/odd[1].png"]
    assert names("**/c.*") == ["scans/deep/c.tiff"]
    assert names("scans/odd[1].png", "scans/letter.txt") == ["scans/odd[1].png", "scans/letter.txt"]
    assert names("*.bmp", "gone.png", "a\0b") == [
        "*.bmp: no file matches",
        "gone.png: no such file",
        "a\0b: embedded null byte",
    ]
    assert names("empty")[0].startswith("empty: no picture or PDF in this folder; --recursive")


def test_standard_input_may_be_a_document(monkeypatch):
    pages = encoded("TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9), "lime")])
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(pages)))
    (document,) = documents(["-"])
    assert [str(page) for page in document.pages] == ["<stdin>[1]", "<stdin>[2]"]
    assert load_image(document.pages[1])[0, 0].tolist() == [0, 255, 0]
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO()))
    assert names("-") == ["<stdin>: empty (0 bytes)"]


class Handler(http.server.BaseHTTPRequestHandler):
    """/red.png is a picture, /moved leads to it, /file leads out of the web, /cut ends too soon; else 404."""

    def do_GET(self):
        places = {"/moved": "/red.png", "/file": Path(__file__).as_uri()}
        if self.path in places:
            self.send_response(302)
            self.send_header("Location", places[self.path])
            self.end_headers()
        elif self.path in ("/red.png", "/cut"):
            data = encoded("PNG")
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: 20 if self.path == "/cut" else None])
        else:
            self.send_error(404)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_urls(server, monkeypatch):
    for path in ("/red.png", "/moved"):
        (document,) = documents([server + path])
        assert load_image(document.pages[0]).shape == (30, 40, 3)
        assert str(document.pages[0]) == server + path
    assert names(f"{server}/no") == [f"{server}/no: the server answers 404 Not Found"]
    (refused,) = names(f"{server}/file")
    assert refused.startswith(f"{server}/file: ") and "file:" in refused
    (cut,) = names(f"{server}/cut")
    assert cut.startswith(f"{server}/cut: ")
    monkeypatch.setattr(
        "gemma3_jax.commands.inputs.fetch", functools.partial(download.fetch, most_bytes=50)
    )
    assert names(f"{server}/red.png")[0].endswith("larger than 0 MB: download it yourself")
    assert "cannot be reached" in names("http://127.0.0.1:9/x.png")[0]
    assert names("http://") == ["http://: names no host"]
