"""TFLite: one graph from picture to words in LiteRT against JAX, smaller weights, and nothing left behind that differs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest
from small_model import SMALL, trained

if not all(importlib.util.find_spec(name) for name in ("tensorflow", "ai_edge_litert")):
    pytest.skip("the extra [tflite] is not installed", allow_module_level=True)

from gemma3_jax.config import CANVAS_WIDTH
from gemma3_jax.export import tflite
from gemma3_jax.export.verify import ExportError
from gemma3_jax.export.verify_graph import Limits, Shape, compare_recognizer, sample_crops
from gemma3_jax.pretrained import load_pretrained

SIZE = (64, 96)
NAMES = ["detector.tflite", "metadata.json", "recognizer.tflite", "spotter.tflite"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Float32 files of the small model, verified on the way."""
    folder = tmp_path_factory.mktemp("tflite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tflite, "WEIGHTS", {"": Limits()})
        written = tflite.write_tflite(folder, SMALL, trained(), "0123", SIZE)
    assert [path.name for path in written] == NAMES
    return folder


def test_graphs_are_made_of_the_operators_of_phones(folder):
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(str(folder / "spotter.tflite"))._get_ops_details()
    operators = {operator["op_name"] for operator in details}
    assert {"DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TOPK_V2", "MAX_POOL_2D"} <= operators
    assert not {name for name in operators if name.startswith(("Flex", "STABLEHLO", "CUSTOM"))}


def test_inputs_and_outputs_have_names_and_fixed_sizes(folder):
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(folder / "spotter.tflite")).get_signature_runner()
    inputs, outputs = run.get_input_details(), run.get_output_details()
    assert {k: (v["dtype"], list(v["shape"])) for k, v in inputs.items()} == {
        "images": (np.uint8, [1, *SIZE, 3])
    }
    assert {k: list(v["shape"]) for k, v in outputs.items()} == {
        "quads": [1, 32, 4, 2],
        "scores": [1, 32],
        "valid": [1, 32],
        "tokens": [1, 32, 32],
        "token_probs": [1, 32, 32],
    }


def test_smaller_weights_read_the_same(monkeypatch):
    """The shipped recogniser; its float16 and int8 files are held to their own limits."""
    config, variables = load_pretrained("gemma3-base")
    every = tflite.programs
    monkeypatch.setattr(
        tflite, "programs", lambda *model: {"recognizer": every(*model)["recognizer"]}
    )
    sizes = {}
    for name, content in tflite.convert(config, variables, Shape(*SIZE, 32, 64)):
        sizes[name] = len(content)
        weights = name.removeprefix("recognizer")
        read = tflite.runner(content)
        differences = compare_recognizer(
            lambda *x, read=read: tflite.one_by_one(read, *x),
            config,
            variables,
            CANVAS_WIDTH,
            tflite.WEIGHTS[weights],
        )
        assert all(d.found <= d.allowed for d in differences), [str(d) for d in differences]
    full, half, byte = sizes.values()
    assert half < 0.55 * full and byte < 0.35 * full


def test_a_file_that_computes_something_else_is_not_left_there(folder, tmp_path, monkeypatch):
    """The right files, for other variables than they were made from."""
    made = [(path.stem, path.read_bytes()) for path in folder.glob("*.tflite")]
    monkeypatch.setattr(tflite, "WEIGHTS", {"": Limits()})
    monkeypatch.setattr(tflite, "convert", lambda *_: made)
    other = jax.tree.map(lambda x: x * 1.05, trained())
    with pytest.raises(ExportError, match=r"small is not exported: .*\.tflite: .*differs by"):
        tflite.write_tflite(tmp_path, SMALL, other, "", SIZE)
    assert not list(tmp_path.iterdir())


def test_crops_are_read_one_by_one(folder):
    strips, widths = sample_crops(CANVAS_WIDTH)
    read = tflite.runner((folder / "recognizer.tflite").read_bytes())
    log_probs = tflite.one_by_one(read, strips, widths)
    assert log_probs.shape == (len(strips), CANVAS_WIDTH // 4, SMALL.alphabet.size)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=-1), 1, atol=1e-4)
