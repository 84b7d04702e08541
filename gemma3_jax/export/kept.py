"""The ONNX files of a model: its own, or those that were built once into the cache."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from gemma3_jax.config import ModelConfig


def exported_folder(
    model: Path, config: ModelConfig, variables: Any, backend: str = "onnx"
) -> Path | None:
    """Where a model's ONNX files are: its own `onnx/` or `onnx-int8/`, or the cache, into which they are built (a second, once)
    where the package onnx is installed; None where there are none and none can be made."""
    from gemma3_jax.commands.cache import cache_folder
    from gemma3_jax.pretrained import model_checksum
    from gemma3_jax.quantize.ranges import RANGES

    own = model / backend
    if (own / "detector.onnx").is_file():
        return own
    checksum = model_checksum(model)
    ranges = model / RANGES if backend == "onnx-int8" else None
    made_from = f"{checksum[:16]}-{_sources(ranges)}"
    cached = cache_folder() / backend / f"{config.name}-{made_from}"
    if not all(
        (cached / f"{name}.onnx").is_file() for name in ("detector", "reader", "recognizer")
    ):
        if importlib.util.find_spec("onnx") is None:
            return None
        if backend == "onnx-int8":
            from gemma3_jax.export.int8 import ranges_of, write_int8

            write_int8(cached, config, variables, ranges_of(model, config, variables, checksum))
        else:
            from gemma3_jax.export.files import write_files

            write_files(cached, config, variables, checksum)
    return cached


def _sources(ranges: Path | None) -> str:
    """Digest of the code and, where there are some, the ranges that decide what is in the files: another program must not
    find this one's."""
    package, digest = Path(__file__).parents[1], hashlib.sha256()
    for sources in ("config.py", "export/*.py", "model/*.py", "decoding/*.py", "quantize/*.py"):
        for path in sorted(package.glob(sources)):
            digest.update(path.read_bytes())
    if ranges and ranges.is_file():
        digest.update(ranges.read_bytes())
    return digest.hexdigest()[:8]
