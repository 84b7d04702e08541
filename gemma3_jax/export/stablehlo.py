"""The network as StableHLO: one file for cpu, cuda and tpu, every size free, the weights inside (`jax.export`).

`spotter.stablehlo` takes uint8 pictures `[b, h, w, 3]` (h and w multiples of 32) and two arrays of which only the lengths
count, for JAX knows numbers that decide a shape only as lengths: as many words as `slots` has entries are looked for, and each
is read in a strip of as many columns as `columns` has, an even number. `recognizer.stablehlo` takes crops. Either is loaded by
`jax.export.deserialize`, which needs nothing of this package (examples/stablehlo_read.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from gemma3_jax.config import CANVAS_HEIGHT, CANVAS_WIDTH, ModelConfig
from gemma3_jax.export.checked import leave_checked, write_metadata
from gemma3_jax.export.verify import settle
from gemma3_jax.export.verify_graph import Shape, compare_recognizer, compare_spotter
from gemma3_jax.model import spotter
from gemma3_jax.types import Array, Spotted

PLATFORMS = ("cpu", "cuda", "tpu")
SHEET = Shape(640, 1280, 128, 64)  # what the files are verified with


def write_stablehlo(
    folder: Path, config: ModelConfig, variables: Any, checksum: str, shape: Shape = SHEET
) -> list[Path]:
    """`spotter.stablehlo`, `recognizer.stablehlo` and `metadata.json` in `folder`, verified on the sample sheet.

    Raises:
        ExportError: when a file computes something else than the model; none is left then.
    """

    def write(unchecked: Path) -> None:
        for name, made in exported(config, variables).items():
            (unchecked / f"{name}.stablehlo").write_bytes(made.serialize())
        write_metadata(unchecked, config, checksum)

    check = partial(verify_stablehlo, config=config, variables=variables, shape=shape)
    return leave_checked(folder, write, check)


def exported(config: ModelConfig, variables: Any) -> dict[str, export.Exported]:
    """Both programs, traced with free sizes and not compiled.

    Depthwise convolutions are sums of shifted maps on every platform: what `auto` would ask, how high a map is, has no answer.
    """
    config = dataclasses.replace(config, depthwise="shift")

    def spot(images: Array, slots: Array, columns: Array) -> tuple[Array, ...]:
        sizes = {"slots": slots.shape[0], "columns": columns.shape[0]}
        return tuple(spotter.spot(variables, images, config=config, **sizes))

    read = partial(spotter.read_strips, config, variables)
    # 8 h x 8 w cells of the detector must hold at least as many peaks as are asked for
    sizes = export.symbolic_shape("b, 32*h, 32*w, n, 2*c", constraints=["64*h*w >= n"])
    b, h, w, n, c = sizes
    strips = export.symbolic_shape(f"b, {CANVAS_HEIGHT}, 32*w, 3")
    inputs = {
        "spotter": (spot, ((b, h, w, 3), jnp.uint8), ((n,), jnp.bool_), ((c,), jnp.bool_)),
        "recognizer": (read, (strips, jnp.uint8), (strips[:1], jnp.float32)),
    }
    return {
        name: export.export(jax.jit(program), platforms=PLATFORMS)(
            *(jax.ShapeDtypeStruct(*one) for one in shapes)
        )
        for name, (program, *shapes) in inputs.items()
    }


def verify_stablehlo(
    folder: Path,
    config: ModelConfig,
    variables: Any,
    shape: Shape = SHEET,
    say: Callable[[str], None] = print,
) -> None:
    """Read the files back and compare what they compute here with the model.

    Raises:
        ExportError: naming what differs.
    """
    spot, read = (
        jax.jit(export.deserialize(bytearray((folder / f"{name}.stablehlo").read_bytes())).call)
        for name in ("spotter", "recognizer")
    )
    slots, columns = (np.zeros(length, bool) for length in shape[2:])
    differences = [
        *compare_spotter(
            lambda images: Spotted(*spot(images, slots, columns)), config, variables, shape
        ),
        *compare_recognizer(
            lambda strips, widths: np.asarray(read(strips, widths)), config, variables, CANVAS_WIDTH
        ),
    ]
    settle(config.name, differences, say)
