"""What accelerators can do at most, as their makers publish it: the yardstick of the other benchmarks.

TPU: https://docs.cloud.google.com/tpu/docs/v4, /v5e, /v5p, /v6e (read 2026-11). GPU: the makers' data sheets, dense bfloat16.
"""

from __future__ import annotations

from typing import NamedTuple


class Chip(NamedTuple):
    """Limits of one JAX device."""

    name: str
    flops: float  # a second, bfloat16 with float32 sums
    bandwidth: float  # bytes a second, of its main memory
    memory: float  # bytes


CHIPS = {  # by `device_kind`
    "TPU v4": Chip("v4", 275e12, 1200e9, 32e9),
    "TPU v5 lite": Chip("v5e", 197e12, 819e9, 16e9),
    "TPU v5": Chip("v5p", 459e12, 2765e9, 95e9),
    "TPU v6 lite": Chip("v6e", 918e12, 1638e9, 32e9),
    "NVIDIA A100-SXM4-40GB": Chip("A100", 312e12, 1555e9, 40e9),
    "NVIDIA A100-SXM4-80GB": Chip("A100", 312e12, 2039e9, 80e9),
    "NVIDIA H100 80GB HBM3": Chip("H100", 989e12, 3350e9, 80e9),
    "NVIDIA H200": Chip("H200", 989e12, 4800e9, 141e9),
    "NVIDIA L4": Chip("L4", 121e12, 300e9, 24e9),
}
