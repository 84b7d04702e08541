"""The network as TFLite (LiteRT) files for phones and small boards: jax2tf, then TensorFlow's converter.

Shapes are fixed: one picture of `size`, SLOTS words of COLUMNS strip columns, crops 32 px high and CANVAS_WIDTH wide.

| file | in | out |
|---|---|---|
| `spotter*.tflite` | uint8 picture | quads, scores, tokens, token_probs, valid |
| `detector*.tflite` | uint8 picture | quads, scores, valid |
| `recognizer*.tflite` | uint8 crop, its used width in px | log-probabilities |

Each in float32, with weights in float16, and with weights in int8 (activations are rounded on the fly).
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT, CANVAS_WIDTH, STRIDE, ModelConfig
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.decoding.centres import peaks, words_at
from gemma3_jax.export.checked import leave_checked, write_metadata
from gemma3_jax.export.fold import fold_batchnorm
from gemma3_jax.export.verify import settle
from gemma3_jax.export.verify_graph import (
    BYTES,
    HALF,
    Limits,
    Shape,
    compare_detector,
    compare_recognizer,
    compare_spotter,
)
from gemma3_jax.model import spotter
from gemma3_jax.model.crop import Features
from gemma3_jax.types import Array, Spotted

SLOTS, COLUMNS = 32, 64
WEIGHTS = {"": Limits(), "-float16": HALF, "-int8": BYTES}
SIGNATURE = "serving_default"  # what LiteRT takes when it is told no other


def write_tflite(
    folder: Path, config: ModelConfig, variables: Any, checksum: str, size: tuple[int, int]
) -> list[Path]:
    """The files for pictures of `size` (height, width) and `metadata.json` in `folder`, verified on the sample sheet.

    Raises:
        ExportError: when a file computes something else than the model; none is left then.
    """
    shape = Shape(*size, SLOTS, COLUMNS)

    def write(unchecked: Path) -> None:
        for name, model in convert(config, variables, shape):
            (unchecked / f"{name}.tflite").write_bytes(model)
        write_metadata(unchecked, config, checksum)

    check = partial(verify_tflite, config=config, variables=variables, shape=shape)
    return leave_checked(folder, write, check)


def convert(config: ModelConfig, variables: Any, shape: Shape) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files."""
    import tensorflow as tf

    picture = tf.TensorSpec((1, *shape[:2], 3), tf.uint8, "images")
    crop = tf.TensorSpec((1, CANVAS_HEIGHT, CANVAS_WIDTH, 3), tf.uint8, "strips")
    inputs = {
        "spotter": [picture],
        "detector": [picture],
        "recognizer": [crop, tf.TensorSpec((1,), tf.float32, "widths")],
    }
    for name, program in programs(config, variables, shape).items():
        module: Any = tf.Module()
        module.run = tf.function(program, input_signature=inputs[name], autograph=False)
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, {SIGNATURE: module.run.get_concrete_function()})
            for weights in WEIGHTS:
                converter = tf.lite.TFLiteConverter.from_saved_model(folder)
                if weights:
                    converter.optimizations = [tf.lite.Optimize.DEFAULT]
                if weights == "-float16":
                    converter.target_spec.supported_types = [tf.float16]
                yield name + weights, converter.convert()


def programs(
    config: ModelConfig, variables: Any, shape: Shape
) -> dict[str, Callable[..., dict[str, Any]]]:
    """TensorFlow functions of the three parts, named outputs.

    Depthwise convolutions are real ones. TensorFlow itself takes the best peaks: its reader of StableHLO (2.21) does not
    know the operation that JAX 0.10 writes for `top_k`.
    """
    import tensorflow as tf
    from jax.experimental import jax2tf

    config = dataclasses.replace(config, depthwise="conv")
    variables = fold_batchnorm(variables)
    model, to_tf = spotter.Spotter(config), partial(jax2tf.convert, with_gradient=False)

    def look(images: Array) -> tuple[Features, Array, Array]:
        features: Any = model.apply(variables, images, method="features")
        maps: Any = model.apply(variables, features, method="detect")
        return features, maps.corners, peaks(maps.centre)

    def read(features: Features, quads: Array) -> tuple[Array, Array]:
        seen = with_margin(quads)
        log_probs = spotter.read_quads(config, variables, features, seen, columns=shape.columns)
        return jnp.argmax(log_probs, axis=-1).astype(jnp.int32), jnp.exp(log_probs.max(axis=-1))

    def found(images: Any) -> tuple[Any, dict[str, Any]]:
        features, corners, heights = to_tf(look)(images)
        scores, index = tf.math.top_k(heights, shape.slots)
        words = to_tf(partial(words_at, stride=STRIDE))(corners, scores, index)
        return features, dict(zip(("quads", "scores", "valid"), words, strict=True))

    def spot(images: Any) -> dict[str, Any]:
        features, words = found(images)
        tokens, probs = to_tf(read)(features, words["quads"])
        return {**words, "tokens": tokens, "token_probs": probs}

    strips = to_tf(partial(spotter.read_strips, config, variables))
    return {
        "spotter": spot,
        "detector": lambda images: found(images)[1],
        "recognizer": lambda strip, widths: {"log_probs": strips(strip, widths)},
    }


def verify_tflite(
    folder: Path,
    config: ModelConfig,
    variables: Any,
    shape: Shape,
    say: Callable[[str], None] = print,
) -> None:
    """Run every file in LiteRT and compare it with the model.

    Raises:
        ExportError: naming what differs.
    """
    of_model, differences = (config, variables), []
    for weights, limits in WEIGHTS.items():
        files = (
            folder / f"{name}{weights}.tflite" for name in ("spotter", "detector", "recognizer")
        )
        spot, detect, read = (runner(file.read_bytes()) for file in files)
        found = {
            "spotter": compare_spotter(partial(_spotted, spot), *of_model, shape, limits),
            "detector": compare_detector(detect, *of_model, shape, limits),
            "recognizer": compare_recognizer(
                partial(one_by_one, read), *of_model, CANVAS_WIDTH, limits
            ),
        }
        differences += [one.of(f"{k}{weights}.tflite") for k, some in found.items() for one in some]
    settle(config.name, differences, say)


def runner(content: bytes) -> Callable[..., dict[str, np.ndarray]]:
    """A file's content in LiteRT as a function of its inputs."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_content=content, num_threads=1).get_signature_runner(SIGNATURE)
    names = list(run.get_input_details())  # in alphabetical order, as ours are
    return lambda *inputs: run(**dict(zip(names, inputs, strict=True)))


def one_by_one(read: Any, strips: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """log P `[n, t, v]` of crops, from the recogniser's `runner`, which takes one at a time."""
    rows = zip(strips, widths, strict=True)
    return np.concatenate([read(strip[None], width[None])["log_probs"] for strip, width in rows])


def _spotted(spot: Any, images: np.ndarray) -> Spotted:
    return Spotted(**spot(images))
