"""Where arrays live. Stated here and nowhere else.

A mesh has an axis `data` and, when asked for, an axis `fsdp` (Rajbhandari et al. 2020, ZeRO stage 3: fully sharded data
parallelism). A program over a mesh computes what it computes on one device:

- Samples are split over all devices, both axes together, first axis first.
- Without `fsdp` the state is on every device. With it each array of `LEAST_SPLIT` elements or more is split over `fsdp` along
  its largest axis that divides evenly, the last of equal ones; others are on every device. The rule looks at shapes only, so
  that parameters, their average and their moments lie alike. A step gathers the parameters before its forward pass.
- Everything else (glyphs, word packs, metrics) is on every device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gemma3_jax.config import Config

AXES = ("data", "fsdp")
LEAST_SPLIT = 2**14  # elements, 64 KiB: a smaller array is cheaper to keep than to gather
COUNTS = ("strips", "real_strips", "scenes", "real_scenes")  # of DataConfig: samples of a step


def parse_mesh(text: str) -> dict[str, int]:
    """Sizes by axis of "data=4,fsdp=2".

    Raises:
        ValueError: naming the part that cannot be understood.
    """
    sizes: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        if name not in AXES or name in sizes or not number.isdigit() or int(number) < 1:
            raise ValueError(
                f"--mesh {text}: {part!r} is not one of data=N, fsdp=N, each at most once"
            )
        sizes[name] = int(number)
    return {name: sizes.get(name, 1) for name in AXES if name == "data" or name in sizes}


def build_mesh(
    sizes: Mapping[str, int] | None = None, devices: Sequence[Any] | None = None
) -> Mesh:
    """A mesh of `sizes` by axis, by default all devices on `data`; the order of devices suits their network.

    One process may use a part of its devices, the first ones; several processes use all.

    Raises:
        ValueError: when there are fewer devices than asked for, or some would be left over among several processes.
    """
    devices = list(devices or jax.devices())
    sizes = dict(sizes or {"data": len(devices)})
    asked, there = int(np.prod(list(sizes.values()))), len(devices)
    if asked > there or (asked < there and jax.process_count() > 1):
        spec = ",".join(f"{name}={size}" for name, size in sizes.items())
        raise ValueError(
            f"--mesh {spec} takes {asked} devices, there are {there} on {jax.process_count()} process(es)"
        )
    kinds = (AxisType.Auto,) * len(sizes)  # the compiler splits what is between inputs and outputs
    return jax.make_mesh(tuple(sizes.values()), tuple(sizes), kinds, devices=devices[:asked])


def replicated(mesh: Mesh) -> NamedSharding:
    """The same on every device."""
    return NamedSharding(mesh, PartitionSpec())


def batched(mesh: Mesh) -> NamedSharding:
    """First axis split over all devices."""
    return NamedSharding(mesh, PartitionSpec(mesh.axis_names))


def split_axis(shape: tuple[int, ...], parts: int) -> int | None:
    """Axis along which `fsdp` splits an array of this shape, None where it is kept whole."""
    if parts == 1 or np.prod(shape, dtype=int) < LEAST_SPLIT:
        return None
    fitting = [(size, axis) for axis, size in enumerate(shape) if size % parts == 0]
    return max(fitting)[1] if fitting else None


def state_shardings(mesh: Mesh, like: Any) -> Any:
    """A sharding for every array of a state; `like` needs shapes only."""

    def of(leaf: Any) -> NamedSharding:
        axis = split_axis(tuple(leaf.shape), mesh.shape.get("fsdp", 1))
        spec = PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, "fsdp")
        return NamedSharding(mesh, spec)

    return jax.tree.map(of, like)


def place(tree: Any, shardings: Any) -> Any:
    """Arrays that every process holds whole, laid out over the mesh."""
    if jax.process_count() == 1:
        return jax.device_put(tree, shardings)
    if isinstance(shardings, NamedSharding):
        shardings = jax.tree.map(lambda _: shardings, tree)

    def put(leaf: Any, sharding: NamedSharding) -> jax.Array:
        host = np.asarray(leaf)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    return jax.tree.map(put, tree, shardings)


def global_batch(batch: Any, mesh: Mesh) -> Any:
    """The batch of a step from the rows that each process has made, in the order of the processes."""
    split = batched(mesh)
    return jax.tree.map(
        lambda rows: jax.make_array_from_process_local_data(split, np.asarray(rows)), batch
    )


def on_host(tree: Any) -> Any:
    """NumPy copies of whole arrays, in every process; all processes must call it."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    from jax.experimental.multihost_utils import process_allgather

    return process_allgather(tree, tiled=True)


def check_divisible(config: Config, mesh: Mesh) -> None:
    """Raise ValueError, with both numbers, when a count of a step cannot be split evenly over devices and microbatches."""
    devices, microbatches = mesh.size, config.optimizer.microbatches
    for name in COUNTS:
        count = getattr(config.data, name)
        if count % (devices * microbatches):
            parts = f"{devices=}"
            if microbatches > 1:
                parts += f" times {microbatches=}, {devices * microbatches}"
            raise ValueError(
                f"data.{name}={count} must be divisible by {parts}: change one of them"
            )
