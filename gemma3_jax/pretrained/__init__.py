"""Released models: a folder with `config.json`, `model.safetensors` and a model card. Nothing is fetched."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from gemma3_jax.config import ModelConfig, build
from gemma3_jax.pretrained.earlier import brought_up

HERE = Path(__file__).parent
CALIBRATION = ("word_temperature", "page_temperature", "presence")  # of `ReadOptions`


def model_folder(name: str | Path) -> Path:
    """Folder of a released model: a local directory, or the name of one inside the package.

    Raises:
        FileNotFoundError: naming what was looked for and the models there are.
    """
    for folder in (Path(name), HERE / str(name)):
        if (folder / "config.json").is_file():
            return folder
    known = sorted(p.parent.name for p in HERE.glob("*/config.json"))
    raise FileNotFoundError(
        f"no model {str(name)!r}: not a folder with config.json, and the package holds {known}"
    )


def load_config(name: str | Path) -> ModelConfig:
    """Sizes and charset of a released model."""
    return build(ModelConfig, json.loads((model_folder(name) / "config.json").read_text())["model"])


def model_checksum(name: str | Path) -> str:
    """SHA-256 of a released model's weights, as its config.json states it."""
    return json.loads((model_folder(name) / "config.json").read_text())["sha256"]


def load_calibration(name: str | Path) -> dict[str, Any]:
    """What calibrates the confidences of a released model (`evaluation.calibrate`); none where nobody has fitted them."""
    entry = json.loads((model_folder(name) / "config.json").read_text()).get("confidence", {})
    return {name: entry[name] for name in CALIBRATION if name in entry}


def load_variables(name: str | Path) -> dict[str, Any]:
    """`{"params", "batch_stats"}` as float32 numpy arrays; those of earlier versions with a warning (`pretrained.earlier`).

    Raises:
        ValueError: when the weights are not those that config.json was written for (SHA-256).
    """
    import numpy as np
    from safetensors.numpy import load_file

    folder = model_folder(name)
    weights = folder / "model.safetensors"
    expected = model_checksum(folder)
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != expected:
        raise ValueError(
            f"{weights}: SHA-256 is {found}, config.json says {expected}: the file is damaged or replaced"
        )
    tree: dict[str, Any] = {}
    for path, array in load_file(weights).items():
        *parents, leaf = path.split("/")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = np.asarray(array, np.float32)
    return brought_up(tree, str(name))


def load_pretrained(name: str | Path) -> tuple[ModelConfig, dict[str, Any]]:
    """Config and variables of a released model."""
    return load_config(name), load_variables(name)


def save_pretrained(
    folder: str | Path,
    config: ModelConfig,
    variables: dict[str, Any],
    *,
    half: bool = True,
    recipe: dict[str, Any] | None = None,
) -> None:
    """Write a released model; `half` stores float16 (checked to cost nothing, docs/training_log.md)."""
    import numpy as np
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    flat = dict(_flatten(variables))
    dtype = np.float16 if half else np.float32
    save_file(
        {k: np.ascontiguousarray(v, dtype) for k, v in flat.items()}, folder / "model.safetensors"
    )
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    card = {"model": dataclasses.asdict(config), "sha256": digest, **(recipe or {})}
    (folder / "config.json").write_text(json.dumps(card, indent=1) + "\n")


def _flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            rows += _flatten(value, f"{prefix}{name}/")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows
