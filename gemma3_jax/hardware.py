"""What this machine has, without importing JAX."""

from __future__ import annotations

import importlib.util
import os


def available_cores() -> int:
    """Processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def accelerated() -> bool:
    """Whether JAX has a TPU or GPU; without any plugin for one installed, that is known without importing JAX."""
    if os.environ.get("JAX_PLATFORMS", "").lower() == "cpu":
        return False
    plugins = (
        "libtpu",
        "jax_plugins",
        "jax_cuda12_plugin",
        "jax_cuda13_plugin",
        "jax_rocm7_plugin",
    )
    if not any(importlib.util.find_spec(name) for name in plugins):
        return False
    import jax

    return jax.default_backend() != "cpu"
