"""StableHLO: other sizes than it was traced with, read back without this package, and nothing left behind that differs."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax import export
from small_model import SMALL, trained

from gemma3_jax.export import stablehlo
from gemma3_jax.export.verify import ExportError
from gemma3_jax.export.verify_graph import Shape
from gemma3_jax.model.spotter import spot

ROOT = Path(__file__).parent.parent
TINY = Shape(64, 96, 24, 16)
AUTO = dataclasses.replace(
    SMALL, depthwise="auto"
)  # as shipped: it looks at sizes, which are free here


@pytest.fixture(scope="module", autouse=True)
def quick_compiler():
    """Programs run once here: a minute of optimising them would be wasted."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def variables():
    return trained()


@pytest.fixture(scope="module")
def folder(variables, tmp_path_factory) -> Path:
    """Files that were verified on the way."""
    folder = tmp_path_factory.mktemp("stablehlo")
    written = stablehlo.write_stablehlo(folder, AUTO, variables, "0123", TINY)
    assert [path.name for path in written] == [
        "metadata.json",
        "recognizer.stablehlo",
        "spotter.stablehlo",
    ]
    return folder


def test_one_file_holds_all_platforms_and_free_sizes(folder):
    spotter = export.deserialize(bytearray((folder / "spotter.stablehlo").read_bytes()))
    assert spotter.platforms == ("cpu", "cuda", "tpu")
    images, slots, columns = spotter.in_avals
    assert images.dtype == np.uint8 and slots.dtype == columns.dtype == np.bool_
    assert [str(size) for size in images.shape] == ["b", "32*h", "32*w", "3"]
    quads, *_ = spotter.out_avals
    assert [str(size) for size in quads.shape] == ["b", "n", "4", "2"]
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["charset"] == SMALL.charset and metadata["sha256"] == "0123"


def test_other_sizes_compute_what_the_model_does(folder, variables):
    """Two pictures of another height, other slots and columns than the file was verified with."""
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 64, 3), dtype=np.uint8)
    program = export.deserialize(bytearray((folder / "spotter.stablehlo").read_bytes()))
    found = jax.jit(program.call)(images, np.zeros(9, bool), np.zeros(22, bool))
    wanted = spot(variables, images, config=AUTO, slots=9, columns=22)
    for name, a, b in zip(wanted._fields, found, wanted, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype, name
    np.testing.assert_array_equal(found[2], wanted.tokens)
    np.testing.assert_allclose(found[0], wanted.quads, atol=0.05)
    np.testing.assert_allclose(found[1], wanted.scores, atol=1e-4)


def test_a_file_that_computes_something_else_is_not_left_there(variables, tmp_path, monkeypatch):
    other = jax.tree.map(lambda x: x * 1.05, variables)
    right = stablehlo.exported
    monkeypatch.setattr(stablehlo, "exported", lambda config, _: right(config, other))
    with pytest.raises(ExportError, match=r"small is not exported: .*differs by"):
        stablehlo.write_stablehlo(tmp_path, SMALL, variables, "", TINY)
    assert not list(tmp_path.iterdir())


def test_the_example_reads_without_the_package(folder, tmp_path, variables):
    """Its words are those of the model, and importing gemma3_jax is forbidden to it."""
    program = "import runpy, sys; sys.modules['gemma3_jax'] = None; sys.argv[:] = sys.argv[1:]; "
    program += "runpy.run_path(sys.argv[0], run_name='__main__')"
    picture = ROOT / "gemma3_jax/examples/sign.jpg"
    command = [sys.executable, "-c", program, ROOT / "examples/stablehlo_read.py", folder, picture]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    lines = done.stdout.splitlines()
    assert lines and all("%  (" in line for line in lines)
    assert set("".join(line.rsplit("  ", 1)[1] for line in lines)) <= set(SMALL.charset)
