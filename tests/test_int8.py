"""INT8 graphs: what is in bytes, and how far the numbers move from the float network's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from small_model import SMALL
from small_pictures import noise, spotting

from gemma3_jax.engine_onnx import OnnxEngine
from gemma3_jax.export import int8, network
from gemma3_jax.export.files import FILES, build, write_files
from gemma3_jax.export.graph import Graph
from gemma3_jax.quantize import layers, observe
from gemma3_jax.quantize.qdq import quantize
from gemma3_jax.quantize.ranges import Ranges
from gemma3_jax.quantize.sensitivity import Reference, parts, search
from gemma3_jax.quantize.slim import slim


@pytest.fixture(scope="module")
def variables() -> dict[str, Any]:
    return spotting()


@pytest.fixture(scope="module")
def ranges(variables) -> Ranges:
    return observe.measure(SMALL, variables, "0123", [noise(), noise(seed=1)], "max")


@pytest.fixture(scope="module")
def folders(variables, ranges, tmp_path_factory) -> tuple[Path, Path]:
    """The float files and those in bytes."""
    exact, rounded = (tmp_path_factory.mktemp(name) for name in ("float", "int8"))
    write_files(exact, SMALL, variables, "0123")
    int8.write_int8(rounded, SMALL, variables, ranges)
    return exact, rounded


def run(model: onnx.ModelProto, feed: dict[str, Any], plain: bool = False) -> list[Any]:
    options = onnxruntime.SessionOptions()
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return list(session.run(None, feed))


def test_numbers_are_near_those_of_the_float_network(variables, folders):
    """On a picture that no range was measured on. Where the peaks of random weights lie is chance: no word on boxes here."""
    exact, rounded = (OnnxEngine(folder, SMALL, variables) for folder in folders)
    cost = Reference(exact, [noise(seed=5)]).cost(rounded)
    assert 0 < cost.words < 0.04 and 0 < cost.crops < 0.04


def test_wrong_ranges_are_seen(variables, ranges, folders):
    """The bounds above can fail: a tenth of the ranges cuts most of what there is."""
    exact = OnnxEngine(folders[0], SMALL, variables)
    small = {name: (low / 10, high / 10) for name, (low, high) in ranges.tensors.items()}
    cost = Reference(exact, [noise(seed=5)]).cost(engine_of(variables, small, folders[1].parent))
    assert cost.words > 0.1 and cost.crops > 0.1


def engine_of(variables: Any, spans: Any, folder: Path) -> OnnxEngine:
    written = folder / "narrow"
    int8.write_int8(written, SMALL, variables, Ranges("0123", "max", 1, spans))
    return OnnxEngine(written, SMALL, variables)


def test_the_runtime_computes_in_bytes_and_never_in_between(folders, tmp_path):
    """The detector goes from grey levels to the last product without a float."""
    counts = {}
    for name in ("detector", "reader"):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
        onnxruntime.InferenceSession(folders[1] / f"{name}.onnx", options)
        graph = onnx.load(tmp_path / "optimized.onnx").graph
        counts[name] = Counter(node.op_type for node in graph.node)
    detector, reader = counts["detector"], counts["reader"]
    names = layers.layers(build("detector", SMALL, spotting(), packed=True))
    wanted = [name for name in names if "maps" not in name]
    assert detector["QLinearConv"] == len(wanted) + 6  # means of the two pyramids
    assert detector["MatMulIntegerToFloat"] == 1 and not detector["Conv"]
    assert not detector["DequantizeLinear"] and not detector["QuantizeLinear"]
    assert reader["QLinearMatMul"] == 2  # samples
    assert reader["QLinearConv"] == 6 and reader["MatMulIntegerToFloat"] == 5
    assert reader["QuantizeLinear"] == 2 + 5  # shares of taps, and what the five products read


@pytest.mark.parametrize("name", FILES)
def test_files_have_standard_operators_only_and_features_are_bytes(folders, name):
    model = onnx.load(folders[1] / f"{name}.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    assert {p.key: p.value for p in model.metadata_props}["sha256"] == "0123"
    kinds = {
        x.name: x.type.tensor_type.elem_type for x in (*model.graph.input, *model.graph.output)
    }
    assert all(kinds[x] == onnx.TensorProto.UINT8 for x in ("stem", "fused") if x in kinds)
    exact = onnx.load(folders[0] / f"{name}.onnx")
    floats = sum(t.ByteSize() for t in exact.graph.initializer if len(t.dims) > 1)
    assert model.ByteSize() < exact.ByteSize() - floats / 2


def test_fused_operators_compute_what_the_file_says(variables, ranges):
    """ONNX Runtime's byte kernels against the same file taken literally, as any other runtime would."""
    model = int8.build_int8(SMALL, variables, ranges.tensors)["recognizer"]
    strips = np.stack([noise(32, 64, seed=i) for i in range(3)])
    feed = {"strips": strips, "widths": np.array([64, 40, 9], np.float32)}
    (fused,), (literal,) = run(model, feed), run(model, feed, plain=True)
    assert np.abs(np.exp(fused) - np.exp(literal)).mean() < 2e-3


@pytest.mark.parametrize(
    ("name", "groups"), [("conv", 1), ("conv", 4), ("conv", 8), ("detector/maps", 1)]
)
def test_rounded_weights_leave_the_mean_of_a_convolution_where_it_was(name, groups):
    """One large weight per output makes the others coarse; of eight inputs each output reads 8, 2 or 1. Against the float
    convolution; without the means of its inputs it is off by ten times as much."""
    rng, size = np.random.default_rng(0), 1 if name != "conv" else 3
    weight = rng.normal(0, 0.02, (16, 8 // groups, size, size)).astype(np.float32)
    weight[:, 0, 0, 0] = 2.0
    g = Graph("test")
    x = g.Relu(g.input("in", np.float32, ("b", 8, "h", "w")))
    with g.scope(name):
        y = g.Conv(x, weight, np.zeros(16, np.float32), kernel_shape=(size, size), group=groups)
    g.output("y", y * 1.0, np.float32, ("b", 16, "h2", "w2"))  # what is only moved would stay bytes
    model, given = g.model("", {}), rng.normal(2, 0.3, (1, 8, 40, 40)).astype(np.float32)
    read, (exact,) = np.maximum(given, 0), run(model, {"in": given})
    ranges = {"Relu": (0.0, float(read.max())), y.name: (0.0, float(exact.max()))}
    off = []
    for means in (None, {"Relu": read.mean(axis=(0, 2, 3)).tolist()}):
        made, _ = quantize(model, ranges, means=means)
        (found,) = run(made, {"in": given})
        off.append(np.abs((found - exact).mean(axis=(0, 2, 3))).mean())
    assert off[1] < 0.1 * off[0]


def test_slimming_changes_no_number(variables, ranges):
    model = build("recognizer", SMALL, variables, packed=True)
    made, _ = quantize(model, ranges.tensors)
    small = slim(made)
    feed = {"strips": noise(32, 64)[None], "widths": np.array([50], np.float32)}
    np.testing.assert_array_equal(run(made, feed)[0], run(small, feed)[0])
    assert small.ByteSize() < 0.8 * made.ByteSize()
    assert [x.name for x in small.graph.input] == ["strips", "widths"]


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (32, 36)])
def test_a_packed_stem_is_the_stem(size):
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 3, 3, 8)).astype(np.float32) / 64, rng.normal(size=8)
    picture, found = noise(64, 96)[None, : size[0], : size[1]], []
    for write in (network.stem, network.packed_stem):
        g = Graph("test")
        images = g.input("images", np.uint8, ("b", "h", "w", 3))
        made = write(g, images, 127.5, kernel, bias.astype(np.float32))
        g.output("map", made, np.float32, ("b", "c", "h2", "w2"))
        found += run(g.model("", {}), {"images": picture})
    assert found[0].shape == (1, 8, size[0] // 2, size[1] // 2)
    np.testing.assert_allclose(*found, atol=1e-4)


def test_layers_can_stay_in_float_and_a_missing_range_is_named(variables, ranges):
    detector = build("detector", SMALL, variables, packed=True)
    made, codes = quantize(detector, ranges.tensors, floats=("backbone", "neck", "detector"))
    assert not codes and not any("Linear" in node.op_type for node in made.graph.node)
    spans = {k: v for k, v in ranges.tensors.items() if k != "backbone/stem/Relu"}
    with pytest.raises(ValueError, match=r"range of backbone/stem/Relu was not measured.*quantize"):
        quantize(detector, spans)
    with pytest.raises(ValueError, match="nothing is known of"):
        observe.measure(SMALL, variables, "", [])
    with pytest.raises(ValueError, match="method='most' is not one of max"):
        observe.measure(SMALL, variables, "", [noise()], "most")


def test_the_search_tells_what_each_part_costs(variables, ranges):
    names = layers.layers(build("spotter", SMALL, variables, packed=True))
    assert parts(names)[:2] == ["backbone/stem", "backbone/stage1_block0"]
    found = search(SMALL, variables, ranges.tensors, [noise(seed=5)])
    first = dict(next(found) for _ in range(2))
    assert list(first) == ["all", "backbone/stem"]
    assert first["all"].words > first["backbone/stem"].words
