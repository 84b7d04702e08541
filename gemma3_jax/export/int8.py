"""The ONNX files with bytes inside: from the weights and from the ranges that activations were measured to have."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemma3_jax.config import ModelConfig
from gemma3_jax.export.checked import leave_checked
from gemma3_jax.export.files import FILES, build
from gemma3_jax.quantize.qdq import quantize
from gemma3_jax.quantize.ranges import RANGES, Range, Ranges
from gemma3_jax.quantize.slim import slim

if TYPE_CHECKING:
    import onnx


def build_int8(
    config: ModelConfig,
    variables: Any,
    ranges: Mapping[str, Range],
    checksum: str = "",
    floats: tuple[str, ...] = (),
    means: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, onnx.ModelProto]:
    """All of `FILES` in QDQ form. Between detector and reader the features go as bytes too: one code, two files.

    Layers whose name begins with one of `floats` stay in float; `means` of channels correct biases.

    Raises:
        ValueError: naming a tensor without a range.
    """
    models, features = {}, {}
    for name in sorted(FILES):  # the detector says what the reader's bytes stand for
        model = build(name, config, variables, checksum, packed=True)
        given = features if name == "reader" else None
        made, codes = quantize(model, ranges, floats, given, means)
        if name == "detector":
            features = codes
        models[name] = slim(made)
    return models


def write_int8(
    folder: Path,
    config: ModelConfig,
    variables: Any,
    ranges: Ranges,
    check: Callable[[Path], None] = lambda folder: None,
) -> list[Path]:
    """Write all files into `folder`, which sees none of them before `check(temporary folder)` has passed."""
    import onnx

    def write(unchecked: Path) -> None:
        models = build_int8(config, variables, ranges.tensors, ranges.sha256, means=ranges.means)
        for name, model in models.items():
            onnx.save(model, unchecked / f"{name}.onnx")

    return leave_checked(folder, write, check)


def ranges_of(folder: Path | None, config: ModelConfig, variables: Any, checksum: str) -> Ranges:
    """The ranges in a model's folder, or, with a warning that says why, others measured on the bundled pictures."""
    path = folder / RANGES if folder else None
    if path and path.is_file():
        ranges = Ranges.load(path)
        if ranges.sha256 == checksum:
            return ranges
        why = (
            f"{path} belongs to other weights (SHA-256 {ranges.sha256}, the model's is {checksum})"
        )
    else:
        why = f"{path or config.name} has no ranges"
    from gemma3_jax.quantize.observe import measure
    from gemma3_jax.quantize.pictures import bundled

    warnings.warn(
        f"{why}: they are measured now, on the pictures in the package alone. `gemma3-ocr quantize --calibration FOLDER` "
        "measures them on yours, once and for all",
        stacklevel=2,
    )
    return measure(config, variables, checksum, bundled())
