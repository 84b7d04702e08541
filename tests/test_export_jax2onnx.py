"""The graphs written by hand against those that jax2onnx traces: two ways to ONNX that share no code, run side by side."""

from __future__ import annotations

import importlib.util

import jax
import numpy as np
import onnxruntime
import pytest
from small_model import SMALL, trained

if importlib.util.find_spec("jax2onnx") is None:
    pytest.skip("the extra [export] is not installed", allow_module_level=True)

from gemma3_jax.export.files import build
from gemma3_jax.model import spotter

SIZE, SLOTS, COLUMNS = (64, 96), 12, 16


def traced(function, *shapes) -> onnxruntime.InferenceSession:
    from jax2onnx import to_onnx

    model = to_onnx(function, [jax.ShapeDtypeStruct(*shape) for shape in shapes], opset=20)
    return onnxruntime.InferenceSession(model.SerializeToString())


def ours(name: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(build(name, SMALL, trained()).SerializeToString())


def test_words_of_a_picture():
    """Ours stops at the last peak, the traced one has always all its slots."""
    variables = trained()

    def spot(images):
        return tuple(spotter.spot(variables, images, config=SMALL, slots=SLOTS, columns=COLUMNS))

    images = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3), dtype=np.uint8)
    theirs = traced(spot, ((1, *SIZE, 3), np.float32))
    wanted = [
        np.asarray(x)
        for x in theirs.run(None, {theirs.get_inputs()[0].name: images.astype(np.float32)})
    ]
    feed = {"images": images, "slots": np.array([SLOTS]), "columns": np.array([COLUMNS])}
    found = ours("spotter").run(["quads", "scores", "tokens", "token_probs", "valid"], feed)
    words = np.asarray(found[0]).shape[1]
    assert words == SLOTS and np.asarray(found[4]).any()
    for a, b, tolerance in zip(found, wanted, (0.05, 1e-4, 0, 5e-3, 0), strict=True):
        np.testing.assert_allclose(np.asarray(a, float), b.astype(float), atol=tolerance)


def test_characters_of_crops():
    variables = trained()
    strips = np.random.default_rng(1).integers(0, 256, (3, 32, 64, 3), dtype=np.uint8)
    widths = np.array([64, 40, 12], np.float32)
    theirs = traced(
        lambda strips, widths: spotter.read_strips(SMALL, variables, strips, widths),
        (strips.shape, np.float32),
        (widths.shape, np.float32),
    )
    names = [one.name for one in theirs.get_inputs()]
    (wanted,) = theirs.run(None, dict(zip(names, (strips.astype(np.float32), widths), strict=True)))
    (found,) = ours("recognizer").run(None, {"strips": strips, "widths": widths})
    np.testing.assert_allclose(np.exp(np.asarray(found)), np.exp(np.asarray(wanted)), atol=1e-4)
