"""One process or many: who takes part in a run, and what they have to agree on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import jax
import numpy as np

Hosts = Literal["auto", "one", "many"]


def join(
    hosts: Hosts = "auto",
    coordinator: str | None = None,
    process_id: int | None = None,
    process_count: int | None = None,
) -> None:
    """Meet the other processes of the run, if there are any. Call it before anything else of JAX.

    Args:
        hosts: "auto" joins where flags or environment say so (`expected`); "one" never; "many" always, and JAX finds out
            from the cluster (Cloud TPU, Slurm, Open MPI, Kubernetes) whom to meet.
        coordinator: host:port of process 0, where the cluster does not say.
        process_id: this process, from 0.
        process_count: of the whole run.

    Raises:
        ValueError: for flags that are incomplete or contradict each other.
    """
    flags = (coordinator, process_id, process_count)
    if hosts == "one" and any(flag is not None for flag in flags):
        raise ValueError("--hosts one contradicts --coordinator, --process-id and --process-count")
    if coordinator is None and (process_id is not None or process_count is not None):
        raise ValueError("--process-id and --process-count need --coordinator HOST:PORT as well")
    if coordinator is not None:
        if process_id is None or process_count is None:
            raise ValueError("--coordinator needs --process-id and --process-count as well")
        if not 0 <= process_id < process_count:
            raise ValueError(f"--process-id {process_id} must be in 0..{process_count - 1}")
        jax.distributed.initialize(coordinator, process_count, process_id)
    elif hosts == "many" or (hosts == "auto" and expected(os.environ)):
        jax.distributed.initialize()


def expected(environment: os._Environ[str] | dict[str, str], devices: Path = Path("/dev")) -> bool:
    """Whether this process was started as one of several, or on a Cloud TPU machine, which may be one of several.

    Slurm: within `srun` with more than one task. Open MPI: a world of more than one. TPU: GKE names the workers; elsewhere a
    TPU chip among the devices tells, unless `TPU_SKIP_MDS_QUERY` says that there is no Google Cloud to ask for the others.
    """
    if environment.get("JAX_PLATFORMS", "") not in ("cpu", "cuda", "gpu", "rocm"):
        if "," in environment.get("TPU_WORKER_HOSTNAMES", ""):
            return True
        chips = any(devices.glob("accel[0-9]*")) or any(devices.glob("vfio/[0-9]*"))
        if chips and "TPU_SKIP_MDS_QUERY" not in environment and _has_libtpu():
            return True
    if "SLURM_STEP_NODELIST" in environment:
        return int(environment.get("SLURM_NTASKS", 1)) > 1
    return int(environment.get("OMPI_COMM_WORLD_SIZE", 1)) > 1


def is_lead() -> bool:
    """Whether this process writes logs, pictures and releases: process 0."""
    return jax.process_index() == 0


def agreed(flag: bool) -> bool:
    """What process 0 says of `flag`; all processes must call it. Clocks differ, decisions must not."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return bool(broadcast_one_to_all(np.asarray(flag)))


def all_of_us(flag: bool) -> bool:
    """Whether `flag` is true in every process; all must call it."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental.multihost_utils import process_allgather

    return bool(np.all(process_allgather(np.asarray(flag))))


def _has_libtpu() -> bool:
    from importlib.util import find_spec

    return find_spec("libtpu") is not None
