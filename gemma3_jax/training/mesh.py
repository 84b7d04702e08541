"""Where arrays live: batch over the `data` axis of a mesh, parameters on every device. Stated here and nowhere else."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def data_mesh(devices: list[Any] | None = None) -> Mesh:
    """A one-axis mesh over all devices."""
    return Mesh(np.array(devices or jax.devices()), ("data",))


def replicated(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, PartitionSpec())


def batched(mesh: Mesh) -> NamedSharding:
    """First axis split over `data`."""
    return NamedSharding(mesh, PartitionSpec("data"))


def check_divisible(mesh: Mesh, **counts: int) -> None:
    """Raise ValueError when a per-step count cannot be split evenly over the devices."""
    devices = mesh.size
    for name, count in counts.items():
        if count % devices:
            raise ValueError(
                f"data.{name}={count} must be divisible by {devices=}: change one of them"
            )
