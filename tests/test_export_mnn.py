"""MNN: the ONNX graphs converted and run in MNN against JAX, smaller weights, telemetry avoided, failures refused."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from small_model import SMALL, trained

if importlib.util.find_spec("MNN") is None:
    pytest.skip("the extra [mnn] is not installed", allow_module_level=True)

from gemma3_jax.config import CANVAS_WIDTH
from gemma3_jax.export import mnn
from gemma3_jax.export.verify import ExportError
from gemma3_jax.export.verify_graph import Limits, Shape, compare_recognizer
from gemma3_jax.pretrained import load_pretrained

TINY = Shape(64, 96, 24, 16)
FULL = {"": ((), Limits())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Float32 files of the small model, verified on the way."""
    folder = tmp_path_factory.mktemp("mnn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnn, "WEIGHTS", FULL)
        written = mnn.write_mnn(folder, SMALL, trained(), "0123", TINY)
    names = [path.name for path in written]
    assert names == ["detector.mnn", "metadata.json", "recognizer.mnn", "spotter.mnn"]
    return folder


def test_a_file_that_computes_something_else_is_not_left_there(folder, tmp_path, monkeypatch):
    """The right files, for other variables than they were made from."""
    monkeypatch.setattr(mnn, "WEIGHTS", FULL)
    monkeypatch.setattr(
        mnn,
        "convert",
        lambda source, target, _: target.write_bytes((folder / target.name).read_bytes()),
    )
    other = jax.tree.map(lambda x: x * 1.05, trained())
    with pytest.raises(ExportError, match=r"small is not exported: .*\.mnn: .*differs by"):
        mnn.write_mnn(tmp_path, SMALL, other, "", TINY)
    assert not list(tmp_path.iterdir())


def test_smaller_weights_read_the_same(tmp_path):
    """The shipped recogniser; its float16 and int8 files are held to their own limits."""
    import onnx

    from gemma3_jax.export.files import build

    config, variables = load_pretrained("gemma3-base")
    onnx.save(build("recognizer", config, variables), tmp_path / "recognizer.onnx")
    sizes = []
    for weights, (options, limits) in mnn.WEIGHTS.items():
        target = tmp_path / f"recognizer{weights}.mnn"
        mnn.convert(tmp_path / "recognizer.onnx", target, options)
        sizes.append(target.stat().st_size)
        read = mnn.runner(tmp_path, "recognizer", weights)
        differences = compare_recognizer(
            lambda *x, read=read: read(*x)["log_probs"], config, variables, CANVAS_WIDTH, limits
        )
        assert all(d.found <= d.allowed for d in differences), [str(d) for d in differences]
    full, half, byte = sizes
    assert half < 0.55 * full and byte < 0.35 * full


def test_what_cannot_be_converted_is_said_in_one_line(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(ExportError, match=r"^MNN cannot convert bad\.onnx: .+$"):
        mnn.convert(tmp_path / "bad.onnx", tmp_path / "bad.mnn")


def test_the_modules_that_report_to_others_stay_unloaded():
    """MNN.tools installs a package and calls its makers' servers when it is imported."""
    program = (
        "import sys, MNN, _tools; from gemma3_jax.export import mnn; "
        "sys.exit(any(name.startswith(('MNN.tools', 'aliyun')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0
    assert "MNN.tools" not in mnn.CONVERT
