"""The four ONNX files of a model, from its weights alone: seconds of NumPy, no tracing, no compiler.

| file | in | out |
|---|---|---|
| `spotter.onnx` | pictures | boxes and text in one graph |
| `detector.onnx` | pictures | boxes, and the features to read them from |
| `reader.onnx` | features, boxes | text of the boxes |
| `recognizer.onnx` | crops 32 px high | text of the crops |

Pictures are uint8 RGB `[b, h, w, 3]`, h and w multiples of 32; the normalisation is inside. Batch, height, width, slots and
columns are free. The metadata holds the charset, all sizes, the program's version and the SHA-256 of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gemma3_jax.config import ModelConfig
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.export import network
from gemma3_jax.export.centres import decode_centres
from gemma3_jax.export.checked import leave_checked, metadata
from gemma3_jax.export.crops import canvas_strips, pyramid, sample_strips
from gemma3_jax.export.fold import fold_batchnorm
from gemma3_jax.export.graph import Graph, Tensor

if TYPE_CHECKING:
    import onnx

IMAGES = ("b", "h", "w", 3)


def spotter(g: Graph, config: ModelConfig, params: Any) -> str:
    """Adds the whole network; returns the file's description."""
    images = g.input("images", np.uint8, IMAGES)
    slots = g.input("slots", np.int64, (1,))
    columns = g.input("columns", np.int64, (1,))
    words(g, config, params, images, slots, columns)
    return (
        "Pictures in, words out. The n words of each picture are its likeliest, at most `slots`; `columns` is the length of "
        "the strip in which a word is read, 16 cells high. quads are px, clockwise from the top left of the text. tokens: "
        "best class per column, 0 is the CTC blank, i is character i - 1 of the metadata's charset."
    )


def words(
    g: Graph,
    config: ModelConfig,
    params: Any,
    images: Tensor,
    slots: Tensor | int,
    columns: Tensor,
) -> None:
    """Everything from pictures to words, as outputs; `slots` as `decode_centres` takes them."""
    stem, fused = network.features(g, config, params, images)
    quads = _detections(g, config, params, fused, slots)
    pyramids = pyramid(g, stem, config.stem_width), pyramid(g, fused, config.neck_width)
    size = g.Shape(images, start=1, end=3)
    log_probs = _read(g, config, params, pyramids, size, with_margin(quads), columns)
    g.output("tokens", g.ArgMax(log_probs, axis=-1, keepdims=0), np.int64, ("b", "n", "t"))
    best = g.Exp(g.ReduceMax(log_probs, axes=[-1], keepdims=0))
    g.output("token_probs", best, np.float32, ("b", "n", "t"))


def detector(g: Graph, config: ModelConfig, params: Any) -> str:
    """Adds everything up to the boxes; returns the file's description."""
    images = g.input("images", np.uint8, IMAGES)
    slots = g.input("slots", np.int64, (1,))
    stem, fused = network.features(g, config, params, images)
    _detections(g, config, params, fused, slots)
    g.output(
        "stem",
        pyramid(g, stem, config.stem_width),
        np.float32,
        ("b", "stem_cells", config.stem_width),
    )
    g.output(
        "fused",
        pyramid(g, fused, config.neck_width),
        np.float32,
        ("b", "fused_cells", config.neck_width),
    )
    return (
        "Pictures in, word boxes out, with the feature pyramids that reader.onnx reads them from."
    )


def reader(g: Graph, config: ModelConfig, params: Any) -> str:
    """Adds what follows the boxes; returns the file's description."""
    stem = g.input("stem", np.float32, ("b", "stem_cells", config.stem_width))
    fused = g.input("fused", np.float32, ("b", "fused_cells", config.neck_width))
    size = g.input("size", np.int64, (2,))
    quads = g.input("quads", np.float32, ("b", "n", 4, 2))
    columns = g.input("columns", np.int64, (1,))
    log_probs = _read(g, config, params, (stem, fused), size, quads, columns)
    g.output("log_probs", log_probs, np.float32, ("b", "n", "t", config.alphabet.size))
    return (
        "Feature pyramids of detector.onnx, height and width of its pictures, and quads (px, with margin) in; CTC "
        "log-probabilities out."
    )


def recognizer(g: Graph, config: ModelConfig, params: Any) -> str:
    """Adds the network for crops; returns the file's description."""
    strips = g.input("strips", np.uint8, ("b", 32, "w", 3))
    widths = g.input("widths", np.float32, ("b",))
    canvas, inside = canvas_strips(g, network.features(g, config, params, strips), widths)
    log_probs = network.recognizer(g, config, params, canvas, inside)
    g.output("log_probs", log_probs, np.float32, ("b", "t", config.alphabet.size))
    return (
        "Word crops 32 px high, the first `widths` px of them used, in; CTC log-probabilities out."
    )


FILES: dict[str, Callable[[Graph, ModelConfig, Any], str]] = {
    "spotter": spotter,
    "detector": detector,
    "reader": reader,
    "recognizer": recognizer,
}


def build(
    name: str,
    config: ModelConfig,
    variables: dict[str, Any],
    checksum: str = "",
    packed: bool = False,
) -> onnx.ModelProto:
    """One of FILES as a checked model; `checksum`: SHA-256 of the weights' file, for the metadata; `packed`: see Graph."""
    g = Graph(f"{config.name}/{name}", packed)
    description = FILES[name](g, config, fold_batchnorm(variables)["params"])
    return g.model(description, metadata(config, checksum))


def write_files(
    folder: Path,
    config: ModelConfig,
    variables: dict[str, Any],
    checksum: str,
    check: Callable[[Path], None] = lambda folder: None,
) -> list[Path]:
    """Write all FILES into `folder`, which sees none of them before `check(temporary folder)` has passed."""
    import onnx

    def write(unchecked: Path) -> None:
        for name in FILES:
            onnx.save(build(name, config, variables, checksum), unchecked / f"{name}.onnx")

    return leave_checked(folder, write, check)


def _detections(
    g: Graph, config: ModelConfig, params: Any, fused: Tensor, slots: Tensor | int
) -> Tensor:
    """The quads `[b, n, 4, 2]`, which with their scores become outputs."""
    quads, scores, valid = decode_centres(g, *network.detector(g, config, params, fused), slots)
    g.output("quads", quads, np.float32, ("b", "n", 4, 2))
    g.output("scores", scores, np.float32, ("b", "n"))
    g.output("valid", valid, np.bool_, ("b", "n"))
    return quads


def _read(
    g: Graph,
    config: ModelConfig,
    params: Any,
    pyramids: tuple[Tensor, Tensor],
    size: Tensor,
    quads: Tensor,
    columns: Tensor,
) -> Tensor:
    """log P `[b, n, t, v]` of the quads."""
    strips, inside = sample_strips(g, config, pyramids, size, quads, columns)
    flat = network.recognizer(g, config, params, strips, inside)
    time_and_classes = g.Shape(flat, start=1, end=3)
    return g.Reshape(flat, g.Concat(g.Shape(quads, start=0, end=2), time_and_classes, axis=0))
