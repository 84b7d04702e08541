"""The one training loop: strips, scenes and real data in a mix, on whatever devices and processes there are."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
from etils import epath
from jax.sharding import Mesh

from gemma3_jax.config import Config
from gemma3_jax.training import mesh as meshes
from gemma3_jax.training.checkpoints import Checkpoints, location
from gemma3_jax.training.hosts import agreed, is_lead
from gemma3_jax.training.preemption import Preempted, Preemption
from gemma3_jax.training.profile import Profile
from gemma3_jax.training.report import Report
from gemma3_jax.training.sources import Resident, scenes_of_step, strips_of_step
from gemma3_jax.training.state import TrainState, abstract_state, init_state, released_variables
from gemma3_jax.training.step import train_step
from gemma3_jax.types import Batch

if TYPE_CHECKING:
    from gemma3_jax.training.pictures import Pictures

Validate = Callable[[TrainState], dict[str, float]]


class Diverged(RuntimeError):
    """The loss is no longer a number."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When the loop reports, validates, saves and stops, and how many of the newest states it keeps beside the best."""

    log_every: int = 50
    validate_every: int = 1000
    save_every: int = 500
    budget_minutes: float = math.inf
    keep: int = 2


def compile_step(config: Config, mesh: Mesh, state: Any) -> Callable[..., Any]:
    """Draw and train in one program, laid out as `training.mesh` says; the state, of which shapes suffice, is donated."""
    whole, split = meshes.replicated(mesh), meshes.batched(mesh)
    shardings = meshes.state_shardings(mesh, state)
    gather = partial(jax.lax.with_sharding_constraint, shardings=whole)

    @partial(jax.jit, donate_argnums=0, out_shardings=(shardings, whole))
    def step(state: TrainState, resident: Resident, scenes: Batch | None) -> Any:
        with jax.named_scope("draw"):
            strips = strips_of_step(config, resident, state.step)
            if strips is not None:
                strips = jax.lax.with_sharding_constraint(strips, split)
            scenes = scenes_of_step(config, resident, state.step, scenes)
            if scenes is not None:
                scenes = jax.lax.with_sharding_constraint(scenes, split)
        key = jax.random.fold_in(jax.random.key(config.seed + 2), state.step)
        return train_step(config, state, strips, scenes, key, gather, resident.teacher)

    return step


def begin(
    config: Config, checkpoints: Checkpoints, mesh: Mesh, variables: dict[str, Any] | None
) -> TrainState:
    """The state to go on from, first that exists: 1. the newest readable checkpoint; 2. `variables`; 3. random."""
    shapes = abstract_state(config)
    shardings = meshes.state_shardings(mesh, shapes)
    layout = jax.tree.map(
        lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
        shapes,
        shardings,
    )
    found = checkpoints.restore(layout)
    return found if found is not None else meshes.place(init_state(config, variables), shardings)


def train(
    config: Config,
    resident: Resident,
    workdir: str | os.PathLike[str],
    *,
    scenes: Callable[[int], Iterator[Batch]] | None = None,
    variables: dict[str, Any] | None = None,
    validate: Validate | None = None,
    pictures: Pictures | None = None,
    schedule: Schedule = Schedule(),
    mesh: Mesh | None = None,
    tensorboard: bool = False,
    profile: str | None = None,
) -> TrainState:
    """Train until `total_steps` or the budget, whichever comes first; continue a run found in `workdir`.

    Order within a step: data, step, check, log, validate, save, stop. A state is saved every `save_every` steps, where a
    validation is the best so far, and at the end.

    Args:
        config: the experiment.
        resident: what steps draw from.
        workdir: local folder or gs:// address, the same for all processes.
        scenes: from a step on, this process's rows of the real scenes of every step.
        variables: of a released model, to start from.
        validate: figures of a state, higher is better; their mean is the state's score.
        pictures: drawn with the averaged variables at every validation, for TensorBoard.
        schedule: when to do what.
        mesh: the devices, all of them by default.
        tensorboard: write scalars and pictures for TensorBoard too.
        profile: folder for an XProf trace of a few steps (`training.profile`).

    Raises:
        Diverged: at the first step whose logged loss is NaN or infinite; the last checkpoint stays.
        Preempted: on SIGTERM, when the state is on disk.
        ValueError: when the counts of a step do not fit the mesh.
    """
    mesh = mesh or meshes.build_mesh()
    meshes.check_divisible(config, mesh)
    workdir = location(workdir)
    if is_lead():
        workdir.mkdir(parents=True, exist_ok=True)
        (workdir / "config.json").write_text(config.to_json())
    with Checkpoints(workdir / "checkpoints", schedule.keep) as checkpoints, Preemption() as notice:
        state = begin(config, checkpoints, mesh, variables)
        first, total = int(state.step), config.optimizer.total_steps
        with (
            Report(workdir, first, total, tensorboard) as report,
            Profile(profile, first) as tracer,
        ):
            report.note(
                f"from step {first} on {dict(mesh.shape)} {mesh.devices.flat[0].device_kind} devices, "
                f"{jax.process_count()} process(es)"
            )
            run = _Run(config, schedule, mesh, checkpoints, notice, report, tracer, workdir)
            feed = scenes(first) if scenes is not None else None
            return run.steps(state, resident, feed, partial(_look, validate, pictures, report))


@dataclasses.dataclass
class _Run:
    """The loop itself, between what `train` has opened and will close."""

    config: Config
    schedule: Schedule
    mesh: Mesh
    checkpoints: Checkpoints
    notice: Preemption
    report: Report
    profile: Profile
    workdir: epath.Path

    def steps(
        self,
        state: TrainState,
        resident: Resident,
        feed: Iterator[Batch] | None,
        look: Callable[[TrainState, int], float | None],
    ) -> TrainState:
        schedule, total, first = self.schedule, self.config.optimizer.total_steps, int(state.step)
        resident = meshes.place(resident, meshes.replicated(self.mesh))
        step = compile_step(self.config, self.mesh, state)
        top = (self.checkpoints.best() or (0, -math.inf))[1]
        began = last = time.monotonic()
        for done in range(first + 1, total + 1):
            batch = None if feed is None else meshes.global_batch(next(feed), self.mesh)
            with self.profile.step(done):
                state, metrics = step(state, resident, batch)
            if self.profile.after(done, metrics):
                self.report.note(f"trace of the last steps in {self.profile.folder}")
            logs = done % schedule.log_every == 0 or done == total
            if logs:
                values = self._checked(metrics, done)
                steps, now = min(schedule.log_every, done - first), time.monotonic()
                self.report(done, values | {"steps_per_s": steps / (now - last)})
                last = now
            taken = self.notice.noticed(done)
            over = False
            if jax.process_count() == 1 or logs:  # to agree costs a message
                over = agreed(time.monotonic() - began > 60 * schedule.budget_minutes)
            ends, score = over or done == total, None
            if not taken and (done % schedule.validate_every == 0 or ends):
                score = look(state, done)
                last = time.monotonic()
            best = score is not None and score > top
            if taken or ends or best or done % schedule.save_every == 0:
                self.checkpoints.save(state, score)
                top = max(top, score if score is not None else top)
            if taken:
                self._stop(done)
            if over:
                break
        return state

    def _checked(self, metrics: dict[str, jax.Array], step: int) -> dict[str, float]:
        """Metrics as numbers, the same in every process, as they are of the global batch."""
        values = {name: float(value) for name, value in metrics.items()}
        if not math.isfinite(values["loss"]):
            raise Diverged(
                f"loss is {values['loss']} at step {step}: lower the learning rate or resume from {self.workdir}"
            )
        return values

    def _stop(self, step: int) -> None:
        self.checkpoints.wait()
        message = f"SIGTERM: saved step {step}, the same command goes on from there"
        self.report.note(message)
        raise Preempted(message)


def _look(
    validate: Validate | None,
    pictures: Pictures | None,
    report: Report,
    state: TrainState,
    step: int,
) -> float | None:
    """Report a validation; its score, the mean of the figures."""
    if pictures is not None:
        variables = meshes.on_host(released_variables(state))
        if is_lead():
            report.images(step, pictures(variables))
    figures = validate(state) if validate is not None else {}
    if not figures:
        return None
    score = math.fsum(figures.values()) / len(figures)
    report(step, figures | {"score": score}, "validation")
    return score
