"""`gemma3-ocr doctor`: the first thing to look at when something is slow, missing or of the wrong version."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from gemma3_jax import __version__
from gemma3_jax.commands.cache import cache_folder

PACKAGES = ("jax", "jaxlib", "flax", "numpy", "pillow", "optax", "orbax-checkpoint", "onnxruntime")
EXTRAS = {"pypdfium2": "[pdf]", "grain": "[train]", "jax2onnx": "[export]", "starlette": "[serve]"}


def doctor() -> int:
    """Print versions, devices, models and fonts; status 1 when no model or no device can be used."""
    print(f"gemma3_jax {__version__}, Python {platform.python_version()} on {platform.platform()}")
    for name in PACKAGES:
        print(f"  {name} {_version(name) or 'not installed'}")
    for name, extra in EXTRAS.items():
        print(f"  {name} {_version(name) or f'not installed: pip install gemma3_jax{extra}'}")
    devices = _devices()
    print(f"devices: {devices} ({_cores()} processor cores)")
    models = _models()
    print("models:" + ("" if models else " none in the package"))
    for line in models:
        print(f"  {line}")
    print(f"fonts for drawing: {_fonts()} files; cache folder: {cache_folder()}")
    return 0 if models and devices else 1


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _devices() -> str:
    import jax

    found = jax.devices()
    kinds = dict.fromkeys(f"{device.platform} {device.device_kind}" for device in found)
    return f"{len(found)} x {', '.join(kinds)}"


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _models() -> list[str]:
    from gemma3_jax.pretrained import HERE, load_variables

    lines = []
    for config in sorted(HERE.glob("*/config.json")):
        name = config.parent.name
        try:
            load_variables(name)
        except (OSError, ValueError, KeyError) as error:
            print(f"  {name}: cannot be used: {error}")
            continue
        size = (config.parent / "model.safetensors").stat().st_size
        lines.append(f"{name}: {size / 2**20:.1f} MiB, weights complete")
    return lines


def _fonts() -> int:
    from gemma3_jax.data.glyphs import FONT_FOLDERS

    suffixes = (".ttf", ".otf", ".ttc")
    folders = (Path(folder).expanduser() for folder in FONT_FOLDERS)
    return sum(path.suffix.lower() in suffixes for f in folders for path in f.rglob("*"))
