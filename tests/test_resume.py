"""Jobs of `gemma3-ocr read` that are broken off and gone on with: nothing half-written is left, nothing is read twice."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from mixed_files import Watched, contents, mixed_files, run

from gemma3_jax import cli
from gemma3_jax.ocr import GemmaOCR


def interrupt_at(number: int):
    def before(count: int) -> None:
        if count == number:
            raise KeyboardInterrupt

    return before


@pytest.mark.parametrize("workers", [1, 2])
def test_resume_reads_only_the_rest(tmp_path, capsys, monkeypatch, workers):
    mixed_files(tmp_path / "scans", 14)
    monkeypatch.chdir(tmp_path)
    options = {"format": "json,text", "workers": workers}
    assert run("scans", output=Path("whole"), **options) == 0
    pages = len(contents(tmp_path / "whole")) // 2
    with pytest.raises(KeyboardInterrupt):
        run("scans", engine=Watched(interrupt_at(7)), output=Path("out"), **options)
    part = contents(tmp_path / "out")
    assert 0 < len(part) < 2 * pages and part.items() <= contents(tmp_path / "whole").items()
    assert "gemma3-ocr: broken off: " in capsys.readouterr().err

    engine = Watched()
    assert run("scans", engine=engine, output=Path("out"), resume=True, **options) == 0
    done = int(re.findall(r", (\d+) done before, ", capsys.readouterr().err)[0])
    finished = {path.split("-")[0].split(".")[0] for path in part}
    assert len(finished) - 1 <= done <= len(finished)  # of the last TIFF one page may be missing
    assert pages - len(part) // 2 <= engine.count <= pages - len(part) // 2 + 1
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")

    engine = Watched()
    assert run("scans", engine=engine, output=Path("out"), resume=True, **options) == 0
    assert engine.count == 0 and "0 files, 14 done before, 0 pages" in capsys.readouterr().err


def test_resume_believes_no_half_file_no_error_and_nothing_older(tmp_path, capsys):
    """Of nine files: one cut off in writing, one that failed, one that changed since, one that lacks a format."""
    scans, out = tmp_path / "scans", tmp_path / "out"
    (failed,) = mixed_files(scans, 9, 1)
    options = {"format": "json", "output": out}
    assert run(str(scans), **options) == 1
    (out / "0001.json").write_text((out / "0001.json").read_text()[:100])
    os.utime(scans / "0002.webp")
    (out / "0003-2.json").unlink()
    engine = Watched()
    assert run(str(scans), engine=engine, resume=True, **options) == 1
    assert (
        engine.count == 4
    )  # 0001, 0002 and both pages of 0003; 0000 fails before the engine sees it
    err = capsys.readouterr().err.splitlines()
    assert err[-2].startswith(f"gemma3-ocr: {failed}: ") and ", 5 done before, " in err[-1]
    assert run(str(scans), engine=(engine := Watched()), resume=True, draw=out, **options) == 1
    assert engine.count == 9 and len(list(out.glob("*.png"))) == 9


def test_an_interrupted_write_leaves_what_was_there(tmp_path, monkeypatch):
    mixed_files(tmp_path / "scans", 1)
    out = tmp_path / "out"
    assert run(str(tmp_path / "scans"), output=out) == 0
    before = contents(out)
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", half)
        with pytest.raises(KeyboardInterrupt):
            run(str(tmp_path / "scans"), output=out)
        with pytest.raises(KeyboardInterrupt):
            run(str(tmp_path / "scans"), output=tmp_path / "other")
    assert contents(out) == before and contents(tmp_path / "other") == {}


def test_ctrl_c_is_status_130(tmp_path, monkeypatch, capsys):
    mixed_files(tmp_path / "scans", 6)
    engine = Watched(interrupt_at(3))
    monkeypatch.setattr(GemmaOCR, "from_pretrained", lambda *_, **__: GemmaOCR(engine))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    scans, out = str(tmp_path / "scans"), tmp_path / "out"
    assert cli.main(["read", scans, "--output", str(out), "--format", "json"]) == 130
    assert "broken off: " in capsys.readouterr().err and "0000.json" in contents(out)
