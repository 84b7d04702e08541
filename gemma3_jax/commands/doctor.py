"""`gemma3-ocr doctor`: the first thing to look at when something is slow, missing or of the wrong version."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from pathlib import Path
from typing import NamedTuple

from gemma3_jax import __version__
from gemma3_jax.cli import FAILED
from gemma3_jax.commands.cache import cache_folder
from gemma3_jax.commands.read import EXAMPLES
from gemma3_jax.hardware import available_cores
from gemma3_jax.ocr import GemmaOCR

PACKAGES = ("jax", "jaxlib", "flax", "numpy", "pillow", "onnx", "onnxruntime")


class Extra(NamedTuple):
    """Packages that are not installed unless asked for, and what they are for."""

    purpose: str
    packages: tuple[str, ...]


# As in pyproject.toml, without what only matters to who works on this package.
EXTRAS = {
    "pdf": Extra("read and write PDF", ("pypdf", "pypdfium2")),
    "heic": Extra("read HEIC", ("pillow-heif",)),
    "train": Extra(
        "train and fine-tune",
        (
            "grain",
            "importlib_resources",
            "lmdb",
            "optax",
            "orbax-checkpoint",
            "scipy",
            "tensorboardX",
            "tensorflow-datasets",
        ),
    ),
    "gcs": Extra("keep runs at gs://", ("gcsfs",)),
    "serve": Extra("answer over HTTP", ("anyio", "python-multipart", "starlette", "uvicorn")),
    "cluster": Extra("read on many machines", ("ray",)),
    "export": Extra("compare our ONNX files with jax2onnx's", ("jax2onnx",)),
    "tflite": Extra("export to TFLite", ("ai-edge-litert", "tensorflow-cpu")),
    "mnn": Extra("export to MNN", ("MNN",)),
}


def doctor() -> int:
    """Print versions, extras, devices, models and speed; status 1 when no device is found or a model cannot read."""
    print(f"gemma3_jax {__version__}, Python {platform.python_version()} on {platform.platform()}")
    for name in PACKAGES:
        print(f"  {name} {_version(name) or 'not installed'}")
    print("extras:")
    for name, extra in EXTRAS.items():
        print(f"  {_extra(name, extra)}")
    devices = _devices()
    print(f"devices: {devices} ({available_cores()} processor cores)")
    print(f"backends: {_backends()}")
    models = _models()
    print("models:" + ("" if models else " none in the package"))
    for line in models:
        print(f"  {line}")
    print(f"fonts for drawing: {_fonts()} files; cache folder: {cache_folder()}")
    return 0 if _self_test() and models and devices else FAILED


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _extra(name: str, extra: Extra) -> str:
    """One line: the versions, or what to install."""
    versions = {package: _version(package) for package in extra.packages}
    missing = [package for package, version in versions.items() if not version]
    if missing:
        how = f'pip install "gemma3_jax[{name}]"'
        return f"[{name}] to {extra.purpose}: {how} (not here: {', '.join(missing)})"
    found = ", ".join(f"{package} {version}" for package, version in versions.items())
    return f"[{name}] to {extra.purpose}: {found}"


def _devices() -> str:
    import jax

    found = jax.devices()
    kinds = dict.fromkeys(
        device.platform
        if device.device_kind == device.platform
        else f"{device.platform} {device.device_kind}"
        for device in found
    )
    return f"{len(found)} x {', '.join(kinds)}"


def _backends() -> str:
    """What the network can run on here."""
    import jax

    backends = [f"jax ({jax.default_backend()})"]
    if _version("onnxruntime"):
        import onnxruntime

        backends.append(f"onnx ({', '.join(onnxruntime.get_available_providers())})")
    return ", ".join(backends)


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
    from gemma3_jax.data.atlas_cache import FONT_FOLDERS

    suffixes = (".ttf", ".otf", ".ttc")
    folders = (Path(folder).expanduser() for folder in FONT_FOLDERS)
    return sum(path.suffix.lower() in suffixes for f in folders for path in f.rglob("*"))


def _self_test() -> bool:
    """Read an example of the package with its model and say how fast; returns whether its words came out."""
    try:
        ocr = GemmaOCR.from_pretrained()
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(f"self-test: {error}")
        return False
    picture = EXAMPLES / "sign.jpg"
    begun = time.perf_counter()
    page = ocr.read(picture)  # compiles, fills caches: not counted
    waited = time.perf_counter() - begun
    backend = type(ocr.engine).__name__
    if not page.words:
        print(f"self-test: {backend} finds no word in {picture}")
        return False
    speed = pages_per_second(ocr, picture)
    size = f"{page.width}x{page.height} px, {len(page.words)} words"
    print(
        f"self-test: {speed:.1f} pages/s ({picture.name}, {size}; {backend}; first {waited:.1f} s)"
    )
    return True


def pages_per_second(ocr: GemmaOCR, picture: Path, seconds: float = 1.0) -> float:
    """How often a picture is read in a second, one after the other: at least once, then until `seconds` have gone by."""
    begun, count, spent = time.perf_counter(), 0, 0.0
    while spent < seconds:
        ocr.read(picture)
        count, spent = count + 1, time.perf_counter() - begun
    return count / spent
