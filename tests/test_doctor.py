"""`gemma3-ocr doctor`: what it tells of a machine, and that its lists are those of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from fake_engine import FakeEngine

from gemma3_jax import cli
from gemma3_jax.commands import doctor
from gemma3_jax.ocr import GemmaOCR


class Seeing(FakeEngine):
    """One word, whatever the picture."""

    def detect(self, images, slots):
        images = images.copy()
        images[:, 8:24, 8:80] = (210, 60, 20)
        return super().detect(images, slots)


def told(monkeypatch, capsys, engine) -> tuple[int, str]:
    """Exit status and output with `engine` in the place of the model."""
    monkeypatch.setattr(GemmaOCR, "from_pretrained", lambda: GemmaOCR(engine))
    return cli.main(["doctor"]), capsys.readouterr().out


def test_everything_is_told(monkeypatch, capsys):
    status, out = told(monkeypatch, capsys, Seeing(["Open"]))
    assert status == 0
    for line in ("  jax ", "extras:", "devices: ", "backends: jax (cpu)", "models:", "fonts "):
        assert line in out, line
    speed = re.search(r"^self-test: ([\d.]+) pages/s \(sign\.jpg, .* words; Seeing", out, re.M)
    assert speed and float(speed[1]) > 0


def test_a_model_that_reads_nothing_fails_the_self_test(monkeypatch, capsys):
    status, out = told(monkeypatch, capsys, FakeEngine([]))
    assert status == 1 and "self-test: FakeEngine finds no word in " in out


def test_what_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "pypdf" else "9.9")
    assert doctor._extra("pdf", doctor.EXTRAS["pdf"]) == (
        '[pdf] to read and write PDF: pip install "gemma3_jax[pdf]" (not here: pypdf)'
    )
    assert doctor._extra("heic", doctor.EXTRAS["heic"]) == "[heic] to read HEIC: pillow-heif 9.9"


@pytest.mark.parametrize("name", doctor.EXTRAS)
def test_extras_are_those_of_the_package(name):
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    wanted = project["project"]["optional-dependencies"][name]
    packages = {re.split(r"[\[<>=~!; ]", requirement)[0] for requirement in wanted}
    assert packages == set(doctor.EXTRAS[name].packages)


def test_pages_per_second_counts_what_was_read(monkeypatch):
    """A clock that moves 0.3 s a picture: four of them fill a second."""
    clock, reads = iter([0.0, 0.3, 0.6, 0.9, 1.2]), []

    class Reader:
        def read(self, picture):
            reads.append(picture)

    monkeypatch.setattr(doctor.time, "perf_counter", lambda: next(clock))
    assert doctor.pages_per_second(Reader(), Path("a.png")) == pytest.approx(4 / 1.2)  # type: ignore[arg-type]
    assert len(reads) == 4
