"""Tests run on the CPU as two devices; a program that two tests share is compiled once."""

from __future__ import annotations

import os
import tempfile

os.environ["JAX_PLATFORMS"] = "cpu"

import jax

if "GEMMA3_TESTS_CACHE" not in os.environ:  # of the first process; those it starts share it
    _cache = tempfile.TemporaryDirectory(prefix="gemma3-tests-")
    os.environ["GEMMA3_TESTS_CACHE"] = _cache.name
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_compilation_cache_dir", os.environ["GEMMA3_TESTS_CACHE"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
