"""Which format a folder holds, which pictures names mean, and that no name leads out of the folder."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from annotated import box, put_picture, put_text
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.data.annotations import FORMATS, detect, read_folder, scan_folder
from gemma3_jax.data.annotations.words import polygon_quad, word

QUAD_LINE = "1,1,9,1,9,9,1,9,a\n"


def test_nothing_recognised_lists_what_was_looked_for(tmp_path):
    put_picture(tmp_path / "a.jpg")
    put_text(tmp_path / "notes.txt", "nothing yet")
    with pytest.raises(ValueError, match="no annotations that are known") as error:
        detect(tmp_path)
    for name, one in FORMATS.items():
        assert f"{name}: {one.LAYOUT}" in str(error.value)


def test_a_broken_json_file_is_told_when_nothing_is_recognised(tmp_path):
    put_text(tmp_path / "export.json", '[{"data": ')
    with pytest.raises(ValueError, match=r"export\.json: not JSON \(line 1"):
        detect(tmp_path)


def test_two_formats_are_ambiguous_until_one_is_named(tmp_path):
    put_picture(tmp_path / "a.jpg")
    put_text(tmp_path / "a.txt", QUAD_LINE)
    put_text(tmp_path / "labels.tsv", "a.jpg\ta\n")
    with pytest.raises(ValueError, match=r"looks like icdar2015 and tsv: .*name the format"):
        read_folder(tmp_path)
    assert len(read_folder(tmp_path, "icdar2015")) == 1


def test_an_unknown_format_lists_the_known(tmp_path):
    with pytest.raises(ValueError, match="format='labelme' is not one of voc, yolo, createml"):
        read_folder(tmp_path, "labelme")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone is not a folder"):
        read_folder(tmp_path / "gone")


def test_missing_pictures_are_named_and_counted(tmp_path):
    for i in range(5):
        put_text(tmp_path / f"gt_img_{i}.txt", QUAD_LINE)
    put_picture(tmp_path / "img_4.png")
    with pytest.raises(
        ValueError, match=r"4 annotations cannot be used: gt_img_0\.txt: picture 'img_0\.\*'"
    ):
        read_folder(tmp_path)
    reading = scan_folder(tmp_path)
    assert [sample.image_path.name for sample in reading.samples] == ["img_4.png"]
    assert len(reading.problems) == 4


def test_pictures_without_annotation_are_listed(tmp_path):
    put_picture(tmp_path / "img_1.png")
    put_picture(tmp_path / "img_2.png")
    put_text(tmp_path / "img_1.txt", QUAD_LINE)
    assert scan_folder(tmp_path).unannotated == [tmp_path / "img_2.png"]


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jpg",
        "a/../../secret.jpg",
        "/etc/secret.jpg",
        "C:\\x\\secret.jpg",
        "..\\secret.jpg",
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    put_picture(tmp_path / "secret.jpg")
    put_picture(tmp_path / "set/fine.jpg")
    put_text(tmp_path / "set/labels.tsv", f"{name}\tx\nfine.jpg\ty\n")
    reading = scan_folder(tmp_path / "set")
    assert [sample.words[0].text for sample in reading.samples] == ["y"]
    assert len(reading.problems) == 1 and "lies outside the folder" in reading.problems[0]


def test_a_name_is_not_taken_for_that_of_another_folder(tmp_path):
    put_picture(tmp_path / "val/1.jpg")
    put_text(tmp_path / "labels.tsv", "train/1.jpg\tx\n")
    (problem,) = scan_folder(tmp_path).problems
    assert problem == "labels.tsv: picture 'train/1.jpg' is not in the folder"


def test_a_name_that_may_be_any_of_two_is_ambiguous(tmp_path):
    put_picture(tmp_path / "a/1.jpg")
    put_picture(tmp_path / "b/1.jpg")
    put_text(tmp_path / "labels.tsv", "1.jpg\tx\n")
    (problem,) = scan_folder(tmp_path).problems
    assert "may be any of a/1.jpg, b/1.jpg" in problem


def test_of_two_pictures_the_one_beside_the_annotation_is_meant(tmp_path):
    put_picture(tmp_path / "1.jpg")
    put_picture(tmp_path / "old/1.jpg")
    put_text(tmp_path / "labels.tsv", "1.jpg\tx\n")
    assert [sample.image_path for sample in read_folder(tmp_path)] == [tmp_path / "1.jpg"]


def test_letter_case_of_a_suffix_does_not_count(tmp_path):
    put_picture(tmp_path / "DSC_1.JPG")
    put_text(tmp_path / "labels.tsv", "dsc_1.jpg\tx\n")
    assert read_folder(tmp_path)[0].image_path.name == "DSC_1.JPG"


def test_a_damaged_picture_is_named_where_its_size_is_needed(tmp_path):
    put_text(tmp_path / "1.jpg", "no picture")
    put_text(tmp_path / "labels.tsv", "1.jpg\tx\n")
    (problem,) = scan_folder(tmp_path).problems
    assert problem.startswith("1.jpg: not an image")


def test_json_files_of_others_are_passed_over(tmp_path):
    put_picture(tmp_path / "a.jpg")
    put_text(tmp_path / "a.json", json.dumps({"version": 1}))
    put_text(tmp_path / "labels.json", json.dumps({"a.jpg": "Hello"}))
    assert detect(tmp_path) == "doctr"
    assert len(read_folder(tmp_path)) == 1


angles = st.floats(-40, 40)
sizes = st.floats(8, 100)


@given(angles, sizes, sizes, st.permutations(range(4)))
def test_corners_in_any_order_are_those_of_the_upright_word(angle, width, height, order):
    radians = np.deg2rad(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    quad = np.array(box(0, 0, width, height)) @ turn.T + 300
    found = polygon_quad(quad[list(order)], in_order=False)
    np.testing.assert_allclose(found, quad, atol=1e-3)


@given(angles, sizes, sizes, st.integers(1, 6))
def test_a_rectangle_with_more_points_on_its_sides_is_found_again(angle, width, height, more):
    radians = np.deg2rad(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    quad = np.array(box(0, 0, width, height)) @ turn.T + 300
    shares = np.arange(more + 1)[:, None] / (more + 1)
    points = np.concatenate([quad[i] + shares * (quad[(i + 1) % 4] - quad[i]) for i in range(4)])
    np.testing.assert_allclose(polygon_quad(points, in_order=True), quad, atol=1e-3)


@pytest.mark.parametrize("text", ["", "  ", "###", " ### "])
def test_a_word_without_text_is_do_not_care(text):
    assert word(box(0, 0, 1, 1), text).ignore


def test_reading_and_inspecting_annotations_needs_no_jax():
    code = (
        "import sys, gemma3_jax.commands.validate, gemma3_jax.data.annotations.contact;"
        "print([m for m in ('jax', 'flax', 'lmdb', 'grain') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
