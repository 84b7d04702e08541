"""Formats of text lines: ICDAR 2013 and 2015, their word crops, PPOCRLabel, TSV."""

from __future__ import annotations

import json

import pytest
from annotated import box, put_picture, put_text, seen

from gemma3_jax.data.annotations import detect, read_folder, scan_folder


def test_icdar2015_byte_order_mark_commas_and_do_not_care(tmp_path):
    put_picture(tmp_path / "images/img_1.jpg")
    lines = "10,20,110,22,108,50,9,48,$1,250.00\r\n1,1,9,1,9,9,1,9,###\r\n\r\n"
    put_text(tmp_path / "gt/gt_img_1.txt", lines, encoding="utf-8-sig")
    assert detect(tmp_path) == "icdar2015"
    (sample,) = read_folder(tmp_path)
    assert sample.image_path == tmp_path / "images/img_1.jpg"
    assert seen(sample) == [
        ("$1,250.00", False, [[10, 20], [110, 22], [108, 50], [9, 48]]),
        ("###", True, box(1, 1, 9, 9)),
    ]


def test_a_readme_among_icdar_files_is_none_of_them(tmp_path):
    put_picture(tmp_path / "img_1.jpg")
    put_text(tmp_path / "gt_img_1.txt", "1,1,9,1,9,9,1,9,a\n")
    put_text(tmp_path / "README.txt", "Photographs of my street, 2024\n")
    reading = scan_folder(tmp_path)
    assert (len(reading.samples), reading.problems) == (1, [])


def test_a_broken_icdar2015_line_is_named(tmp_path):
    put_picture(tmp_path / "img_1.jpg")
    put_text(tmp_path / "gt_img_1.txt", "1,1,9,1,9,9,1,9,a\n1,1,9,1,9,9,b\n")
    with pytest.raises(ValueError, match=r"gt_img_1\.txt:2: .*expected x1,y1,.*found '1,1,9,1"):
        read_folder(tmp_path)


@pytest.mark.parametrize("numbers", ["38 43 120 65", "38, 43, 120, 65,"])
def test_icdar2013_training_and_test_halves(tmp_path, numbers):
    put_picture(tmp_path / "100.jpg")
    put_text(tmp_path / "gt_100.txt", f'{numbers} "say \\"hi, Bo\\""\n')
    assert detect(tmp_path) == "icdar2013"
    (sample,) = read_folder(tmp_path)
    assert seen(sample) == [('say "hi, Bo"', False, box(38, 43, 120, 65))]


def test_icdar_word_crops_fill_their_pictures(tmp_path):
    put_picture(tmp_path / "word_1.png", 80, 30)
    put_picture(tmp_path / "word_2.png", 40, 20)
    put_text(tmp_path / "gt.txt", 'word_1.png, "a, b"\r\nword_2.png, "\\"We"\r\n', "utf-8-sig")
    assert detect(tmp_path) == "icdar-crops"
    first, second = read_folder(tmp_path)
    assert seen(first) == [("a, b", False, box(0, 0, 80, 30))]
    assert seen(second) == [('"We', False, box(0, 0, 40, 20))]


def ppocr_line(name: str, *words: tuple[str, list, bool]) -> str:
    items = [{"transcription": t, "points": p, "difficult": d} for t, p, d in words]
    return f"{name}\t{json.dumps(items, ensure_ascii=False)}\n"


def test_ppocrlabel_holds_json_after_a_tab(tmp_path):
    slanted = [[10, 20], [110, 30], [108, 60], [8, 50]]
    line = ppocr_line("shots/a b.jpg", ("Rue\tde", slanted, False), ("x", box(1, 1, 9, 9), True))
    put_text(tmp_path / "Label.txt", line)
    put_text(tmp_path / "fileState.txt", "C:\\shots\\a b.jpg\t1\n")
    put_text(tmp_path / "rec_gt.txt", "crop_img/a_crop_0.jpg\tRue\n")
    put_picture(tmp_path / "a b.jpg")  # the folder is no longer called shots
    put_picture(tmp_path / "crop_img/a_crop_0.jpg")
    assert detect(tmp_path) == "ppocrlabel"
    (sample,) = read_folder(tmp_path)
    assert seen(sample) == [("Rue\tde", False, slanted), ("x", True, box(1, 1, 9, 9))]


@pytest.mark.parametrize("text", ["###", "*", "待识别", "TEMPORARY", ""])
def test_ppocrlabel_texts_that_nobody_typed_are_do_not_care(tmp_path, text):
    put_picture(tmp_path / "a.jpg")
    put_text(tmp_path / "Label.txt", ppocr_line("s/a.jpg", (text, box(1, 1, 9, 9), False)))
    assert [word.ignore for word in read_folder(tmp_path)[0].words] == [True]


def test_a_ppocrlabel_polygon_becomes_its_smallest_rectangle(tmp_path):
    hexagon = [[20, 20], [50, 18], [80, 20], [80, 40], [50, 42], [20, 40]]
    put_picture(tmp_path / "a.jpg")
    put_text(tmp_path / "Label.txt", ppocr_line("s/a.jpg", ("ARC", hexagon, False)))
    assert seen(read_folder(tmp_path)[0]) == [("ARC", False, box(20, 18, 80, 42))]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("s/a.jpg [{}]\n", r"Label\.txt:1: expected picture<TAB>JSON"),
        ("s/a.jpg\t[{\n", r"Label\.txt:1: not as the format has it"),
        ('s/a.jpg\t[{"points": []}]\n', r"Label\.txt:1: has no 'transcription'"),
        (ppocr_line("s/a.jpg", ("x", [[1, 2], [3, 4], [5, 6]], False)), r"polygon of two, four"),
    ],
)
def test_broken_ppocrlabel_is_named(tmp_path, line, complaint):
    put_picture(tmp_path / "a.jpg")
    put_text(tmp_path / "Label.txt", line)
    with pytest.raises(ValueError, match=complaint):
        read_folder(tmp_path)


def test_tsv_of_crops(tmp_path):
    put_picture(tmp_path / "crops/1.jpg", 90, 30)
    put_picture(tmp_path / "crops/2.jpg", 50, 20)
    put_text(tmp_path / "labels.tsv", "crops/1.jpg\tHello world\ncrops/2.jpg\t###\n")
    assert detect(tmp_path) == "tsv"
    first, second = read_folder(tmp_path)
    assert seen(first) == [("Hello world", False, box(0, 0, 90, 30))]
    assert second.words[0].ignore


def test_a_tsv_row_without_a_tab_is_named(tmp_path):
    put_text(tmp_path / "labels.tsv", "1.jpg Hello\n")
    with pytest.raises(ValueError, match=r"labels\.tsv:1: expected name<TAB>text, found '1\.jpg"):
        read_folder(tmp_path)
