"""One training state as a few small files, to carry between machines that share no disk.

A pack is a folder: `state.safetensors.000`, `.001`, ... of at most `PART_BYTES` each, which one after the other (`cat
state.safetensors.*`) are one safetensors file, and `manifest.json` with the config, the step and a SHA-256 of each part.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath

from gemma3_jax.config import Config, build
from gemma3_jax.training.checkpoints import Checkpoints, compare_shapes, location, shapes_by_path
from gemma3_jax.training.state import TrainState, abstract_state

PART_BYTES = 15 * 2**20
MANIFEST, PART = "manifest.json", "state.safetensors.{:03d}"
FORMAT = 1  # of the manifest
DTYPES = {"F32": np.float32, "BF16": jnp.bfloat16, "I32": np.int32}  # safetensors' names
Moments = Literal["float32", "bfloat16"]


class Packed(NamedTuple):
    """What a pack holds."""

    step: int
    files: int
    bytes: int


def pack(
    workdir: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    best: bool = False,
    moments: Moments = "float32",
    part_bytes: int = PART_BYTES,
) -> Packed:
    """Write the newest state of `workdir` (or the best) to the folder `output`.

    Parameters and their average stay float32; `moments` of the optimizer may be rounded to bfloat16, which saves a quarter and
    no longer resumes bit for bit.

    Raises:
        FileNotFoundError: when there is no run, no state, or no validated one to be the best.
        ValueError: when `output` already holds a pack.
    """
    workdir, output = location(workdir), location(output)
    if (output / MANIFEST).exists():
        raise ValueError(f"{output} already holds a pack: choose another --output")
    config, state = load_state(workdir, best=best)
    data = _serialise(state, moments)
    parts = [data[at : at + part_bytes] for at in range(0, len(data), part_bytes)]
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, part in enumerate(parts):
        name = PART.format(index)
        (output / name).write_bytes(part)
        rows.append({"name": name, "bytes": len(part), "sha256": hashlib.sha256(part).hexdigest()})
    step = int(state.step)
    manifest = {
        "format": FORMAT,
        "step": step,
        "moments": moments,
        "parts": rows,
        "config": json.loads(config.to_json()),
    }
    (output / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")  # last: it makes a pack
    return Packed(step, len(parts), len(data))


def unpack(folder: str | os.PathLike[str], workdir: str | os.PathLike[str]) -> Packed:
    """Make a run of a pack: `train.py` with this `workdir` goes on from its step.

    Raises:
        FileNotFoundError: when `folder` holds no manifest.
        ValueError: naming every part that is missing or damaged; for a manifest of another format; when `workdir` already
            holds states.
    """
    folder, workdir = location(folder), location(workdir)
    manifest = _manifest(folder)
    data = _join(folder, manifest["parts"])
    config = build(Config, manifest["config"])
    state = _deserialise(data, abstract_state(config), folder)
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        if checkpoints.steps():
            raise ValueError(
                f"{workdir} already holds steps {checkpoints.steps()}: choose another --workdir"
            )
        checkpoints.save(state)
    (workdir / "config.json").write_text(config.to_json())
    return Packed(manifest["step"], len(manifest["parts"]), len(data))


def load_state(workdir: str | os.PathLike[str], *, best: bool = False) -> tuple[Config, TrainState]:
    """Config and newest (or best) state of a run, whole, on the first device.

    Raises:
        FileNotFoundError: when there is no run, no state, or no validated one to be the best.
    """
    workdir = location(workdir)
    if not (workdir / "config.json").exists():
        raise FileNotFoundError(f"{workdir} is no run: it holds no config.json")
    config = Config.from_json((workdir / "config.json").read_text())
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        found = checkpoints.best() if best else None
        if best and found is None:
            raise FileNotFoundError(f"{workdir}: no state was validated yet, so none is the best")
        state = checkpoints.restore(abstract_state(config), found[0] if found else None)
    if state is None:
        raise FileNotFoundError(f"{workdir}/checkpoints holds no state yet")
    return config, state


def _serialise(state: TrainState, moments: Moments) -> bytes:
    from safetensors.numpy import save

    def stored(path: str, leaf: Any) -> np.ndarray:
        rounds = moments == "bfloat16" and path.startswith("opt_state/") and leaf.ndim > 0
        return np.asarray(leaf.astype(jnp.bfloat16) if rounds else leaf)

    return save({path: stored(path, leaf) for path, leaf in _by_path(state).items()})


def _deserialise(data: bytes, like: TrainState, where: object) -> TrainState:
    from safetensors import deserialize  # safetensors.numpy.load knows no bfloat16

    arrays = {
        path: np.frombuffer(entry["data"], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for path, entry in deserialize(data)
    }
    compare_shapes(shapes_by_path(like._asdict()), shapes_by_path(arrays), where)
    leaves = [jnp.asarray(arrays[path], leaf.dtype) for path, leaf in _by_path(like).items()]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _by_path(state: TrainState) -> dict[str, Any]:
    rows = jax.tree_util.tree_leaves_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in rows}


def _manifest(folder: epath.Path) -> dict[str, Any]:
    if not (folder / MANIFEST).exists():
        raise FileNotFoundError(f"{folder} is no pack: it holds no {MANIFEST}")
    manifest = json.loads((folder / MANIFEST).read_text())
    if manifest.get("format") != FORMAT:
        raise ValueError(f"{folder}: format {manifest.get('format')}, this program reads {FORMAT}")
    return manifest


def _join(folder: epath.Path, parts: list[dict[str, Any]]) -> bytes:
    """All parts in one; every bad one is named at once, so that they can be fetched again together."""
    pieces, missing, damaged = [], [], []
    for part in parts:
        path = folder / part["name"]
        if not path.exists():
            missing.append(part["name"])
            continue
        piece = path.read_bytes()
        if hashlib.sha256(piece).hexdigest() != part["sha256"]:
            damaged.append(part["name"])
        pieces.append(piece)
    faults = [
        f"{what}: {', '.join(names)}"
        for what, names in (("missing", missing), ("damaged", damaged))
        if names
    ]
    if faults:
        raise ValueError(f"{folder}: {'; '.join(faults)}; copy them again")
    return b"".join(pieces)
