"""What is written reads back equal; what a format cannot hold is refused and not bent."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from annotated import box, put_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.data.annotations import detect, read_folder, write_folder
from gemma3_jax.data.corpora import Annotation, Sample, rectangle

px = st.floats(-50, 4000, width=32)
quads = st.lists(st.tuples(px, px), min_size=4, max_size=4).map(lambda q: np.array(q, np.float32))
boxes = st.tuples(px, px, px, px).map(lambda sides: rectangle(*sides))
letters = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
texts = st.text(letters, max_size=12).map(str.strip)


def annotation(quad: np.ndarray, text: str, ignore: bool) -> Annotation:
    return Annotation(quad, text, ignore or text in ("", "###"))


def lost_text(word: Annotation) -> Annotation:
    """As formats have it that can only say "do not care" by the text."""
    return word._replace(text="###") if word.ignore else word


def words(shapes: st.SearchStrategy) -> st.SearchStrategy[list[Annotation]]:
    return st.lists(st.builds(annotation, shapes, texts, st.booleans()), max_size=5)


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    return put_picture(tmp_path_factory.mktemp("photos") / "photo 1.png", 60, 20)


def round_trip(samples: list[Sample], folder: Path, format: str) -> list[Sample]:
    shutil.rmtree(folder, ignore_errors=True)
    write_folder(samples, folder, format)
    if any(sample.words for sample in samples):
        assert detect(folder) == format
    return read_folder(folder, format)


def assert_equal(found: list[Sample], expected: list[Annotation], photo: Path) -> None:
    (sample,) = found
    assert sample.image_path.read_bytes() == photo.read_bytes()
    assert [(w.text, w.ignore) for w in sample.words] == [(w.text, w.ignore) for w in expected]
    for one, other in zip(sample.words, expected, strict=True):
        np.testing.assert_array_equal(one.quad, other.quad)
        assert one.quad.dtype == np.float32


@settings(max_examples=60, deadline=None)
@given(words=words(boxes))
def test_voc_reads_back_equal(words, photo, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "voc"
    assert_equal(round_trip([Sample(photo, words)], folder, "voc"), words, photo)


@settings(max_examples=60, deadline=None)
@given(words=words(quads))
def test_icdar2015_reads_back_equal(words, photo, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "icdar2015"
    found = round_trip([Sample(photo, words)], folder, "icdar2015")
    assert_equal(found, [lost_text(word) for word in words], photo)


@settings(max_examples=60, deadline=None)
@given(text=texts, ignore=st.booleans())
def test_tsv_reads_back_equal(text, ignore, photo, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "tsv"
    word = annotation(rectangle(0, 0, 60, 20), text, ignore)
    assert_equal(round_trip([Sample(photo, [word])], folder, "tsv"), [lost_text(word)], photo)


def test_icdar2015_is_written_as_its_owners_write_it(tmp_path, photo):
    words = [annotation(rectangle(0, 1, 8.5, 9), "a, b", False)]
    write_folder([Sample(photo, words)], tmp_path, "icdar2015")
    expected = "\ufeff0,1,8.5,1,8.5,9,0,9,a, b\r\n".encode()
    assert (tmp_path / "gt_photo 1.txt").read_bytes() == expected


def test_several_pictures_keep_their_own_words(tmp_path):
    samples = [
        Sample(
            put_picture(tmp_path / f"from/{i}.jpg", seed=i),
            [annotation(rectangle(0, 0, 9, 9), str(i), False)],
        )
        for i in range(12)
    ]
    for sample in round_trip(samples, tmp_path / "to", "voc"):
        assert sample.words[0].text == sample.image_path.stem


def test_writing_into_the_pictures_own_folder_copies_nothing(photo):
    before = photo.stat().st_mtime_ns
    write_folder([Sample(photo, [])], photo.parent, "icdar2015")
    assert photo.stat().st_mtime_ns == before
    assert sorted(p.name for p in photo.parent.iterdir()) == ["gt_photo 1.txt", "photo 1.png"]


slanted = np.array([[0, 0], [9, 1], [9, 9], [0, 8]], np.float32)


@pytest.mark.parametrize(
    ("format", "quad", "text", "complaint"),
    [
        ("voc", slanted, "x", "box of 'x' is not upright: write icdar2015 instead"),
        ("voc", box(0, 0, 9, 9), "a\x07b", "XML cannot hold the text"),
        ("icdar2015", box(0, 0, 9, 9), "a\nb", "a line cannot hold the text"),
        ("icdar2015", box(0, 0, 9, 9), " a", "a line cannot hold the text"),
        ("tsv", box(0, 0, 60, 20), "a\tb", "a line cannot hold the text"),
        ("tsv", box(0, 0, 9, 9), "a", "not the crop of one word"),
        ("yolo", box(0, 0, 9, 9), "a", "cannot be written, only voc, icdar2015, tsv"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, photo, format, quad, text, complaint):
    sample = Sample(photo, [Annotation(np.array(quad, np.float32), text)])
    with pytest.raises(ValueError, match=complaint):
        write_folder([sample], tmp_path / "to", format)


def test_two_pictures_of_one_name_are_refused(tmp_path):
    samples = [Sample(put_picture(tmp_path / name), []) for name in ("a/1.jpg", "b/1.png")]
    with pytest.raises(ValueError, match=r"b/1\.png and .*a/1\.jpg would both be 1: rename one"):
        write_folder(samples, tmp_path / "to", "icdar2015")
