"""Several processes: who joins whom, and that two of them train, stop and go on as one."""

from __future__ import annotations

import signal
from pathlib import Path

import jax
import numpy as np
import pytest
import toy_run

from gemma3_jax.training import hosts
from gemma3_jax.training.checkpoints import Checkpoints

SLURM = {"SLURM_STEP_NODELIST": "a[1-2]", "SLURM_PROCID": "0"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"coordinator": "a:1"}, "needs --process-id and --process-count"),
        ({"coordinator": "a:1", "process_id": 2, "process_count": 2}, r"must be in 0\.\.1"),
        ({"process_id": 0}, "need --coordinator"),
        ({"hosts": "one", "coordinator": "a:1"}, "contradicts"),
    ],
)
def test_flags_that_cannot_be_meant(flags, message):
    with pytest.raises(ValueError, match=message):
        hosts.join(**flags)


@pytest.mark.parametrize(
    ("environment", "several"),
    [
        ({}, False),
        (SLURM | {"SLURM_NTASKS": "2"}, True),
        (SLURM | {"SLURM_NTASKS": "1"}, False),
        ({"SLURM_NTASKS": "2"}, False),  # the batch script itself, outside srun
        ({"OMPI_COMM_WORLD_SIZE": "4"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "1"}, False),
        ({"TPU_WORKER_HOSTNAMES": "t0,t1"}, True),
        ({"TPU_WORKER_HOSTNAMES": "t0"}, False),
        ({"TPU_WORKER_HOSTNAMES": "t0,t1", "JAX_PLATFORMS": "cpu"}, False),
    ],
)
def test_what_the_environment_says(environment, several, tmp_path):
    assert hosts.expected(environment, tmp_path) is several


def test_a_tpu_chip_means_a_cluster_to_ask_unless_there_is_none(tmp_path, monkeypatch):
    (tmp_path / "accel0").touch()
    monkeypatch.setattr(hosts, "_has_libtpu", lambda: True)
    assert hosts.expected({}, tmp_path)
    assert not hosts.expected({"TPU_SKIP_MDS_QUERY": "1"}, tmp_path)
    monkeypatch.setattr(hosts, "_has_libtpu", lambda: False)
    assert not hosts.expected({}, tmp_path)


def test_where_nobody_expects_others_nobody_is_joined(monkeypatch):
    joined = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *given: joined.append(given))
    monkeypatch.setattr(hosts, "expected", lambda environment: False)
    hosts.join()
    hosts.join("one")
    assert joined == []
    hosts.join("many")
    hosts.join(coordinator="a:1", process_id=1, process_count=2)
    monkeypatch.setattr(hosts, "expected", lambda environment: True)
    hosts.join()
    assert joined == [(), ("a:1", 2, 1), ()]


def pair(workdir: Path, cache: Path, **arguments: object) -> list:
    """Two processes of one device each on this machine; collectives go over gloo."""
    port = toy_run.free_port()
    flags = ("--mesh", "data=2", "--coordinator", f"127.0.0.1:{port}", "--process-count", "2")
    return [
        toy_run.launch(workdir, *flags, "--process-id", str(i), cache=cache, **arguments)
        for i in range(2)
    ]


def test_two_processes_train_stop_and_go_on_as_one(tmp_path):
    """SIGTERM reaches the second process only; both save the same step. All losses agree with one process to 1e-5."""
    cache, both, alone = tmp_path / "cache", tmp_path / "both", tmp_path / "alone"
    lead, other = pair(both, cache, total=40, pause=0.1, save_every=10)
    toy_run.wait_for(lambda: toy_run.reported(both) >= 3, lead)
    other.send_signal(signal.SIGTERM)
    assert "SIGTERM: saved step" in toy_run.finish(lead, status=143)
    assert "loss" not in toy_run.finish(other, status=143)  # only process 0 says anything
    stopped = toy_run.reported(both)
    assert 3 <= stopped < 40 and (both / "checkpoints" / str(stopped)).exists()

    lead, other = pair(both, cache, total=40)
    toy_run.finish(lead)
    toy_run.finish(other)
    history = (both / "train.log").read_text()
    assert f"from step {stopped} on {{'data': 2}} cpu devices, 2 process(es)" in history

    toy_run.finish(toy_run.launch(alone, "--mesh", "data=2", cache=cache, total=40))
    np.testing.assert_allclose(toy_run.losses(both), toy_run.losses(alone), rtol=1e-5)
    like = toy_run.matrix_state(toy_run.config())
    states = []
    for workdir in (both, alone):
        with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
            states.append(jax.device_get(checkpoints.restore(like)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), *states)
