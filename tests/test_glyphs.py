"""The glyph atlas against Pillow's own drawing, and what happens without fonts or with bad ones."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from gemma3_jax.charset import Charset
from gemma3_jax.data import atlas_cache, faces, fonts, glyphs

CHARSET = Charset()
LETTERS = "AbgHkpQx07&"


def index(char: str) -> int:
    return CHARSET.characters.index(char)


@pytest.fixture(scope="module")
def atlas() -> glyphs.GlyphAtlas:
    return glyphs.builtin_atlas(CHARSET)


def pillow_ink(char: str, size: int = 400) -> tuple[np.ndarray, float, float]:
    """Ink drawn by ImageDraw, large: (cut picture, top and bottom relative to the baseline)."""
    picture = Image.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(picture).text(
        (size // 2, size), char, 255, ImageFont.load_default(size), anchor="ls"
    )
    grey = np.asarray(picture)
    rows, cols = np.flatnonzero(grey.max(1)), np.flatnonzero(grey.max(0))
    cut = grey[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return cut, rows[0] - size, rows[-1] + 1 - size


@pytest.mark.parametrize("char", LETTERS)
def test_glyph_is_the_letter_that_pillow_draws(atlas: glyphs.GlyphAtlas, char: str) -> None:
    picture, top, bottom = pillow_ink(char)
    width, first, last = atlas.ink[0, index(char)]
    scale = atlas.advances[0, index("H")] / ImageFont.load_default(400).getlength("H")
    assert width == pytest.approx(picture.shape[1] * scale, abs=1.2)
    assert first == pytest.approx(atlas.baseline[0] + top * scale, abs=1.2)
    assert last == pytest.approx(atlas.baseline[0] + bottom * scale, abs=1.2)
    cell = atlas.columns[0, index(char)].T
    ink = cell[int(first) : int(last), 1 : 1 + int(width)]
    wanted = np.asarray(
        Image.fromarray(picture).resize(ink.shape[::-1], Image.Resampling.BOX), float
    )
    likeness = np.corrcoef(ink.ravel().astype(float), wanted.ravel())[0, 1]
    assert likeness > 0.85  # hinting moves strokes by part of a pixel


def test_ink_boxes_hold_all_ink_and_only_that(atlas: glyphs.GlyphAtlas) -> None:
    for char in CHARSET.characters:
        width, top, bottom = atlas.ink[0, index(char)].astype(int)
        cell = atlas.columns[0, index(char)].T.copy()
        assert (cell[:, 0] == 0).all() and (cell[:, -1] == 0).all()  # blank columns for "no glyph"
        if char == " ":
            assert cell.max() == 0 and atlas.advances[0, index(char)] > 2
            continue
        box = cell[top:bottom, 1 : 1 + width]
        assert min(box[0].max(), box[-1].max()) > 24
        cell[top:bottom, 1 : 1 + width] = 0
        assert cell.max() <= 24


def test_every_letter_stands_on_the_baseline(atlas: glyphs.GlyphAtlas) -> None:
    bottoms = [atlas.ink[0, index(char), 2] for char in "HITxz17"]
    np.testing.assert_allclose(bottoms, atlas.baseline[0], atol=1)
    assert atlas.ink[0, index("p"), 2] > atlas.baseline[0] + 3
    assert 10 < atlas.x_height[0] < atlas.baseline[0] - atlas.ink[0, index("H"), 1]


def test_missing_marks_become_one_the_face_has_and_single_case_faces_keep_their_case() -> None:
    has = np.ones(len(CHARSET.characters), bool)
    has[[index("~"), index("^")]] = False
    drawn = [CHARSET.characters[i] for i in glyphs._aliases(has, "", CHARSET)]
    assert drawn[index("~")] == drawn[index("^")] == "-"
    assert [drawn[index(c)] for c in "aA-5"] == list("aA-5")
    capitals = [CHARSET.characters[i] for i in glyphs._aliases(has, "upper", CHARSET)]
    assert [capitals[index(c)] for c in "aZ5"] == list("AZ5")


def test_a_face_with_one_case_is_recognised() -> None:
    face = fonts.Face("", 0, "Aileron", "Regular")
    drawn = faces.draw_face(face.open(faces.DRAWN_AT), face, CHARSET)
    assert drawn is not None
    shapes = faces.letter_shapes(drawn, CHARSET)
    small, large = shapes[:26], shapes[26:52]
    digits = shapes[52:]
    assert faces.one_case(shapes, shapes, CHARSET) == ""
    assert faces.one_case(np.concatenate([large, large, digits]), shapes, CHARSET) == "upper"
    assert faces.one_case(np.concatenate([small, small, digits]), shapes, CHARSET) == "lower"
    assert faces.readability(np.stack([shapes, shapes]), shapes, CHARSET).min() == 1
    mixed = np.stack([shapes, shapes, shapes, shapes[::-1]])  # the last face's letters are others
    assert faces.readability(mixed, mixed.mean(0), CHARSET)[-1] < 0.2


def test_choose_drops_copies_and_unreadable_faces_and_takes_families_in_turn() -> None:
    rng = np.random.default_rng(0)
    shapes = np.abs(rng.normal(size=(6, 62, 144)))
    shapes /= np.linalg.norm(shapes, axis=2, keepdims=True)
    shapes[3] = shapes[0]
    score = np.array([0.9, 0.9, 0.9, 0.9, 0.1, 0.9])
    families = ["a", "a", "a", "b", "c", "d"]
    assert fonts.choose(shapes, score, families, 10) == [0, 1, 2, 5]  # 3 copies 0, 4 is unreadable
    assert fonts.choose(shapes, score, families, 2) == [0, 5]


def test_without_fonts_the_builtin_face_serves_and_broken_files_are_passed_over(tmp_path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    assert fonts.find_fonts([str(tmp_path)]) == []
    atlas = atlas_cache.load_atlas(cache=tmp_path / "atlas.npz", folders=[str(tmp_path)])
    assert atlas.faces == 1
    broken = fonts.Face(str(tmp_path / "broken.ttf"), 0, "Broken", "Regular")
    with pytest.raises(ValueError, match="none of 1 font faces"):
        glyphs.build_atlas([broken], CHARSET)


def test_atlas_survives_its_cache_and_a_stale_one_is_refused(tmp_path, atlas) -> None:
    path = tmp_path / "sub" / "atlas.npz"
    atlas_cache.save_atlas(atlas, path, CHARSET)
    again = atlas_cache.load_atlas(CHARSET, cache=path, folders=[])
    for name, value in atlas._asdict().items():
        np.testing.assert_array_equal(value, getattr(again, name), err_msg=name)
    with pytest.raises(ValueError, match="another charset"):
        atlas_cache.load_atlas(Charset("abc"), cache=path, folders=[])


def test_a_small_charset_is_enough() -> None:
    atlas = glyphs.builtin_atlas(Charset("0123456789"))
    assert atlas.columns.shape == (1, 10, glyphs.CELL, glyphs.CELL)
    assert (atlas.ink[0, :, 0] > 2).all()


def test_each_charset_has_a_cache_of_its_own():
    names = {atlas_cache.atlas_name(Charset(letters)) for letters in ("0123456789", "ABC", "CBA")}
    assert len(names) == 3 and atlas_cache.atlas_name(Charset()) == "atlas.npz" not in names


def test_a_face_in_dots_has_a_dot_where_its_small_bitmap_has_a_pixel() -> None:
    face = fonts.Face("", 0, "Aileron", "Regular")
    dotted = faces.draw_face(face.open(faces.DRAWN_AT), face, CHARSET, dots=True)
    assert dotted is not None
    heights = [
        font.getbbox(char, anchor="ls") for font in [face.open(64)] for char in faces.READABLE
    ]
    tall = max(box[3] for box in heights) - min(box[1] for box in heights)
    small = face.open(round(64 * faces.NEEDLES / tall))
    for char in "HL7":
        left, top, right, bottom = map(int, small.getbbox(char, anchor="ls"))
        picture = Image.new("1", (right - left, bottom - top))
        ImageDraw.Draw(picture).text((-left, -top), char, 1, small, anchor="ls")
        pixels = np.asarray(picture)
        pixels = pixels[:, pixels.any(0)][pixels.any(1)]
        width, first, last = dotted.ink[index(char)].astype(int)
        cell = dotted.columns[index(char), 1 : 1 + width, first:last].T / 255
        rows, columns = pixels.shape
        assert cell.shape == (rows * faces.PITCH, columns * faces.PITCH)
        middles = cell.reshape(rows, faces.PITCH, columns, faces.PITCH)[:, 1:3, :, 1:3].mean((1, 3))
        np.testing.assert_array_equal(middles > 0.5, pixels)
        corners = cell.reshape(rows, faces.PITCH, columns, faces.PITCH)[:, 0, :, 0]
        assert corners.max() < 0.3  # round, with white between four of them


def test_monospaced_faces_come_in_dots_too(monkeypatch) -> None:
    face = fonts.Face("", 0, "Aileron", "Regular")
    monkeypatch.setattr(glyphs, "LEAST_IN_DOTS", 0.0)
    assert glyphs.build_atlas([face], CHARSET).faces == 1  # its letters differ in width
    monkeypatch.setattr(faces, "monospaced", lambda drawn, charset: True)
    assert glyphs.build_atlas([face], CHARSET).faces == 2
    monkeypatch.setattr(glyphs, "LEAST_IN_DOTS", 1.1)
    assert glyphs.build_atlas([face], CHARSET).faces == 1
