"""The network as MNN files, made from our ONNX ones, every size free as there; weights in float32, float16 or int8.

MNN's own command `mnnconvert` is never run, nor anything of `MNN.tools` imported: that installs a package with pip and reports
each conversion to its makers' servers. The converter itself, the extension module `_tools` of the same wheel, does neither; it
runs in a process of its own because it ends the process when it fails.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.config import CANVAS_WIDTH, ModelConfig
from gemma3_jax.export.checked import leave_checked, write_metadata
from gemma3_jax.export.files import build
from gemma3_jax.export.verify import ExportError, settle
from gemma3_jax.export.verify_graph import (
    BYTES,
    HALF,
    Limits,
    Shape,
    compare_detector,
    compare_recognizer,
    compare_spotter,
)
from gemma3_jax.types import Spotted

SHEET = Shape(640, 1280, 128, 64)  # what the files are verified with
WEIGHTS: Mapping[str, tuple[tuple[str, ...], Limits]] = {
    "": ((), Limits()),
    "-float16": (("--fp16",), HALF),
    "-int8": (("--weightQuantBits", "8"), BYTES),
}
BOXES = ("quads", "scores", "valid")
FILES = {  # inputs, outputs
    "spotter": (("images", "slots", "columns"), Spotted._fields),
    "detector": (("images", "slots"), BOXES),
    "recognizer": (("strips", "widths"), ("log_probs",)),
}
CONVERT = "import sys, _tools; _tools.mnnconvert(sys.argv)"


def write_mnn(
    folder: Path, config: ModelConfig, variables: Any, checksum: str, shape: Shape = SHEET
) -> list[Path]:
    """The FILES with each of the WEIGHTS and `metadata.json` in `folder`, verified on the sample sheet.

    Raises:
        ExportError: when a file cannot be made or computes something else than the model; none is left then.
    """

    def write(unchecked: Path) -> None:
        import onnx

        for name in FILES:
            with tempfile.TemporaryDirectory() as origin:
                source = Path(origin) / f"{name}.onnx"
                onnx.save(build(name, config, variables, checksum), source)
                for weights, (options, _) in WEIGHTS.items():
                    convert(source, unchecked / f"{name}{weights}.mnn", options)
        write_metadata(unchecked, config, checksum)

    check = partial(verify_mnn, config=config, variables=variables, shape=shape)
    return leave_checked(folder, write, check)


def convert(source: Path, target: Path, options: Sequence[str] = ()) -> None:
    """ONNX to MNN.

    Raises:
        ExportError: with the last line the converter said.
    """
    names = ["-f", "ONNX", "--modelFile", source, "--MNNModel", target, "--bizCode", "gemma3_jax"]
    command = [sys.executable, "-c", CONVERT, *map(str, names), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not target.is_file():
        said = (done.stdout + done.stderr).strip().splitlines() or [f"status {done.returncode}"]
        raise ExportError(f"MNN cannot convert {source.name}: {said[-1]}")


def verify_mnn(
    folder: Path,
    config: ModelConfig,
    variables: Any,
    shape: Shape = SHEET,
    say: Callable[[str], None] = print,
) -> None:
    """Run every file in MNN and compare it with the model.

    Raises:
        ExportError: naming what differs.
    """
    of_model, differences = (config, variables), []
    slots, columns = (np.array([length], np.int32) for length in shape[2:])
    for weights, (_, limits) in WEIGHTS.items():
        spot, detect, read = (runner(folder, name, weights) for name in FILES)
        found = {
            "spotter": compare_spotter(
                lambda x, run=spot: Spotted(**run(x, slots, columns)), *of_model, shape, limits
            ),
            "detector": compare_detector(
                lambda x, run=detect: run(x, slots), *of_model, shape, limits
            ),
            "recognizer": compare_recognizer(
                lambda *x, run=read: run(*x)["log_probs"], *of_model, CANVAS_WIDTH, limits
            ),
        }
        differences += [one.of(f"{k}{weights}.mnn") for k, some in found.items() for one in some]
    settle(config.name, differences, say)


def runner(folder: Path, name: str, weights: str = "") -> Callable[..., dict[str, np.ndarray]]:
    """One of FILES in MNN as a function of its inputs, arrays of uint8, int32 or float32."""
    import MNN

    expr: Any = MNN.expr
    inputs, outputs = FILES[name]
    kinds = {"uint8": expr.uint8, "int32": expr.int, "float32": expr.float}
    module = MNN.nn.load_module_from_file(
        str(folder / f"{name}{weights}.mnn"), list(inputs), list(outputs)
    )

    def run(*arrays: np.ndarray) -> dict[str, np.ndarray]:
        # "NCHW" is MNN's word for axes as they come
        given = [expr.const(x, list(x.shape), expr.NCHW, kinds[x.dtype.name]) for x in arrays]
        return {k: v.read() for k, v in zip(outputs, module.onForward(given), strict=True)}

    return run
