"""`gemma3-ocr export`: a model's weights as files for other runtimes, checked before they are left behind."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gemma3_jax.cli import UsageError

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import Export

NEEDS = {"onnx": ("onnx", "onnxruntime")}  # format -> packages


def export(command: Export) -> int:
    """Write and verify the files of one format; returns the exit status."""
    if command.format not in NEEDS:
        raise UsageError(f"export: unknown format {command.format!r}, there is {', '.join(NEEDS)}")
    missing = [name for name in NEEDS[command.format] if importlib.util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f'--format {command.format} needs {", ".join(missing)}: pip install "gemma3_jax[export]"'
        )
    for path in export_onnx(command.model, command.output):
        print(f"{path}  {path.stat().st_size / 2**20:.2f} MiB")
    return 0


def export_onnx(model: str, output: Path | None) -> list[Path]:
    """The ONNX files of a model in `output` (by default NAME-onnx), their differences from the JAX model printed.

    Raises:
        ExportError: when a file computes something else; none is left then.
    """
    from gemma3_jax.engine_onnx import model_checksum
    from gemma3_jax.export.files import write_files
    from gemma3_jax.export.verify import verify_onnx
    from gemma3_jax.pretrained import load_pretrained, model_folder

    config, variables = load_pretrained(model)
    folder = output or Path(f"{config.name}-onnx")
    check = partial(verify_onnx, config=config, variables=variables)
    return write_files(folder, config, variables, model_checksum(model_folder(model)), check)
