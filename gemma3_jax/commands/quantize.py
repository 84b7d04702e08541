"""`gemma3-ocr quantize`: the ranges that INT8 needs, measured while pictures are read. Only the ranges are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from gemma3_jax.cli import UsageError

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import Quantize


def quantize(command: Quantize) -> int:
    """Measure and write; returns the exit status."""
    from gemma3_jax.pretrained import load_pretrained, model_checksum, model_folder
    from gemma3_jax.quantize.observe import measure
    from gemma3_jax.quantize.ranges import METHODS, RANGES

    if command.method not in METHODS:
        known = ", ".join(METHODS)
        raise UsageError(f"quantize: unknown --method {command.method!r}, there is {known}")
    if command.pictures < 1 or command.drawn < 0:
        raise UsageError("quantize: --pictures must be at least 1 and --drawn at least 0")
    home = model_folder(command.model)
    config, variables = load_pretrained(command.model)
    pictures = calibration(command)
    ranges = measure(config, variables, model_checksum(home), pictures, command.method)
    path = command.output or home / RANGES
    ranges.save(path)
    size = path.stat().st_size / 1024
    print(f"{path}: {len(ranges.tensors)} ranges over {ranges.pictures} pictures, {size:.1f} KiB")
    return 0


def calibration(command: Quantize) -> Iterator[np.ndarray]:
    """The pictures that a command names, RGB uint8 `[h, w, 3]`, one after the other."""
    from gemma3_jax.quantize import pictures

    paths = pictures.in_folders(command.calibration, command.pictures)
    if command.data is not None:
        paths += pictures.of_public_sets(command.data, command.pictures)
    yield from pictures.bundled()
    yield from pictures.loaded(paths)
    if command.drawn:
        yield from pictures.drawn(command.drawn)
