"""Where compiled programs are kept between runs of the command, so that only the first one waits for the compiler."""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER, WORTH_KEEPING = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"


def cache_folder() -> Path:
    """$GEMMA3_CACHE, or gemma3_jax in $XDG_CACHE_HOME or ~/.cache."""
    if chosen := os.environ.get("GEMMA3_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gemma3_jax"


def remember_compilations() -> None:
    """Turn on JAX's persistent compilation cache, unless it is set up already or the folder cannot be written to.

    JAX reads its settings from the environment when it is imported, so it is not imported for them: a command that runs on
    ONNX Runtime never does.
    """
    if _chosen():
        return
    folder = cache_folder() / "xla"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a read-only home costs time, nothing else
        return
    if not os.access(folder, os.W_OK):
        return
    for name, value in ((FOLDER, str(folder)), (WORTH_KEEPING, 0.2)):
        if "jax" in sys.modules:
            sys.modules["jax"].config.update(name, value)
        else:
            os.environ[name.upper()] = str(value)


def _chosen() -> str | None:
    """The folder that is set up already."""
    if "jax" in sys.modules:
        return sys.modules["jax"].config.values[FOLDER]
    return os.environ.get(FOLDER.upper())
