"""Where compiled programs are kept between runs of the command, so that only the first one waits for the compiler."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$GEMMA3_CACHE, or gemma3_jax in $XDG_CACHE_HOME or ~/.cache."""
    if chosen := os.environ.get("GEMMA3_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gemma3_jax"


def remember_compilations() -> None:
    """Turn on JAX's persistent compilation cache, unless it is set up already or the folder cannot be written to."""
    import jax

    if jax.config.values["jax_compilation_cache_dir"]:
        return
    folder = cache_folder() / "xla"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a read-only home costs time, nothing else
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
