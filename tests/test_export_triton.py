"""TensorRT and Triton: the list of operators is applied, the fixed graph computes what the model does, the settings fit."""

from __future__ import annotations

import re
from pathlib import Path

import jax
import numpy as np
import onnx
import onnxruntime
import pytest
from small_model import SMALL, trained

from gemma3_jax.export import triton
from gemma3_jax.export.files import build
from gemma3_jax.export.graph import Graph
from gemma3_jax.export.tensorrt import objections
from gemma3_jax.export.verify import ExportError

SIZE = (96, 128)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Both repositories of the small model, verified on the way."""
    folder = tmp_path_factory.mktemp("triton")
    written = triton.write_triton(folder, SMALL, trained(), "0123", SIZE)
    assert {str(path.relative_to(folder)) for path in written} == {
        "metadata.json",
        "onnxruntime/spotter/1/model.onnx",
        "onnxruntime/spotter/config.pbtxt",
        "tensorrt/build.sh",
        "tensorrt/spotter/config.pbtxt",
    }
    return folder


def test_the_batch_alone_is_free(folder):
    """Sizes are numbers, nothing but the batch is asked of a tensor at run time, and a batch reads as its pictures do."""
    model = onnx.load(folder / triton.MODEL)
    for value in (*model.graph.input, *model.graph.output):
        batch, *others = value.type.tensor_type.shape.dim
        assert batch.dim_param and all(dim.dim_value for dim in others), value.name
    asked = [node for node in model.graph.node if node.op_type == "Shape"]
    assert len(asked) <= 1 and not {"Range", "Mod"} & {node.op_type for node in model.graph.node}
    session = onnxruntime.InferenceSession(folder / triton.MODEL)
    images = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    together = list(session.run(None, {"images": images}))
    for i in range(3):
        for a, b in zip(session.run(None, {"images": images[i : i + 1]}), together, strict=True):
            np.testing.assert_allclose(np.asarray(a)[0], np.asarray(b)[i], atol=1e-3)


def test_configurations_are_those_of_the_graph(folder):
    model = onnx.load(folder / triton.MODEL)
    kinds = {"UINT8": 2, "FP32": 1, "INT64": 7, "BOOL": 9}
    wanted = {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_value for dim in value.type.tensor_type.shape.dim[1:]],
        )
        for value in (*model.graph.input, *model.graph.output)
    }
    for backend, platform in (("onnxruntime", "onnxruntime_onnx"), ("tensorrt", "tensorrt_plan")):
        text = (folder / backend / "spotter/config.pbtxt").read_text()
        pattern = r'name: "(\w+)" data_type: TYPE_(\w+) dims: \[ ([\d, ]+) \]'
        found = {
            name: (kinds[kind], [int(n) for n in dims.split(",")])
            for name, kind, dims in re.findall(pattern, text)
        }
        assert found == wanted
        assert f'platform: "{platform}"' in text and "max_batch_size: 8" in text
        assert re.search(r"dynamic_batching \{\s+preferred_batch_size: \[ 4, 8 \]", text)
        assert text.count("{") == text.count("}") and text.count("[") == text.count("]")
    script = (folder / "tensorrt/build.sh").read_text()
    assert "--maxShapes=images:8x96x128x3" in script
    (source,) = re.findall(r"--onnx=(\S+)", script)
    assert (folder / "tensorrt" / source).resolve() == (folder / triton.MODEL).resolve()


def written(add, shape=(2, 2)) -> onnx.ModelProto:
    """A model whose only output is what `add(graph, x)` makes of a float input."""
    g = Graph("test")
    made, dtype, rank = add(g, g.input("x", np.float32, shape))
    g.output("y", made, dtype, [f"y{k}" for k in range(rank)])
    return g.model("", {})


def runtime_count(g, x):
    return g.TopK(x, g.Reshape(g.Cast(g.ReduceMax(x), to=onnx.TensorProto.INT64), [1]), outputs=2)


CUBIC = (np.zeros(0, np.float32), np.ones(4, np.float32))


@pytest.mark.parametrize(
    "add, shape, objection",
    [
        (lambda g, x: (g.Relu(x), np.float32, 2), (2, 2), None),
        (lambda g, x: (g.TopK(x, [2], outputs=2)[0], np.float32, 2), (2, 2), None),
        (lambda g, x: (g.Det(x), np.float32, 0), (2, 2), "Det (Det): not supported"),
        (
            lambda g, x: ((x.to(np.uint8) + np.uint8(1)).to(np.float32), np.float32, 2),
            (2, 2),
            "Add (Add): not for values of kind U",
        ),
        (
            lambda g, x: (runtime_count(g, x)[0], np.float32, 2),
            (2, 2),
            "TopK (TopK): input 1 is not a constant",
        ),
        (
            lambda g, x: (g.TopK(x, [4000], outputs=2)[0], np.float32, 2),
            (2, 5000),
            "TopK (TopK): more than 3839 are taken",
        ),
        (
            lambda g, x: (g.Resize(x, *CUBIC, mode="cubic"), np.float32, 4),
            (1, 1, 2, 2),
            "Resize (Resize): mode is cubic",
        ),
    ],
)
def test_what_tensorrt_lacks_is_named(add, shape, objection):
    assert objections(written(add, shape)) == ([objection] if objection else [])


def test_the_graph_with_free_sizes_is_not_for_tensorrt():
    """Its number of words is known only at run time, and it turns bytes round before they become numbers."""
    found = objections(build("spotter", SMALL, trained()))
    assert any(line.startswith("TopK") for line in found)
    assert any(line.startswith("Transpose") and line.endswith("kind U") for line in found)


def test_a_graph_that_tensorrt_lacks_or_that_differs_is_not_left_there(
    folder, tmp_path, monkeypatch
):
    model = onnx.load(folder / triton.MODEL)
    monkeypatch.setattr(triton, "build_static", lambda *_: model)
    other = jax.tree.map(lambda x: x * 1.05, trained())
    with pytest.raises(ExportError, match=r"small is not exported: .*differs by"):
        triton.write_triton(tmp_path, SMALL, other, "", SIZE)
    next(node for node in model.graph.node if node.op_type == "Sigmoid").op_type = "Bernoulli"
    with pytest.raises(ExportError, match=r"TensorRT 10 has no Bernoulli \(.*\): not supported"):
        triton.write_triton(tmp_path, SMALL, trained(), "", SIZE)
    assert not list(tmp_path.iterdir())
