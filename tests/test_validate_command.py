"""`gemma3-ocr validate`: what it prints, its exit status, and the sheet that it draws."""

from __future__ import annotations

import json

import numpy as np
import pytest
from annotated import GOOD, box, put_annotated, put_picture, put_text
from PIL import Image

from gemma3_jax import cli
from gemma3_jax.data.annotations import scan_folder
from gemma3_jax.data.annotations.inspection import inspect
from gemma3_jax.data.pipeline.texts import TextRule
from gemma3_jax.imaging.load import load_image


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "220")


def test_the_command_prints_a_report_and_calls_a_clean_folder_fit(tmp_path, wide, capsys):
    put_annotated(tmp_path, "a", GOOD)
    assert cli.main(["validate", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert f"{tmp_path} (icdar2015): 1 pictures, 1 words to read, 0 do not care" in out
    assert "height, px" in out and "Fit for training: no errors, 0 warnings" in out
    assert err == ""


def test_warnings_alone_are_status_zero_and_an_error_is_status_one(tmp_path, wide, capsys):
    put_annotated(tmp_path, "a", (GOOD[0], "[b]Café[/b]"))
    put_picture(tmp_path / "spare.png", seed=4)
    assert cli.main(["validate", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "U+00E9 latin small letter e with acute" in out and "plainer" in out
    assert "not annotated" in out and "no errors, 1 warnings" in out
    put_annotated(tmp_path, "b", (box(150, 20, 350, 50), "[b]"), seed=1)
    assert cli.main(["validate", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert (
        "box outside" in out and "b.png: '[b]' is 200.0x30.0 px, x 150 to 350, y 20 to 50" in out
    )  # no markup of rich
    assert "Not fit for training: 1 errors, 1 warnings" in out


def test_a_leak_is_status_one(tmp_path, wide, capsys):
    put_annotated(tmp_path / "train", "a", GOOD)
    put_annotated(tmp_path / "val", "b", GOOD)
    arguments = ["validate", str(tmp_path / "val"), "--against", str(tmp_path / "train")]
    assert cli.main(arguments) == 1
    assert "the same picture is in the other folder" in capsys.readouterr().out


def test_the_sheet_shows_boxes_in_their_colours(tmp_path, wide, capsys):
    put_annotated(tmp_path, "a", GOOD, (box(120, 60, 190, 90), "###"))
    Image.new("RGB", (200, 100), "black").save(tmp_path / "a.png")
    sheet = tmp_path / "out" / "sheet.png"
    assert cli.main(["validate", str(tmp_path), "--sheet", str(sheet)]) == 0
    assert "teal boxes are to be read" in capsys.readouterr().out
    pixels = load_image(sheet).astype(int)
    teal, amber = (
        np.abs(pixels - colour).sum(axis=-1) < 40 for colour in ((0, 150, 136), (245, 124, 0))
    )
    assert teal.sum() > 100 and amber.sum() > 100
    # a cell is 800 px wide and the picture 200: the boxes are drawn where they are, four times as large
    assert abs(np.flatnonzero(teal.any(axis=0)).min() - 40) < 8
    assert abs(np.flatnonzero(amber.any(axis=0)).max() - 760) < 8


def test_the_sheet_of_crops_has_their_texts(tmp_path, wide):
    for i in range(3):
        put_picture(tmp_path / f"{i}.png", 60 + 20 * i, 30, seed=i)
    put_text(tmp_path / "labels.tsv", "0.png\tone\n1.png\ttwo\n2.png\tthree 3\n")
    report = inspect(scan_folder(tmp_path), TextRule())
    assert report.crops and report.faults == []
    sheet = tmp_path / "sheet.png"
    assert cli.main(["validate", str(tmp_path), "--sheet", str(sheet)]) == 0
    assert load_image(sheet).shape[1] == 6 * (240 + 4)


def test_a_sheet_of_no_picture_is_one_line(tmp_path, capsys):
    put_text(tmp_path / "gt_gone.txt", "1,1,9,1,9,9,1,9,x")
    assert cli.main(["validate", str(tmp_path), "--sheet", str(tmp_path / "s.png")]) == 1
    assert "no picture to draw" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "nowhere is not a folder"),
        (["."], "no annotations that are known"),
        ([".", "--format", "excel"], "is not one of voc"),
        ([".", "--model", "gemma4"], "no model 'gemma4'"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["validate", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and err.count("\n") == 1


def test_a_format_may_be_named_where_two_are_possible(tmp_path, wide, capsys):
    put_annotated(tmp_path, "a", GOOD)
    put_text(tmp_path / "labels.json", json.dumps({"a.png": "crop"}))
    assert cli.main(["validate", str(tmp_path)]) == 1
    assert "looks like icdar2015 and doctr" in capsys.readouterr().err
    assert cli.main(["validate", str(tmp_path), "--format", "doctr"]) == 0
    assert "(doctr): 1 pictures" in capsys.readouterr().out
