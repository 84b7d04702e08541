"""`gemma3-ocr export`: the table of formats, without writing a single model."""

from __future__ import annotations

from pathlib import Path

import pytest

from gemma3_jax.cli import main
from gemma3_jax.commands import export
from gemma3_jax.commands.export import Format, Job
from gemma3_jax.export.verify import ExportError


@pytest.fixture
def jobs(monkeypatch, tmp_path) -> list[Job]:
    """What two made-up formats are asked to do; the packages of `clay` are not installed."""
    asked: list[Job] = []

    def write(job: Job) -> list[Path]:
        asked.append(job)
        job.folder.mkdir(parents=True)
        (job.folder / "file").write_bytes(bytes(2**20))
        return [job.folder / "file"]

    formats = {
        "papyrus": Format(("pytest",), "", write),
        "clay": Format(("kiln", "pytest"), "mud", write),
    }
    monkeypatch.setattr(export, "FORMATS", formats)
    monkeypatch.chdir(tmp_path)
    return asked


def test_a_format_gets_the_model_and_a_folder_of_its_name(jobs, capsys):
    assert main(["export", "--format", "papyrus", "--size", "640x320"]) == 0
    (job,) = jobs
    assert job.config.name == "gemma3-base" and set(job.variables) == {"params", "batch_stats"}
    assert len(job.checksum) == 64 and job.size == (320, 640)
    assert job.folder == Path("gemma3-base-papyrus")
    assert "gemma3-base-papyrus/file  1.00 MiB" in capsys.readouterr().out


def test_wrong_use_costs_one_line(jobs, capsys):
    for arguments, status, line in (
        (["--format", "wax"], 2, "export: unknown format 'wax', there is papyrus, clay, all"),
        (["--format", "clay"], 1, '--format clay needs kiln: pip install "gemma3_jax[mud]"'),
        (
            ["--format", "papyrus", "--size", "640x100"],
            2,
            "export: --size 640x100 is not WIDTHxHEIGHT, both multiples of 32 px, as in 640x640",
        ),
    ):
        assert main(["export", *arguments]) == status
        assert capsys.readouterr().err == f"gemma3-ocr: {line}\n"
    assert not jobs


def test_all_makes_what_can_be_made_and_says_what_cannot(jobs, capsys):
    assert main(["export", "--format", "all", "--output", "out"]) == 1
    assert [job.folder for job in jobs] == [Path("out/papyrus")]
    out, err = capsys.readouterr()
    assert "out/papyrus/file" in out and err.count("\n") == 1
    assert err == 'gemma3-ocr: --format clay needs kiln: pip install "gemma3_jax[mud]"\n'


def test_a_format_that_fails_does_not_stop_the_others(jobs, monkeypatch, capsys):
    def fail(job: Job) -> list[Path]:
        raise ExportError("wax is soft")

    formats = {"wax": Format((), "", fail), "papyrus": export.FORMATS["papyrus"]}
    monkeypatch.setattr(export, "FORMATS", formats)
    assert main(["export", "--format", "all", "--output", "out"]) == 1
    assert len(jobs) == 1 and capsys.readouterr().err == "gemma3-ocr: wax is soft\n"
    assert main(["export", "--format", "wax"]) == 1


def test_a_format_of_our_own_dependencies_needs_no_extra(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["export", "--format", "onnx"]) == 1
    said = capsys.readouterr().err
    assert said == 'gemma3-ocr: --format onnx needs onnx, onnxruntime: pip install "gemma3_jax"\n'
