"""What is wrong with a picture is said in one line that names it; what is merely odd is read."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from fake_engine import FakeEngine, picture
from PIL import Image

from gemma3_jax.imaging.load import MAX_PIXELS, ImageError, load_image
from gemma3_jax.ocr import GemmaOCR

BOXES = {0: (40, 30, 140, 60)}


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def bomb() -> bytes:
    """A PNG whose header promises 60 000 x 60 000 pixels."""
    data = bytearray(png(np.zeros((4, 4, 3), np.uint8)))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


NOISE = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)


def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, "JPEG")
    return stream.getvalue()


BROKEN = {
    "empty": (b"", "empty"),
    "text": (b"Dear reader, this is a letter.", "not an image"),
    "half_png": (png(NOISE)[:5000], "truncated"),
    "half_jpeg": (jpeg()[:5000], "truncated"),
    "header_only": (png(NOISE)[:30], "."),
    "bomb": (bomb(), f"more than {MAX_PIXELS / 1e6:.0f} megapixels"),
    "pdf": (b"%PDF-1.7\n...", "PDF"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_and_bytes(name, tmp_path):
    data, reason = BROKEN[name]
    path = tmp_path / f"{name}.png"
    path.write_bytes(data)
    for source, called in ((path, str(path)), (data, f"<{len(data)} bytes>")):
        with pytest.raises(ImageError, match=reason) as caught:
            load_image(source)
        assert str(caught.value).startswith(f"{called}: ") and "\n" not in str(caught.value)
        assert caught.value.source == called


def test_missing_file_and_directory(tmp_path):
    for path, reason in ((tmp_path / "none.png", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(ImageError, match=reason) as caught:
            load_image(path)
        assert str(path) in str(caught.value)
    with pytest.raises(ImageError):
        load_image("a\0b.png")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((0, 0, 3), np.uint8), "no pixels"),
        (np.zeros((5, 0), np.uint8), "no pixels"),
        (np.zeros((3, 5, 7), np.uint8), r"\[h, w, 1..4\]"),
        (np.zeros(9, np.uint8), r"shape \(9,\)"),
        (np.zeros((4, 4, 3), np.float32), "dtype float32"),
        (np.zeros((4, 4, 3), np.int64), "dtype int64"),
    ],
)
def test_arrays_that_are_no_pictures(array, reason):
    with pytest.raises(ImageError, match=reason):
        load_image(array)


def test_pil_picture_without_pixels():
    with pytest.raises(ImageError, match="no pixels"):
        load_image(Image.new("RGB", (0, 0)))


@pytest.mark.parametrize("source", [None, 7, ["a.png"], {"image": 1}])
def test_what_is_no_source_at_all(source):
    with pytest.raises(TypeError, match="give a path"):
        load_image(source)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 20_000), (5, 9), (20_000, 2)])
def test_too_small_to_hold_text_is_an_empty_page_with_a_warning(height, width):
    page = GemmaOCR(FakeEngine(["Open"])).read(np.full((height, width, 3), 200, np.uint8))
    assert page.words == () and not page.error and (page.height, page.width) == (height, width)
    assert f"{width}x{height} px is too small" in page.warnings[0]


@pytest.mark.parametrize(("height", "width"), [(90, 20_000), (20_000, 160), (8, 8)])
def test_extreme_shapes_are_read(height, width):
    page = GemmaOCR(FakeEngine(["Open"])).read(picture(height, width, BOXES))
    assert page.text == ("Open" if height > 60 else "")


def test_no_warning_leaks_from_odd_pictures():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for dtype, top in ((np.uint8, 255), (np.uint16, 65535), (bool, 1)):
            load_image((np.arange(12).reshape(3, 4) * top // 11).astype(dtype))
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"):
            assert load_image(Image.new(mode, (5, 4))).shape == (4, 5, 3), mode


def test_a_path_may_look_like_anything(tmp_path):
    path = Path(tmp_path / "ünïcode näme; rm -rf.png")
    path.write_bytes(png(picture(150, 260, BOXES)))
    assert GemmaOCR(FakeEngine(["Open"])).read(path).text == "Open"
