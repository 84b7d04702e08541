"""What reading on ONNX Runtime does not import, and where JAX is told to keep what it compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gemma3_jax.commands import cache

EXAMPLE = Path(__file__).parent.parent / "gemma3_jax/examples/sign.jpg"


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """No setting of anybody's, and no JAX, as in a command that has just started."""
    for name in (cache.FOLDER, cache.WORTH_KEEPING):
        monkeypatch.setenv(name.upper(), "")  # so that what a test sets is taken back
        monkeypatch.delenv(name.upper())
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setenv("GEMMA3_CACHE", str(tmp_path))
    return tmp_path


def test_read_does_not_import_jax(tmp_path):
    """Once the files are there: the first run builds them, and takes constants from modules that need JAX."""
    pytest.importorskip("onnx", reason="the extra [export] is not installed")
    code = (
        "import sys; from gemma3_jax.cli import main; status = main(sys.argv[1:]);"
        "print(status, [m for m in ('jax', 'flax', 'onnx') if m in sys.modules])"
    )
    env = os.environ | {"GEMMA3_CACHE": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", code, "read", str(EXAMPLE)]
    said = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
        for _ in range(2)
    ]
    assert said[1].splitlines()[-1] == "0 []"
    assert said[0].splitlines()[:-1] == said[1].splitlines()[:-1] != []


def test_jax_is_told_by_its_environment_where_it_is_not_imported(clean):
    cache.remember_compilations()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(clean / "xla")
    assert "jax" not in sys.modules
    code = "import jax; print(jax.config.jax_compilation_cache_dir)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(clean / "xla")


def test_a_folder_that_is_chosen_already_stays(clean, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/elsewhere")
    cache.remember_compilations()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "/elsewhere"


def test_a_cache_that_cannot_be_made_is_done_without(clean, monkeypatch):
    (clean / "file").write_text("")
    monkeypatch.setenv("GEMMA3_CACHE", str(clean / "file"))
    cache.remember_compilations()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
