"""The benchmark's arithmetic: stages that do not count twice, rows and ratios of the table."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))  # benchmarks/ is no part of the package

from benchmarks import latency_stages
from benchmarks.latency import HEADER, _resized, cells, ratios
from benchmarks.latency_stages import Clock, Job, Waited


def test_a_stage_inside_another_is_counted_once(monkeypatch):
    now = iter([0.0, 1.0, 3.0, 10.0, 20.0, 24.0])
    monkeypatch.setattr(latency_stages.time, "perf_counter", lambda: next(now))
    clock = Clock()
    with clock.stage("text"):
        assert clock.timed("read", max)(3, 5) == 5
    with clock.stage("text"):
        pass
    assert clock.spent == {"read": 2.0, "text": 8.0 + 4.0}


def test_of_calls_in_other_threads_the_waiting_is_counted():
    clock = Clock()
    with ThreadPoolExecutor(1) as pool, clock.stage("text"):
        call = clock.timed("detect", max)
        assert Waited(pool, clock).submit(lambda: call(3, 5)).result() == 5
    assert set(clock.spent) == {"read", "text"}


def test_pictures_are_brought_to_one_size(tmp_path):
    for i, size in enumerate([(96, 64), (30, 50)]):
        Image.new("RGB", size, (200, 30, 90)).save(tmp_path / f"{i}.png")
    made = _resized(sorted(map(str, tmp_path.glob("*.png"))), (128, 72), tmp_path / "made")
    assert len(made) == 2
    for path in made:
        with Image.open(path) as image:
            assert image.size == (128, 72) and image.format == "JPEG"
            assert np.abs(np.asarray(image, int) - (200, 30, 90)).max() < 4


def row(wall: float, cpu: float) -> dict[str, float]:
    return {"all": wall, "cpu": cpu}


def found(*walls: float) -> dict:
    rows = [row(wall, 2 * wall) for wall in walls]
    return {"rows": rows, "words": 30, "load_s": 0.1, "peak_mb": 300.4}


def test_a_row_of_the_table():
    shown = cells(Job("model:onnx", 2, 1), found(100, 200, 300), pictures=3)
    assert len(shown) == len(HEADER)
    named = dict(zip(HEADER, shown, strict=True))
    assert named["all"] == "200/290" and named["cpu"] == "400/580" and named["decode"] == ""
    assert named["pictures/s"] == "5.0" and named["words/s"] == "50" and named["MB"] == "300"


def test_ratios_are_taken_at_the_same_number_of_threads():
    jobs = {
        Job("a:onnx", 1, 1): found(100),
        Job("a:onnx", 2, 1): found(50),
        Job("tesseract", 1, 1): found(900),
        Job("tesseract", 2, 1): found(400),
    }
    said = list(ratios(jobs))
    assert len(said) == 2
    assert "9.0 times as fast as tesseract, 1 threads" in said[0]
    assert "8.0 times as fast as tesseract, 2 threads" in said[1]


def test_a_peer_is_told_from_a_model():
    assert Job("rapidocr-v6", 1, 1).is_peer and not Job("folder/model:onnx", 1, 1).is_peer
