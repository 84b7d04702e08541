"""Every kind of picture becomes the same upright RGB, and every size one of a few shapes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gemma3_jax.imaging.documents import document_pages
from gemma3_jax.imaging.load import load_image
from gemma3_jax.imaging.pixels import deep_to_grey
from gemma3_jax.imaging.resize import LARGEST_SIDE, SizePolicy, plan, resize, to_picture, windows

GREY = np.arange(0, 240, 5, dtype=np.uint8).reshape(6, 8)
RGB = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def grey_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)


def test_path_bytes_pil_and_array_agree(tmp_path):
    data = encoded(Image.fromarray(RGB))
    (tmp_path / "a.png").write_bytes(data)
    for source in (str(tmp_path / "a.png"), tmp_path / "a.png", data, Image.fromarray(RGB), RGB):
        loaded = load_image(source)
        assert loaded.dtype == np.uint8 and (loaded == RGB).all()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, grey_rgb(GREY)),
        (GREY[..., None], grey_rgb(GREY)),
        (GREY > 100, grey_rgb(np.where(GREY > 100, 255, 0))),
        (GREY.astype(np.uint16) * 257, grey_rgb(GREY)),
        (np.stack([GREY, np.full_like(GREY, 0)], -1), np.full((6, 8, 3), 255)),
        (np.concatenate([RGB, np.full((6, 8, 1), 255, np.uint8)], -1), RGB),
    ],
)
def test_arrays_of_any_layout(array, expected):
    assert (load_image(array) == expected).all()


def test_palette_and_bilevel():
    paletted = Image.fromarray(RGB).quantize(200)
    assert (load_image(encoded(paletted)) == np.asarray(paletted.convert("RGB"))).all()
    bilevel = Image.fromarray(GREY > 100)
    assert (load_image(encoded(bilevel)) == grey_rgb(np.where(GREY > 100, 255, 0))).all()


def test_transparency_lies_over_white():
    ink = np.zeros((4, 4, 4), np.uint8)
    ink[0] = (10, 20, 30, 255)
    ink[1] = (10, 20, 30, 51)
    loaded = load_image(encoded(Image.fromarray(ink)))
    assert loaded[0, 0].tolist() == [10, 20, 30]
    assert loaded[1, 0].tolist() == [206, 208, 210]  # a fifth of the ink
    assert loaded[2, 0].tolist() == [255, 255, 255]


def test_white_lettering_on_nothing_stays_readable():
    logo = np.zeros((4, 4, 4), np.uint8)
    logo[0] = (250, 250, 250, 255)
    loaded = load_image(encoded(Image.fromarray(logo)))
    assert loaded[0].min() == 250 and loaded[1:].max() == 0


def test_palette_and_grey_transparency():
    paletted = Image.new("P", (4, 4), 0)
    paletted.putpalette([9, 9, 9, 50, 60, 70])
    paletted.paste(1, (0, 0, 4, 2))
    loaded = load_image(encoded(paletted, transparency=0))
    assert loaded[0, 0].tolist() == [50, 60, 70] and loaded[3, 3].tolist() == [255, 255, 255]
    both = Image.merge("LA", [Image.new("L", (4, 4), 90), Image.new("L", (4, 4), 0)])
    assert (load_image(encoded(both)) == 255).all()


def test_cmyk_keeps_its_colours():
    flat = Image.new("RGB", (16, 16), (200, 30, 60)).convert("CMYK")
    loaded = load_image(encoded(flat, "JPEG", quality=95))
    assert np.abs(loaded.astype(int) - (200, 30, 60)).max() <= 6


def test_sixteen_bits_keep_their_grey():
    deep = (GREY.astype(np.uint16) * 257).astype(np.uint16)
    for form in ("PNG", "TIFF"):
        loaded = load_image(encoded(Image.fromarray(deep), form))
        assert (loaded == grey_rgb(GREY)).all(), form


def test_ranges_of_deep_samples():
    assert deep_to_grey(np.array([0, 2048, 4095], np.uint16)).tolist() == [0, 128, 255]  # 12 bits
    assert deep_to_grey(np.array([0, 65535], np.uint16)).tolist() == [0, 255]
    assert deep_to_grey(np.array([0, 200], np.int32)).tolist() == [0, 200]
    assert deep_to_grey(np.array([0.0, 0.5, 1.0])).tolist() == [0, 128, 255]
    assert deep_to_grey(np.array([-1e6, 2e5, 1e6])).tolist() == [0, 153, 255]
    assert deep_to_grey(np.array([np.nan, 255.0, np.inf])).tolist() == [0, 255, 0]
    assert deep_to_grey(np.array([7.5e8, 7.5e8])).tolist() == [0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation):
    """What a camera held in any way stores, comes out as the same upright picture."""
    upright = np.kron(RGB, np.ones((16, 16, 1), np.uint8))
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's transposes by number
    image = Image.fromarray(upright)
    if orientation > 1:
        image = image.transpose(Image.Transpose(inverse[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image(encoded(image, "JPEG", quality=95, exif=exif.tobytes()))
    assert loaded.shape == upright.shape
    assert np.abs(loaded.astype(int) - upright).mean() < 6


def test_tiff_pages_and_single_pictures(tmp_path):
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "fax.tif", save_all=True, append_images=frames[1:])
    pages = document_pages(tmp_path / "fax.tif")
    assert [str(page) for page in pages] == [f"{tmp_path / 'fax.tif'}[{k}]" for k in (1, 2, 3)]
    colours = [load_image(page)[0, 0].tolist() for page in pages]
    assert colours == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    frames[0].save(tmp_path / "one.png")
    assert len(document_pages(tmp_path / "one.png")) == 1


sizes = st.integers(1, 30_000)


@given(sizes, sizes, st.sampled_from([320, 1280, 2048]), st.sampled_from([0, 600, 1500]))
@settings(max_examples=150, deadline=None)
def test_windows_cover_the_picture_in_fixed_shapes(height, width, max_side, min_side):
    where = plan(height, width, SizePolicy(max_side, min_side))
    (rows, columns), (tall, wide) = where.scaled, where.window
    assert tall % 32 == 0 and wide % 32 == 0 and max(tall, wide) <= LARGEST_SIDE
    assert 1 <= len(where.origins) <= 65
    covered_x = covered_y = 0
    for y, x in where.origins:
        assert x <= covered_x and y <= covered_y  # no gap between neighbours
        covered_x, covered_y = max(covered_x, x + wide), max(covered_y, y + tall)
    assert covered_x >= columns and covered_y >= rows
    if 0.25 <= height / width <= 4:
        assert len(where.origins) == 1
        assert rows / height == pytest.approx(columns / width, rel=0.05, abs=2 / min(height, width))
        assert rows <= 2.5 * height + 1


def test_few_shapes_for_many_pictures():
    """A compiler's view of 2000 pictures from 100 to 5000 px: a bounded handful of programs."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(100, 5000, (2000, 2)).tolist()
    shapes = {plan(h, w, SizePolicy()).window for h, w in pictures}
    photographs = [(3000, 4000), (4000, 3000), (1080, 1920), (2000, 3000), (720, 1280), (640, 960)]
    assert len(shapes) <= 64
    assert len({plan(h, w, SizePolicy()).window for h, w in photographs}) <= 4


def test_sizes_by_hand():
    wide = SizePolicy(max_side=1280)
    assert plan(720, 1280, wide).scaled == (720, 1280)
    assert plan(720, 1280, wide).window == (736, 1280)
    assert plan(2000, 3000, wide).scaled == (853, 1280)
    assert plan(720, 1280, SizePolicy()).scaled == (630, 1120)
    assert plan(1000, 754, SizePolicy(max_side=2048)).scaled == (2048, 1544)
    assert plan(1000, 754, SizePolicy(min_side=1500)).scaled == (2048, 1544)
    assert plan(100, 100, SizePolicy()).scaled == (250, 250)
    assert plan(500, 400, SizePolicy(scale=1.5)).scaled == (750, 600)
    assert plan(640, 960, SizePolicy()).window == (768, 1120)
    assert plan(640, 960, SizePolicy(scale=7 / 12)).window == (
        384,
        576,
    )  # the look at half that size
    assert len(plan(100, 20_000, SizePolicy()).origins) > 20


@pytest.mark.parametrize("options", [{"max_side": 8}, {"min_side": -1}, {"scale": 0.0}])
def test_impossible_sizes_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        SizePolicy(**options)


@pytest.mark.parametrize(("height", "width"), [(300, 500), (60, 1500), (1500, 60), (2600, 2000)])
def test_quads_return_to_the_picture(height, width):
    """A black square is found at its own place from any window that shows it whole."""
    image = np.full((height, width, 3), 255, np.uint8)
    top, left, size = height // 3, width // 2, 24
    image[top : top + size, left : left + size] = 0
    where = plan(height, width, SizePolicy())
    seen = 0
    for origin, window in zip(where.origins, windows(image, where), strict=True):
        assert window.shape[:2] == where.window
        rows, columns = np.nonzero((window < 100).all(axis=-1))
        ratio = where.scaled[1] / width
        if len(rows) < 0.9 * (size * ratio) ** 2:
            continue
        seen += 1
        low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
        quad = np.array([[low, (high[0], low[1]), high, (low[0], high[1])]], np.float32)
        expected = [[left, top], [left + size, top], [left + size, top + size], [left, top + size]]
        found = to_picture(quad, origin, where, height, width)[0]
        assert found == pytest.approx(np.array(expected), abs=1.0 / min(ratio, 1) + 0.5)
    assert seen >= 1


def test_padding_is_grey_and_resizing_keeps_flat_colours():
    window = next(windows(np.full((10, 30, 3), 200, np.uint8), plan(10, 30, SizePolicy())))
    assert window[0, 0].tolist() == [200, 200, 200] and window[-1, -1].tolist() == [127, 127, 127]
    assert (resize(np.full((9, 7, 3), 31, np.uint8), 23, 5) == 31).all()
