"""ONNX files: array code written as a graph against NumPy, each part against JAX, and what is left behind when one fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.cli import main
from gemma3_jax.config import ModelConfig
from gemma3_jax.decoding.centres import decode_centres
from gemma3_jax.model import crop
from gemma3_jax.pretrained import load_pretrained
from gemma3_jax.types import DetectionMaps

WHY = "the extra [export] is not installed"
onnx = pytest.importorskip("onnx", reason=WHY)
onnxruntime = pytest.importorskip("onnxruntime", reason=WHY)

from gemma3_jax.export import centres, crops, files, verify  # noqa: E402
from gemma3_jax.export.graph import Graph, Tensor  # noqa: E402
from gemma3_jax.export.sampling import bilinear  # noqa: E402

ROOT = Path(__file__).parent.parent
FLOAT, BOOL = np.float32, np.bool_
DETECTED = {"quads": 4, "scores": 2, "valid": 2}


def run(write: Any, *arrays: np.ndarray, ranks: dict[str, int], kinds: Any = None) -> Any:
    """Outputs, named in `ranks`, of the graph that `write(graph, *inputs)` makes, in ONNX Runtime; float unless `kinds` say."""
    g = Graph("test")
    names = [f"in{i}" for i in range(len(arrays))]
    inputs = [g.input(n, a.dtype, a.shape) for n, a in zip(names, arrays, strict=True)]
    made = write(g, *inputs)
    made = [made] if isinstance(made, Tensor) else made
    for (name, rank), value in zip(ranks.items(), made, strict=True):
        g.output(name, value, (kinds or {}).get(name, FLOAT), [f"{name}{k}" for k in range(rank)])
    session = onnxruntime.InferenceSession(g.model("", {}).SerializeToString())
    return list(session.run(None, dict(zip(names, arrays, strict=True))))


X = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "code",
    [
        lambda x: x[..., 1, :],
        lambda x: x[..., 0],
        lambda x: x[..., None, 2, :],
        lambda x: x[..., 1:3, None],
        lambda x: x[..., ::2],
        lambda x: x[..., :, 1:],
        lambda x: 1.0 - x / 2 + 3.0 * x,
        lambda x: 2.0 / (x**2 + 1.0),
        lambda x: ((x**2).sum(-1) ** 0.5)[..., None] * np.ones((1, 1, 1, 2), np.float32),
        lambda x: np.array([1, -1, 2, 0], np.float32) * x,
    ],
)
def test_graphs_are_written_as_arrays_are(code):
    (found,) = run(lambda g, x: code(x), X, ranks={"y": code(X).ndim})
    np.testing.assert_allclose(found, code(X), rtol=1e-5, atol=1e-6)


def test_equal_constants_are_stored_once_and_wrong_indices_are_refused():
    g = Graph("test")
    x = g.input("x", np.float32, (3,))
    g.output("y", x * 2.0 + 2.0 * x + np.full((), 2, np.float32), np.float32, (3,))
    assert len(g.model("", {}).graph.initializer) == 1
    with pytest.raises(TypeError, match="must begin with"):
        x[0, :]
    with pytest.raises(ValueError, match="exponent"):
        _ = x**3


def test_bilinear_samples_are_those_of_four_taps():
    """Against loops; a third of the places lie beyond the border, and the map begins at cell 7 of its table."""
    rng = np.random.default_rng(0)
    h, w, c = 5, 9, 3
    table = rng.normal(size=(2, 7 + h * w, c)).astype(np.float32)
    x, y = (rng.uniform(-3, n + 3, (2, 11)).astype(np.float32) for n in (w, h))
    size = np.array([w, h, 7], np.float32)

    def write(g, table, x, y, size):
        w, h, start = (size[..., i : i + 1] for i in range(3))
        return bilinear(g, table, (x, y), (w, h), start)

    (found,) = run(write, table, x, y, size, ranks={"samples": 3})
    for b in range(2):
        image = table[b, 7:].reshape(h, w, c)
        for i in range(11):
            left, top = np.floor(x[b, i] - 0.5), np.floor(y[b, i] - 0.5)
            wanted = np.zeros(c)
            for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
                weight = abs(1 - dx - (x[b, i] - 0.5 - left)) * abs(1 - dy - (y[b, i] - 0.5 - top))
                row, column = np.clip([top + dy, left + dx], 0, [h - 1, w - 1]).astype(int)
                wanted += weight * image[row, column]
            np.testing.assert_allclose(found[b, i], wanted, atol=1e-5)


@pytest.mark.parametrize("slots", [3, 40])
def test_centres_are_decoded_as_in_jax(slots):
    """Two pictures with different numbers of words; slots that no picture fills are not there."""
    rng = np.random.default_rng(1)
    h, w = 12, 20
    logits = rng.normal(-2, 2, (2, h, w)).astype(np.float32)
    logits[1] -= 1.5
    size = np.array([3.0, 1.2], np.float32)
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * size
    corners = (box + rng.normal(0, 0.3, (2, h, w, 4, 2))).astype(np.float32)
    wanted = decode_centres(
        DetectionMaps(jnp.array(logits), jnp.array(corners)), slots=slots, stride=4
    )
    kept = min(slots, int((np.asarray(wanted[1]) > 0.3).sum(axis=1).max()))
    found = run(
        centres.decode_centres,
        logits[:, None],
        corners.reshape(2, h, w, 8).transpose(0, 3, 1, 2).copy(),
        np.array([slots]),
        ranks=DETECTED,
        kinds={"valid": BOOL},
    )
    assert found[0].shape == (2, kept, 4, 2)
    for a, b in zip(found, wanted, strict=True):
        b = np.asarray(b)[:, :kept]
        real = np.asarray(wanted[1])[:, :kept] > 0.3  # what is no peak is no matter
        np.testing.assert_allclose(a[real], b[real], atol=2e-4)
    assert found[2].any() and (slots == 3 or not found[2].all())


def test_the_shapes_that_runtimes_are_told_are_those_at_run_time():
    """Every value of a told shape becomes an output; dimensions of one name have one size, whatever the picture's."""
    model = files.build("detector", SMALL, trained())
    told = {one.name: one for one in model.graph.value_info}
    assert len(told) == 2 * (
        len(SMALL.stage_widths) - 1
    )  # both sides of every addition in the neck
    model.graph.output.extend(told.values())
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for batch, h, w in ((1, 64, 96), (2, 32, 160)):
        given = {"images": np.zeros((batch, h, w, 3), np.uint8), "slots": np.array([2])}
        found = dict(zip(told, session.run(list(told), given), strict=True))
        sizes: dict[str, int] = {}
        for name, value in found.items():
            for dim, size in zip(told[name].type.tensor_type.shape.dim, value.shape, strict=True):
                assert sizes.setdefault(dim.dim_param or str(dim.dim_value), size) == size
        assert sizes["b"] == batch and sizes["h / 4"] == h // 4 and sizes["w / 4"] == w // 4


def test_a_picture_without_words_has_one_empty_slot():
    maps = np.full((1, 1, 8, 8), -9, np.float32), np.zeros((1, 8, 8, 8), np.float32)
    kinds = {"valid": BOOL}
    found = run(centres.decode_centres, *maps, np.array([5]), ranks=DETECTED, kinds=kinds)
    quads, scores, valid = found
    assert quads.shape == (1, 1, 4, 2) and scores[0, 0] < 0.3 and not valid.any()


def test_strips_of_all_sizes_and_angles_are_those_of_jax():
    """Words of 3 to 400 px, turned, partly outside, and one collapsed to a point."""
    rng = np.random.default_rng(2)
    h, w = 192, 256
    maps = [rng.normal(size=(2, h // s, w // s, 8)).astype(np.float32) for s in (2, 4)]
    quads = np.concatenate([verify.some_quads(h, w), verify.some_quads(h, w)[:, ::-1]]).copy()
    quads[0, 0] = 50.0
    sizes = np.exp(np.linspace(np.log(3), np.log(400), 31))
    quads[0, 1:] = (
        quads[0, 1:] / np.ptp(quads[0, 1:], axis=(1, 2))[:, None, None] * sizes[:, None, None]
    )
    features = crop.Features(*map(jnp.array, maps))
    wanted, inside = jax.jit(crop.sample_strips, static_argnums=(2, 3))(features, quads, 16, 24)
    levels = np.ceil(np.log2(np.asarray(crop.quad_size(jnp.array(quads))[1]) / 40)).clip(0, 3)
    assert set(levels.ravel()) == {0, 1, 2, 3}

    def write(g, stem, fused, quads):
        stem, fused = (g.Transpose(m, perm=(0, 3, 1, 2)) for m in (stem, fused))
        pyramids = crops.pyramid(g, stem, 8), crops.pyramid(g, fused, 8)
        size, columns = (g.Identity(np.array(numbers)) for numbers in ([h, w], [24]))
        (stem, fused), mask = crops.sample_strips(g, SMALL, pyramids, size, quads, columns)
        return stem, fused, mask

    ranks = {"stem": 4, "fused": 4, "mask": 2}
    *parts, mask = run(write, *maps, quads, ranks=ranks, kinds={"mask": BOOL})
    np.testing.assert_array_equal(mask, np.asarray(inside).reshape(64, 24))
    for part, other in zip(parts, wanted, strict=True):
        flat = np.reshape(other, (64, *other.shape[2:]))
        np.testing.assert_allclose(part.transpose(0, 2, 3, 1), flat, atol=2e-3)


@pytest.fixture(scope="module")
def shipped() -> tuple[ModelConfig, dict[str, Any]]:
    return load_pretrained("gemma3-base")


@pytest.mark.parametrize("name", files.FILES)
def test_files_say_what_they_are_and_load_in_older_runtimes(shipped, name):
    config, variables = shipped
    model = files.build(name, config, variables, "0123")
    assert [(o.domain, o.version) for o in model.opset_import] == [
        ("", 17)
    ] and model.ir_version == 8
    metadata = {p.key: p.value for p in model.metadata_props}
    assert metadata["charset"] == config.charset and metadata["sha256"] == "0123"
    assert ModelConfig(**_tuples(json.loads(metadata["config"]))) == config
    operators = {node.op_type for node in model.graph.node}
    assert not operators & {"BatchNormalization", "If", "Loop", "Scan", "NonZero", "GridSample"}
    first = model.graph.input[0].type.tensor_type
    assert first.shape.dim[0].dim_param == "b"
    if name != "reader":
        assert first.elem_type == onnx.TensorProto.UINT8


def test_a_model_that_computes_something_else_is_not_left_there(tmp_path):
    variables = trained()
    other = jax.tree.map(lambda x: x * 1.02, variables)
    lines: list[str] = []

    def check(folder: Path) -> None:
        assert len(list(folder.glob("*.onnx"))) == 4
        verify.verify_onnx(folder, SMALL, variables, lines.append)

    with pytest.raises(verify.ExportError, match=r"small is not exported: .*differs by"):
        files.write_files(tmp_path, SMALL, other, "", check)
    assert not list(tmp_path.iterdir()) and any("probabilities" in line for line in lines)


def test_the_command_exports_the_shipped_model_and_the_example_reads_with_it(tmp_path, capsys):
    assert main(["export", "--output", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "differs by" in said and "words:" in said
    assert sorted(p.stem for p in tmp_path.iterdir()) == sorted(files.FILES)
    picture = ROOT / "gemma3_jax/examples/sign.jpg"
    command = [sys.executable, ROOT / "examples/onnx_read.py", tmp_path / "spotter.onnx", picture]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) > 2 and all("%  (" in x for x in done.stdout.splitlines())


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
