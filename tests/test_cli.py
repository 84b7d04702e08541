"""The command line: what is printed where, and with which status."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import types

import numpy as np
import pytest
from fake_engine import FakeEngine, picture
from PIL import Image

from gemma3_jax import Page, cli
from gemma3_jax.ocr import GemmaOCR

BOXES = {0: (40, 30, 140, 60), 1: (160, 30, 240, 60)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three files, the middle one broken, and a model that reads them."""
    loaded = types.SimpleNamespace(calls=[])

    def from_pretrained(name, threads=None):
        loaded.calls.append((name, threads))
        return GemmaOCR(FakeEngine(["Open", "daily"]))

    monkeypatch.setattr(GemmaOCR, "from_pretrained", from_pretrained)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(150, 260, BOXES)).save("one.png")
    (tmp_path / "two.jpg").write_bytes(b"\xff\xd8 not much of a JPEG")
    Image.fromarray(picture(150, 260, {1: BOXES[1]})).save("three.png")
    return tmp_path


def test_one_picture_prints_its_text_alone(folder, capsys):
    assert cli.main(["read", "one.png"]) == 0
    assert capsys.readouterr() == ("Open daily\n", "")


def test_a_broken_file_costs_one_line_and_the_others_are_read(folder, capsys):
    assert cli.main(["read", "two.jpg", "one.png", "gone.png", "three.png"]) == 1
    out, err = capsys.readouterr()
    assert out == "==> one.png <==\nOpen daily\n\n==> three.png <==\ndaily\n"
    lines = err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("gemma3-ocr: two.jpg: ")
    assert lines[1] == "gemma3-ocr: gone.png: no such file"


def test_json_is_one_object_per_line_errors_too(folder, capsys):
    assert cli.main(["read", "one.png", "two.jpg", "--json"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert Page.from_json(first).text == "Open daily" and json.loads(first)["source"] == "one.png"
    assert json.loads(second)["error"] and json.loads(second)["lines"] == []


@pytest.mark.parametrize(("form", "start"), [("hocr", "<?xml"), ("alto", "<?xml"), ("json", "{")])
def test_formats(folder, capsys, form, start):
    assert cli.main(["read", "one.png", "--format", form]) == 0
    out = capsys.readouterr().out
    assert out.startswith(start) and "daily" in out


def test_output_folder_gets_a_file_per_page(folder, capsys):
    (folder / "sub").mkdir()
    Image.fromarray(picture(150, 260, {0: BOXES[0]})).save("sub/one.png")
    status = cli.main(["read", "one.png", "sub/one.png", "--format", "hocr", "--output", "out"])
    assert status == 0 and capsys.readouterr().out == ""
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["one-2.hocr", "one.hocr"]
    assert "daily" in (folder / "out" / "one.hocr").read_text()


def test_draw_to_a_file_or_a_folder(folder):
    assert cli.main(["read", "one.png", "--draw", "new/boxes.png"]) == 0
    assert np.asarray(Image.open("new/boxes.png")).std() > 1
    assert cli.main(["read", "one.png", "two.jpg", "three.png", "--draw", "drawn"]) == 1
    assert sorted(p.name for p in (folder / "drawn").iterdir()) == ["one.png", "three.png"]


def test_places_that_cannot_be_written_to(folder, capsys):
    assert cli.main(["read", "one.png", "--draw", "one.png/x.png"]) == 1
    assert cli.main(["read", "one.png", "--output", "one.png"]) == 1
    assert cli.main(["read", "one.png", "--draw", "x.docx"]) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[2].split(" (")[0] for line in err.splitlines()] == [
        "cannot be written",
        "cannot be written",
        "unknown picture suffix",
    ]
    assert out.count("Open daily") == 2


def test_pages_of_a_document(folder, capsys):
    pages = [Image.fromarray(picture(150, 260, {k: BOXES[k]})) for k in (0, 1)]
    pages[0].save("fax.tif", save_all=True, append_images=pages[1:])
    assert cli.main(["read", "fax.tif", "--draw", "drawn"]) == 0
    assert capsys.readouterr().out == "==> fax.tif[1] <==\nOpen\n\n==> fax.tif[2] <==\ndaily\n"
    assert sorted(p.name for p in (folder / "drawn").iterdir()) == ["fax-1.png", "fax-2.png"]


def test_standard_input(folder, capsys, monkeypatch):
    data = io.BytesIO((folder / "one.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=data))
    assert cli.main(["read", "-"]) == 0
    assert capsys.readouterr().out == "Open daily\n"


def test_examples_come_with_the_package(folder, capsys):
    assert cli.main(["read", "--example"]) == 0
    assert capsys.readouterr().out.count("==> ") == 3


def test_warnings_go_to_standard_error(folder, capsys):
    Image.new("RGB", (4, 4)).save("dot.png")
    assert cli.main(["read", "dot.png"]) == 0
    out, err = capsys.readouterr()
    assert out == "\n" and err.startswith("gemma3-ocr: dot.png: 4x4 px is too small")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["read"], "name a picture"),
        (["read", "one.png", "--max-side", "3"], "max_side"),
        (["read", "one.png", "--min-confidence", "7"], "min_confidence"),
        (["read", "one.png", "--threads", "0"], "threads"),
        (["read", "one.png", "--json", "--format", "alto"], "contradict"),
        (["read", "one.png", "three.png", "--format", "alto"], "--output"),
        (["synth", "--sheet", "x.png", "--count", "0"], "--count"),
        (["synth", "--sheet", "x.png", "--difficulty", "2"], "--difficulty"),
    ],
)
def test_wrong_use_is_status_two_and_one_line(folder, capsys, arguments, complaint):
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["reed"], ["read", "one.png", "--colour"], [], ["read", "a", "--max-side", "big"]]
)
def test_unknown_commands_and_options_end_with_status_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def test_options_reach_the_reader(folder, monkeypatch, capsys):
    seen = {}
    with_options = GemmaOCR.with_options
    monkeypatch.setattr(
        GemmaOCR, "with_options", lambda self, **o: seen.update(o) or with_options(self, **o)
    )
    cli.main(
        [
            "read",
            "one.png",
            "--max-side",
            "640",
            "--scale",
            "1.5",
            "--beam-width",
            "3",
            "--keep",
            "^LOT",
        ]
    )
    assert seen == {
        "max_side": 640,
        "min_side": 0,
        "scale": 1.5,
        "min_confidence": 0.5,
        "beam_width": 3,
        "language": "auto",
        "language_model": "english",
        "words": (),
        "keep": ("^LOT",),
    }


def test_missing_model_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    assert cli.main(["read", str(tmp_path / "a.png"), "--model", "no-such-model"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("gemma3-ocr: ") and "no-such-model" in err and err.count("\n") == 1


def test_synth_draws_a_sheet(tmp_path, monkeypatch, capsys):
    """The command around the drawing; what is drawn has tests of its own."""
    from gemma3_jax.commands import synth
    from gemma3_jax.data import glyphs
    from gemma3_jax.types import Batch

    def draw_strips(key, studio, *, batch, difficulty):
        images = np.random.default_rng(0).integers(0, 255, (batch, 32, 128, 3), np.uint8)
        labels = np.full((batch, 1, 3), 40)
        return Batch(images, np.zeros((batch, 1, 4, 2)), labels, labels > 0, labels < 0)

    monkeypatch.setenv("GEMMA3_CACHE", str(tmp_path))
    monkeypatch.setattr(synth, "load_atlas", lambda cache: glyphs.builtin_atlas())
    monkeypatch.setattr(synth, "draw_strips", draw_strips)
    assert cli.main(["synth", "--sheet", str(tmp_path / "s.png"), "--count", "4"]) == 0
    assert np.asarray(Image.open(tmp_path / "s.png")).std() > 10
    assert "4 crops in 1 faces" in capsys.readouterr().out


def test_doctor_runs(capsys):
    assert cli.main(["doctor"]) in (0, 1)
    out = capsys.readouterr().out
    assert "jax" in out and "devices: " in out and "models:" in out


@pytest.mark.parametrize("name", ["train", "eval"])
def test_train_and_eval_have_their_own_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0 and f"gemma3-ocr {name}" in capsys.readouterr().out


def test_a_closed_pipe_is_no_traceback(tmp_path):
    """`gemma3-ocr doctor | head -n 0`"""
    done = subprocess.run(
        f"{sys.executable} -m gemma3_jax doctor | head -n 0",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
