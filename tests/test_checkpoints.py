"""States on disk: which are kept, what a damaged one costs, and that a killed run goes on as if nothing had been."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_run

from gemma3_jax.training import mesh as meshes
from gemma3_jax.training.checkpoints import Checkpoints, Unreadable, WrongState
from gemma3_jax.training.state import TrainState

# When one array of a state cannot be read, orbax gives up the others and closes its event loop; tensorstore's threads that
# were reading them now and then still want to report to it. Nothing of ours is left open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:(?s).*Event loop is closed:pytest.PytestUnraisableExceptionWarning"
)


def state(step: int, width: int = 4) -> TrainState:
    """A small state in which every number tells its step."""
    params = {"head": {"kernel": jnp.full((8, width), float(step)), "bias": jnp.zeros(width)}}
    moments = (jax.tree.map(jnp.ones_like, params), jnp.array(step, jnp.int32))
    return TrainState(jnp.array(step, jnp.int32), params, {"mean": jnp.zeros(3)}, params, moments)


def saved(folder: Path, *steps: int, keep: int = 9) -> None:
    with Checkpoints(folder, keep) as checkpoints:
        for step in steps:
            checkpoints.save(state(step))


def restored(folder: Path, like: TrainState | None = None) -> TrainState | None:
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore(like or state(0))


def equal(found: Any, expected: Any) -> None:
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(found), jax.device_get(expected))


def spoil(folder: Path) -> None:
    """Every file of a state cut to half its length."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_the_newest_and_the_best_are_kept(tmp_path):
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        assert checkpoints.best() is None and checkpoints.restore(state(0)) is None
        for step, score in enumerate([0.1, 0.7, None, 0.3, None, 0.2], start=1):
            checkpoints.save(state(step), score)
            checkpoints.wait()
        assert checkpoints.steps() == [2, 5, 6] and checkpoints.best() == (2, 0.7)
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.best() == (2, 0.7)
        equal(checkpoints.restore(state(0)), state(6))
        equal(checkpoints.restore(state(0), 2), state(2))


def test_a_damaged_state_costs_a_warning_and_the_one_before_is_used(tmp_path):
    saved(tmp_path, 1, 2, 3)
    spoil(tmp_path / "3")
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.warns(UserWarning, match=r"/3 is damaged, trying the one before it: "):
            found = checkpoints.restore(state(0))
        equal(found, state(2))
        assert (tmp_path / "3.damaged").exists()
        checkpoints.save(state(3))  # its place is free again
    equal(restored(tmp_path), state(3))


def test_a_missing_data_file_is_damage_too(tmp_path):
    saved(tmp_path, 1, 2)
    (tmp_path / "2" / "default" / "manifest.ocdbt").unlink()
    with pytest.warns(UserWarning, match="/2 is damaged"):
        equal(restored(tmp_path), state(1))


def test_readers_of_a_run_rename_nothing(tmp_path):
    saved(tmp_path, 1, 2)
    spoil(tmp_path / "2")
    with Checkpoints(tmp_path, read_only=True) as checkpoints, pytest.warns(UserWarning):
        equal(checkpoints.restore(state(0)), state(1))
    assert (tmp_path / "2").exists()


def test_a_half_written_state_is_not_seen_and_swept_away(tmp_path):
    saved(tmp_path, 1)
    half = tmp_path / "2.orbax-checkpoint-tmp-1"
    (half / "default").mkdir(parents=True)
    (half / "default" / "d").write_bytes(b"half")
    equal(restored(tmp_path), state(1))
    assert not half.exists()


def test_when_all_are_damaged_the_run_does_not_begin_anew(tmp_path):
    saved(tmp_path, 1, 2)
    spoil(tmp_path / "1")
    spoil(tmp_path / "2")
    with pytest.warns(UserWarning), pytest.raises(Unreadable, match=r"none of the steps \[2, 1\]"):
        restored(tmp_path)


def test_a_state_of_another_model_names_the_entry(tmp_path):
    saved(tmp_path, 1)
    with pytest.raises(WrongState, match=r"mismatch at ema/head/bias: expected \(5,\), got \(4,\)"):
        restored(tmp_path, state(0, width=5))
    more = state(0)._replace(batch_stats={"mean": jnp.zeros(3), "var": jnp.zeros(3)})
    with pytest.raises(WrongState, match="no entry batch_stats/var"):
        restored(tmp_path, more)
    with pytest.raises(WrongState, match="unexpected entry batch_stats/mean"):
        restored(tmp_path, state(0)._replace(batch_stats={}))
    assert (tmp_path / "1").exists()


def test_a_state_moves_between_numbers_of_devices(tmp_path, monkeypatch):
    monkeypatch.setattr(meshes, "LEAST_SPLIT", 1)

    def over(sizes: dict[str, int]) -> TrainState:
        mesh = meshes.build_mesh(sizes)
        return meshes.place(state(5), meshes.state_shardings(mesh, state(5)))

    two, one = over({"data": 1, "fsdp": 2}), over({"data": 1})
    assert not two.params["head"]["kernel"].sharding.is_fully_replicated
    for source, target in ((two, one), (one, two)):
        folder = tmp_path / str(len(source.params["head"]["kernel"].devices()))
        with Checkpoints(folder) as checkpoints:
            checkpoints.save(source)
            checkpoints.wait()
            found = checkpoints.restore(target)
        equal(found, state(5))
        assert jax.tree.map(lambda x: x.sharding, found) == jax.tree.map(
            lambda x: x.sharding, target
        )


def test_a_run_that_is_terminated_then_killed_ends_as_one_left_alone(tmp_path):
    """SIGTERM saves its step at once; SIGKILL costs the steps since the last save. Losses and state are equal bit for bit."""
    cache, flags = tmp_path / "cache", ("--mesh", "data=2")
    left, killed = tmp_path / "left alone", tmp_path / "killed"
    toy_run.finish(toy_run.launch(left, *flags, cache=cache, total=24))

    slow = {"cache": cache, "total": 24, "save_every": 5, "pause": 0.15}
    process = toy_run.launch(killed, *flags, **slow)
    toy_run.wait_for(lambda: toy_run.reported(killed) >= 2, process)
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert "SIGTERM: saved step" in toy_run.finish(process, status=143)
    assert time.monotonic() - begun < 10
    taken = toy_run.reported(killed)
    assert 2 <= taken < 24 and (killed / "checkpoints" / str(taken)).exists()

    process = toy_run.launch(killed, *flags, **slow)
    toy_run.wait_for(lambda: toy_run.reported(killed) >= taken + 7, process)
    process.kill()
    toy_run.finish(process, status=-signal.SIGKILL)
    assert toy_run.reported(killed) < 24

    toy_run.finish(toy_run.launch(killed, *flags, cache=cache, total=24))
    assert toy_run.losses(killed) == toy_run.losses(left)
    like = toy_run.matrix_state(toy_run.config())
    equal(restored(killed / "checkpoints", like), restored(left / "checkpoints", like))
