"""Training states on disk: saved while the run goes on, found again after anything that may have happened to it."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from etils import epath
from orbax.checkpoint.checkpoint_managers import preservation_policy

from gemma3_jax.training.hosts import all_of_us, is_lead
from gemma3_jax.training.state import TrainState


class WrongState(ValueError):
    """A state on disk is not one of this run's model and optimizer."""


def location(path: str | os.PathLike[str]) -> epath.Path:
    """An absolute local path or, with `gs://`, one in a bucket (needs `pip install gcsfs`)."""
    text = os.fspath(path)
    return epath.Path(text if "://" in text else Path(text).resolve())


class Checkpoints:
    """Numbered states of one run: the newest few and the one with the best score. All processes take part in every call."""

    def __init__(
        self, folder: str | os.PathLike[str], keep: int = 2, *, read_only: bool = False
    ) -> None:
        self._read_only = read_only
        best = {"best_fn": _score, "best_mode": "max"}
        if read_only:
            options = ocp.CheckpointManagerOptions(read_only=True, **best)
        else:
            newest = preservation_policy.LatestN(keep)
            highest = preservation_policy.BestN(
                get_metric_fn=_score, n=1, keep_checkpoints_without_metrics=False
            )
            options = ocp.CheckpointManagerOptions(
                preservation_policy=preservation_policy.AnyPreservationPolicy([newest, highest]),
                cleanup_tmp_directories=True,  # what a killed run had not finished writing
                **best,
            )
        self._manager = ocp.CheckpointManager(
            location(folder), options=options, item_handlers=ocp.StandardCheckpointHandler()
        )

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def save(self, state: TrainState, score: float | None = None) -> None:
        """Write `state` under its own step; returns before the bytes are on disk. `score`: higher is better."""
        args = ocp.args.StandardSave(state._asdict())
        self._manager.save(int(state.step), args=args, metrics={"score": score})

    def steps(self) -> list[int]:
        """Steps of all states there are, oldest first."""
        return sorted(self._manager.all_steps())

    def best(self) -> tuple[int, float] | None:
        """Step and score of the best state, None when none has a score."""
        step = self._manager.best_step()
        metrics = None if step is None else self._manager.metrics(step)
        if step is None or not metrics or metrics["score"] is None:
            return None
        return step, metrics["score"]

    def restore(self, like: TrainState, step: int | None = None) -> TrainState | None:
        """The newest readable state (or that of `step`), laid out (shapes, dtypes, shardings) like `like`; None without any.

        One that cannot be read costs a warning, is renamed to STEP.damaged and the one before it is taken.

        Raises:
            WrongState: naming the first entry that `like` and the state do not share, or not in the same shape.
            OSError: when there are states and none of them can be read.
        """
        steps = self.steps()[::-1] if step is None else [step]
        for number in steps:
            state, error = self._try(number, like)
            if all_of_us(error is None):
                return state
            self._set_aside(number, error)
        if steps:
            raise OSError(f"{self._manager.directory}: none of the steps {steps} can be read")
        return None

    def wait(self) -> None:
        """Return when everything is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Wait for saves under way."""
        self.wait()
        self._manager.close()

    def _try(self, step: int, like: TrainState) -> tuple[TrainState | None, Exception | None]:
        """The state, or what went wrong: a damaged file shows itself as an error of almost any type."""
        try:
            saved = self._manager.item_metadata(step)
            shapes = shapes_by_path(getattr(saved, "tree", saved))
            if not shapes:
                raise OSError("it does not say what is in it")
            compare_shapes(
                shapes_by_path(like._asdict()), shapes, self._manager.directory / str(step)
            )
            target = jax.tree.map(_target, like._asdict())
            restored: Any = self._manager.restore(step, args=ocp.args.StandardRestore(target))
            return TrainState(**restored), None
        except WrongState:
            raise
        except Exception as error:
            return None, error

    def _set_aside(self, step: int, error: Exception | None) -> None:
        folder = self._manager.directory / str(step)
        reason = " ".join(str(error or "another process could not read it").split())[:200]
        if is_lead():
            warnings.warn(f"{folder} is damaged, trying the one before it: {reason}", stacklevel=3)
        if self._read_only:
            return
        if is_lead():
            folder.rename(folder.parent / f"{step}.damaged")
        all_of_us(True)  # wait for the renaming
        self._manager.reload()


def shapes_by_path(tree: Any) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of a state by path, as in "params/head/kernel"."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        if hasattr(leaf, "shape")
    }


def compare_shapes(
    expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]], where: object
) -> None:
    """Raise WrongState at the first entry in which two states differ."""
    way_out = "use another --workdir or the config this run began with"
    for path, shape in expected.items():
        if path not in found:
            raise WrongState(f"{where}: no entry {path}: {way_out}")
        if found[path] != shape:
            raise WrongState(
                f"{where}: shape mismatch at {path}: expected {shape}, got {found[path]}; {way_out}"
            )
    if more := sorted(found.keys() - expected.keys()):
        raise WrongState(f"{where}: unexpected entry {more[0]}: {way_out}")


def _target(leaf: Any) -> jax.ShapeDtypeStruct:
    """What to restore an array to; on the first device where `leaf` does not say."""
    sharding = getattr(leaf, "sharding", None) or jax.sharding.SingleDeviceSharding(
        jax.devices()[0]
    )
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _score(metrics: dict[str, float | None]) -> float:
    score = metrics["score"]
    return -math.inf if score is None else score
