"""`gemma3-ocr export`: a model's weights as files for other runtimes, checked before they are left behind."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gemma3_jax.cli import FAILED, UsageError, complain

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import Export
    from gemma3_jax.config import ModelConfig


class Job(NamedTuple):
    """A released model, and what is to become of it."""

    config: ModelConfig
    variables: Any
    checksum: str  # SHA-256 of the weights' file
    folder: Path  # for the files of this format
    size: tuple[int, int]  # height and width, px, where a format fixes them
    home: Path  # the model's folder


class Format(NamedTuple):
    """One way out: `write` leaves verified files in the job's folder, prints how they differ, and returns their paths.

    It raises `export.verify.ExportError` when a file computes something else than the model; none is left then.
    """

    packages: tuple[str, ...]  # what it imports beside our own dependencies
    extra: (
        str  # the extra of pyproject.toml that brings them, "" where they are dependencies of ours
    )
    write: Callable[[Job], list[Path]]


def _onnx(job: Job) -> list[Path]:
    from gemma3_jax.export.files import write_files
    from gemma3_jax.export.verify import verify_onnx

    check = partial(verify_onnx, config=job.config, variables=job.variables)
    return write_files(job.folder, job.config, job.variables, job.checksum, check)


def _onnx_int8(job: Job) -> list[Path]:
    from gemma3_jax.export.int8 import ranges_of, write_int8
    from gemma3_jax.export.verify_int8 import verify_int8

    ranges = ranges_of(job.home, job.config, job.variables, job.checksum)
    check = partial(verify_int8, config=job.config, variables=job.variables)
    return write_int8(job.folder, job.config, job.variables, ranges, check)


def _stablehlo(job: Job) -> list[Path]:
    from gemma3_jax.export.stablehlo import write_stablehlo

    return write_stablehlo(job.folder, job.config, job.variables, job.checksum)


def _tflite(job: Job) -> list[Path]:
    from gemma3_jax.export.tflite import write_tflite

    return write_tflite(job.folder, job.config, job.variables, job.checksum, job.size)


def _mnn(job: Job) -> list[Path]:
    from gemma3_jax.export.mnn import write_mnn

    return write_mnn(job.folder, job.config, job.variables, job.checksum)


def _triton(job: Job) -> list[Path]:
    from gemma3_jax.export.triton import write_triton

    return write_triton(job.folder, job.config, job.variables, job.checksum, job.size)


FORMATS = {
    "onnx": Format(("onnx", "onnxruntime"), "", _onnx),
    "onnx-int8": Format(("onnx", "onnxruntime"), "", _onnx_int8),
    "stablehlo": Format(("jax",), "", _stablehlo),
    "tflite": Format(("tensorflow", "ai_edge_litert"), "tflite", _tflite),
    "mnn": Format(("onnx", "MNN"), "mnn", _mnn),
    "triton": Format(("onnx", "onnxruntime"), "", _triton),
}
ALL = "all"


def export(command: Export) -> int:
    """Write and verify the files of a format, or of all of them; returns the exit status.

    `all` leaves out the formats whose packages are not installed or whose files fail, says so, and ends with status 1.
    """
    if command.format != ALL:
        _export(command, command.format)
        return 0
    from gemma3_jax.export.verify import ExportError

    status = 0
    for name in FORMATS:
        try:
            _export(command, name)
        except (ExportError, ModuleNotFoundError) as error:
            complain(str(error))
            status = FAILED
    return status


def _export(command: Export, name: str) -> None:
    """Write, verify and list the files of one format.

    Raises:
        UsageError: when there is no such format. ModuleNotFoundError: saying what to install for it. ExportError.
    """
    if name not in FORMATS:
        known = ", ".join((*FORMATS, ALL))
        raise UsageError(f"export: unknown format {name!r}, there is {known}")
    packages, extra, write = FORMATS[name]
    if absent := [package for package in packages if importlib.util.find_spec(package) is None]:
        source = f"gemma3_jax[{extra}]" if extra else "gemma3_jax"
        raise ModuleNotFoundError(
            f'--format {name} needs {", ".join(absent)}: pip install "{source}"'
        )
    print(f"{name}:")
    for path in write(_job(command, name)):
        print(f"  {path}  {path.stat().st_size / 2**20:.2f} MiB")


def _job(command: Export, name: str) -> Job:
    from gemma3_jax.pretrained import load_pretrained, model_checksum, model_folder

    config, variables = load_pretrained(command.model)
    folder = command.output or Path(f"{config.name}-{command.format}")
    if command.format == ALL:
        folder = folder / name
    home = model_folder(command.model)
    size = parse_size(command.size)
    return Job(config, variables, model_checksum(home), folder, size, home)


def parse_size(text: str) -> tuple[int, int]:
    """Height and width of "WIDTHxHEIGHT".

    Raises:
        UsageError: when the text is something else or a side is no multiple of 32.
    """
    sides = re.fullmatch(r"(\d+)x(\d+)", text)
    width, height = map(int, sides.groups()) if sides else (0, 0)
    if not width or not height or width % 32 or height % 32:
        raise UsageError(
            f"export: --size {text} is not WIDTHxHEIGHT, both multiples of 32 px, as in 640x640"
        )
    return height, width
