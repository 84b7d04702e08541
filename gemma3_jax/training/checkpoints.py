"""Training states on disk: saved while the run goes on, found again after anything that may have happened to it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from etils import epath

from gemma3_jax.training.hosts import all_of_us, is_lead
from gemma3_jax.training.state import TrainState

SCORE = "score"  # in the metadata of a state


class WrongState(ValueError):
    """A state on disk is not one of this run's model and optimizer."""


class Unreadable(ValueError):
    """There are states on disk and all are damaged."""


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
        self._scores: dict[int, float] = {}
        if read_only:
            options = ocp.CheckpointManagerOptions(create=False)  # and nothing will be saved
        else:
            options = ocp.CheckpointManagerOptions(
                preservation_policy=NewestAndBest(keep, self._scores),
                cleanup_tmp_directories=True,  # what a killed run had not finished writing
            )
        self._manager = ocp.CheckpointManager(
            location(folder), options=options, item_handlers=ocp.StandardCheckpointHandler()
        )
        for step in self.steps():
            self._recall(step)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def save(self, state: TrainState, score: float | None = None) -> None:
        """Write `state` under its own step; returns before the bytes are on disk. `score`: higher is better."""
        step = int(state.step)
        if score is not None:
            self._scores[step] = score
        self._manager.save(
            step, args=ocp.args.StandardSave(state._asdict()), custom_metadata={SCORE: score}
        )

    def steps(self) -> list[int]:
        """Steps of all states there are, oldest first."""
        return sorted(self._manager.all_steps())

    def best(self) -> tuple[int, float] | None:
        """Step and score of the best state, None when none has a score."""
        step = best_step(self.steps(), self._scores)
        return None if step is None else (step, self._scores[step])

    def restore(self, like: TrainState, step: int | None = None) -> TrainState | None:
        """The newest readable state (or that of `step`), laid out (shapes, dtypes, shardings) like `like`; None without any.

        One that cannot be read costs a warning, is renamed to STEP.damaged and the one before it is taken.

        Raises:
            WrongState: naming the first entry that `like` and the state do not share, or not in the same shape.
            Unreadable: when there are states and none of them can be read; a run does not begin anew unasked.
        """
        steps = self.steps()[::-1] if step is None else [step]
        for number in steps:
            state, error = self._try(number, like)
            if all_of_us(error is None):
                return state
            self._set_aside(number, error)
        if steps:
            raise Unreadable(
                f"{self._manager.directory}: none of the steps {steps} can be read; "
                "use another --workdir to begin anew"
            )
        return None

    def wait(self) -> None:
        """Return when everything is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Wait for saves under way."""
        self.wait()
        self._manager.close()

    def _recall(self, step: int) -> None:
        """Look up the score of a state. One so damaged that it cannot be asked has none; `restore` says what is wrong."""
        try:
            score = (self._manager.metadata(step).custom_metadata or {}).get(SCORE)
        except Exception:
            score = None
        if score is not None:
            self._scores[step] = score

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


class NewestAndBest:
    """A preservation policy of orbax: the last `keep` states and the one with the highest score."""

    def __init__(self, keep: int, scores: Mapping[int, float]) -> None:
        self._keep, self._scores = keep, scores

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        steps = [info.step for info in checkpoints]
        kept = {*steps[-self._keep :], best_step(steps, self._scores)}
        return [step in kept for step in steps]


def best_step(steps: Sequence[int], scores: Mapping[int, float]) -> int | None:
    """Of the steps that have a score the one with the highest, the later of equal ones."""
    return max((s for s in steps if s in scores), key=lambda s: (scores[s], s), default=None)


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
