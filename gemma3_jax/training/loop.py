"""The one training loop: strips, scenes and real data in a mix, on whatever devices there are."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gemma3_jax.config import Config
from gemma3_jax.training.checkpoints import Checkpoints
from gemma3_jax.training.mesh import batched, check_divisible, data_mesh, replicated
from gemma3_jax.training.sources import Resident, scenes_of_step, strips_of_step
from gemma3_jax.training.state import TrainState, init_state
from gemma3_jax.training.step import train_step
from gemma3_jax.types import Batch

Validate = Callable[[TrainState], dict[str, float]]


class Diverged(RuntimeError):
    """The loss is no longer a number."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When the loop reports, validates, saves and stops."""

    log_every: int = 50
    validate_every: int = 1000
    save_every: int = 500
    budget_minutes: float = math.inf


def compile_step(config: Config, mesh: jax.sharding.Mesh) -> Callable[..., Any]:
    """Draw and train in one program: the state is donated, drawn samples are split over the mesh."""
    here, split = replicated(mesh), batched(mesh)

    @partial(jax.jit, donate_argnums=0, out_shardings=(here, here))
    def step(state: TrainState, resident: Resident, scenes: Batch | None) -> Any:
        strips = strips_of_step(config, resident, state.step)
        if strips is not None:
            strips = jax.lax.with_sharding_constraint(strips, split)
        scenes = scenes_of_step(config, resident, state.step, scenes)
        if scenes is not None:
            scenes = jax.lax.with_sharding_constraint(scenes, split)
        key = jax.random.fold_in(jax.random.key(config.seed + 2), state.step)
        return train_step(config, state, strips, scenes, key)

    return step


def train(
    config: Config,
    resident: Resident,
    workdir: Path,
    *,
    scenes: Callable[[int], Iterator[Batch]] | None = None,
    variables: dict[str, Any] | None = None,
    validate: Validate | None = None,
    schedule: Schedule = Schedule(),
) -> TrainState:
    """Train until `total_steps` or the budget, whichever comes first; continue a run found in `workdir`.

    Starting point, first that exists: 1. the newest checkpoint in `workdir`; 2. `variables`; 3. random.
    Order within a step: data, step, check, log, validate, save, budget.

    Raises:
        Diverged: at the first step whose logged loss is NaN or infinite; the last checkpoint stays.
    """
    mesh = data_mesh()
    counts = ("strips", "real_strips", "scenes", "real_scenes")
    check_divisible(mesh, **{name: getattr(config.data, name) for name in counts})
    checkpoints = Checkpoints(workdir / "checkpoints")
    state = jax.device_put(init_state(config, variables), replicated(mesh))
    state = checkpoints.restore(state) or state
    resident = jax.device_put(resident, replicated(mesh))
    step_fn, first, total = (
        compile_step(config, mesh),
        int(state.step),
        config.optimizer.total_steps,
    )
    stream = scenes(first) if scenes is not None else None
    began = last = time.monotonic()
    (workdir / "config.json").write_text(config.to_json())
    with Log(workdir / "metrics.jsonl", first, total) as log:
        for step in range(first, total):
            batch = jax.device_put(next(stream), batched(mesh)) if stream is not None else None
            state, metrics = step_fn(state, resident, batch)
            done = step + 1
            if done % schedule.log_every == 0 or done == total:
                values = {name: float(value) for name, value in metrics.items()}
                if not math.isfinite(values["loss"]):
                    raise Diverged(
                        f"loss is {values['loss']} at step {done}: lower the learning rate or resume from {workdir}"
                    )
                now = time.monotonic()
                log(
                    done,
                    values | {"steps_per_s": min(schedule.log_every, done - first) / (now - last)},
                )
                last = now
            out_of_time = time.monotonic() - began > 60 * schedule.budget_minutes
            if validate is not None and (
                done % schedule.validate_every == 0 or done == total or out_of_time
            ):
                log(done, validate(state))
                last = time.monotonic()
            if done % schedule.save_every == 0 or done == total or out_of_time:
                checkpoints.save(state)
            if out_of_time:
                break
    checkpoints.close()
    return state


class Log:
    """Progress bar on a terminal, one JSON line per report in a file, plain lines elsewhere."""

    def __init__(self, path: Path, first: int, total: int) -> None:
        self._file = path.open("a")
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns)
        self._task = self._progress.add_task("training", total=total, completed=first)

    def __enter__(self) -> Log:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()
        self._file.close()

    def __call__(self, step: int, values: dict[str, float]) -> None:
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        text = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._progress.update(self._task, completed=step, description=f"step {step}")
        self._progress.console.print(f"step {step}  {text}", soft_wrap=True, highlight=False)
