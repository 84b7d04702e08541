"""INT8 files: those of the shipped model, what is left behind when they read otherwise, and where ranges come from."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from small_model import SMALL
from small_pictures import noise, spotting

from gemma3_jax.cli import main
from gemma3_jax.engine_onnx import OnnxEngine
from gemma3_jax.export import int8, verify_int8
from gemma3_jax.export.files import FILES, build, write_files
from gemma3_jax.export.verify import ExportError
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.pretrained import (
    load_pretrained,
    model_checksum,
    model_folder,
    save_pretrained,
)
from gemma3_jax.quantize import layers, observe, pictures
from gemma3_jax.quantize.ranges import RANGES, Ranges


@pytest.fixture(scope="module")
def variables() -> dict[str, Any]:
    return spotting()


@pytest.fixture(scope="module")
def ranges(variables) -> Ranges:
    return observe.measure(SMALL, variables, "0123", [noise()], "max")


def test_the_shipped_model_finds_the_same_boxes_in_bytes(tmp_path):
    """A bundled picture, within the bounds of the export."""
    config, weights = load_pretrained("gemma3-base")
    ranges = Ranges.load(model_folder("gemma3-base") / RANGES)
    write_files(tmp_path / "float", config, weights, "")
    int8.write_int8(tmp_path / "int8", config, weights, ranges)
    exact, rounded = (OnnxEngine(tmp_path / name, config, weights) for name in ("float", "int8"))
    picture = list(pictures.bundled())[1]
    differences = verify_int8.compare_rounded(exact, rounded, [picture])
    assert [str(d) for d in differences if not d.found <= d.allowed] == []
    assert all(d.found > 0 for d in differences[1:])  # no box need be lost
    sizes = [sum(p.stat().st_size for p in (tmp_path / x).iterdir()) for x in ("int8", "float")]
    assert sizes[0] < 0.275 * sizes[1]


def test_files_that_read_otherwise_are_not_left_there(variables, ranges, tmp_path, monkeypatch):
    monkeypatch.setattr(verify_int8, "bundled", lambda: iter([noise(seed=5)]))
    monkeypatch.setattr(verify_int8, "sample_sheet", lambda: noise(seed=6))
    other, lines = spotting(seed=4), []

    def check(folder: Path) -> None:
        verify_int8.verify_int8(folder, SMALL, other, lines.append)

    with pytest.raises(ExportError, match=r"small is not exported: .*differs by"):
        int8.write_int8(tmp_path, SMALL, variables, ranges, check)
    assert not list(tmp_path.iterdir()) and any("boxes" in line for line in lines)


def test_the_backend_measures_only_what_the_folder_does_not_say(
    variables, ranges, tmp_path, monkeypatch
):
    monkeypatch.setenv("GEMMA3_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pictures, "bundled", lambda: iter([noise()]))
    model = tmp_path / "model"
    save_pretrained(model, SMALL, variables, half=False)
    with pytest.warns(UserWarning, match=r"has no ranges.*gemma3-ocr quantize"):
        GemmaOCR.from_pretrained(model, backend="onnx-int8")
    ranges.save(model / RANGES)
    with pytest.warns(UserWarning, match="belongs to other weights"):
        GemmaOCR.from_pretrained(model, backend="onnx-int8")
    Ranges(model_checksum(model), "max", 2, ranges.tensors).save(model / RANGES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ocr = GemmaOCR.from_pretrained(model, backend="onnx-int8", threads=1)
    assert isinstance(ocr.engine, OnnxEngine) and ocr.engine.folder.parent.name == "onnx-int8"
    assert len(ocr.recognize([noise(32, 64)])) == 1


def test_the_shipped_ranges_are_those_of_the_shipped_weights():
    """After a new training: gemma3-ocr quantize --data ../shared/data (docs/export.md)."""
    home = model_folder("gemma3-base")
    shipped = Ranges.load(home / RANGES)
    assert shipped.sha256 == model_checksum(home)
    config, weights = load_pretrained("gemma3-base")
    for name in FILES:
        graph = build(name, config, weights, packed=True)
        assert set(layers.points(graph)) <= set(shipped.tensors)
        assert set(layers.convolved(graph)) <= set(shipped.means)  # their biases are corrected
    assert (home / RANGES).stat().st_size < 40_000


def test_the_command_measures_folders_and_wrong_use_costs_one_line(
    variables, tmp_path, monkeypatch, capsys
):
    from PIL import Image

    monkeypatch.setattr(pictures, "bundled", lambda: iter([noise()]))
    model = tmp_path / "model"
    save_pretrained(model, SMALL, variables, half=False)
    (tmp_path / "mine/deep").mkdir(parents=True)
    for i in range(5):
        Image.fromarray(noise(seed=i)).save(tmp_path / f"mine/deep/{i}.png")
    quantize = ["quantize", "--model", str(model), "--calibration"]
    assert main([*quantize, str(tmp_path / "mine"), "--pictures", "2"]) == 0
    measured = Ranges.load(model / RANGES)
    assert measured.pictures == 3 and measured.sha256 == model_checksum(model)
    assert "ranges over 3 pictures" in capsys.readouterr().out
    assert main(["quantize", "--method", "most"]) == 2
    assert main([*quantize, str(tmp_path / "model")]) == 1
    assert main(["quantize", "--model", str(model), "--data", str(tmp_path)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3 and "unknown --method 'most'" in said[0]
    assert "holds no picture" in said[1] and "none of the public sets" in said[2]
