"""A training run of seconds: noise to learn by heart, scenes fed by the host. Also a program, for tests of processes.

python tests/toy_run.py '{"workdir": "...", "flags": ["--mesh", "data=2"], "total": 6}'

The loop, its checkpoints, its report and its feed are the real ones. Compiling the network takes 15 s, so that tests of
processes put a matrix in its place; with "network": true it is the real one, as small as it can be.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from small_model import SMALL

from gemma3_jax.config import Config, DataConfig, OptimizerConfig
from gemma3_jax.types import Batch

STRIPS, SCENES, SIDE = 16, 16, 32
CONFIG = Config(
    model=dataclasses.replace(SMALL, stage_widths=(8,), stage_depths=(1,), attention_depth=0),
    data=DataConfig(strips=0, real_strips=STRIPS, real_scenes=SCENES, read_words=2),
    optimizer=OptimizerConfig(learning_rate=2e-3, warmup_steps=2, total_steps=6),
)


def config(total: int = 6, microbatches: int = 1) -> Config:
    optimizer = dataclasses.replace(
        CONFIG.optimizer, total_steps=total, microbatches=microbatches, warmup_steps=2
    )
    return dataclasses.replace(CONFIG, optimizer=optimizer)


def strips(config: Config, resident: Any, step: Any) -> Batch:
    """Crops of noise, each with a letter of its own: compiled in no time, unlike those that training draws."""
    import jax
    import jax.numpy as jnp

    rows = jnp.arange(STRIPS)
    noise = jax.random.uniform(jax.random.fold_in(jax.random.key(7), step), (STRIPS, 32, 32, 3))
    quad = jnp.array([[0, 0], [32, 0], [32, 32], [0, 32]], jnp.float32)
    labels = jnp.zeros((STRIPS, 1, 25), jnp.int32).at[:, 0, 0].set(1 + rows % 8)
    ones = jnp.ones((STRIPS, 1), bool)
    return Batch(255 * noise, jnp.tile(quad, (STRIPS, 1, 1, 1)), labels, ones, ~ones)


def matrix_state(config: Config, variables: Any = None) -> Any:
    """A state whose only parameter is a matrix."""
    import jax
    import jax.numpy as jnp

    from gemma3_jax.training.state import TrainState, optimizer

    params = {"kernel": 0.1 * jax.random.normal(jax.random.key(0), (SIDE, 64))}
    moments = optimizer(config.optimizer).init(params)
    stats = {"mean": jnp.zeros(SIDE)}
    average = jax.tree.map(jnp.copy, {"params": params, "batch_stats": stats})
    return TrainState(jnp.zeros((), jnp.int32), params, stats, average, moments)


def matrix_loss(
    config: Config, params: Any, stats: Any, strips: Any, scenes: Any, key: Any, teacher: Any
) -> tuple[Any, tuple[Any, dict[str, Any]]]:
    """What takes the place of `loss_and_metrics`: like the network it normalises over the batch and uses its key."""
    import jax
    import jax.numpy as jnp
    import optax

    rows = jnp.concatenate([strips.images, scenes.images]).mean((2, 3))
    labels = jnp.concatenate([strips.labels[:, 0, 0], scenes.labels[:, 0, 0]])
    mean, spread = rows.mean(0), rows.std(0) + 1  # of the whole batch, wherever it lies
    logits = (rows - mean) / spread @ params["kernel"] + 0.1 * jax.random.normal(key, (64,))
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    return loss, ({"mean": 0.9 * stats["mean"] + 0.1 * mean}, {"loss": loss})


def scene(step: int, row: int) -> tuple[np.ndarray, ...]:
    """Three words somewhere; a function of step and row, as `data.pipeline` promises."""
    rng = np.random.default_rng((step, row))
    quads = np.tile(np.array([[2, 2], [22, 2], [22, 12], [2, 12]], np.float32), (3, 1, 1))
    quads += rng.uniform(0, 8, (3, 1, 2)).astype(np.float32)
    labels = np.zeros((3, 25), np.int32)
    labels[:, :4] = rng.permutation(8)[:4] + 1
    picture = rng.integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    return picture, quads, labels, np.ones(3, bool), np.zeros(3, bool)


def scenes(first: int, shard: tuple[int, int] = (0, 1)) -> Iterator[Batch]:
    """The rows of process `shard[0]` of `shard[1]`, from step `first` on."""
    rows = SCENES // shard[1]
    for step in range(first, 1 << 30):
        mine = [scene(step, row) for row in range(shard[0] * rows, (shard[0] + 1) * rows)]
        yield Batch(*map(np.stack, zip(*mine, strict=True)))


def losses(workdir: Path) -> list[float]:
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1)), "each step once"
    return [row["loss"] for row in rows]


def run(
    workdir: Path,
    total: int = 6,
    *,
    save_every: int = 100,
    pause: float = 0.0,
    microbatches: int = 1,
    network: bool = False,
    mesh: Any = None,
) -> Any:
    """Train; `pause` seconds after each step give others the time to send a signal."""
    import jax

    from gemma3_jax.training import loop, step
    from gemma3_jax.training import mesh as meshes
    from gemma3_jax.training.sources import Resident

    loop.strips_of_step, meshes.LEAST_SPLIT = strips, 64
    if not network:
        loop.init_state, step.loss_and_metrics = matrix_state, matrix_loss
        loop.abstract_state = lambda config: jax.eval_shape(lambda: matrix_state(config))

    def rest(state: Any) -> dict[str, float]:
        time.sleep(pause)
        return {}

    shard = (jax.process_index(), jax.process_count())
    return loop.train(
        config(total, microbatches),
        Resident(None, None),
        workdir,
        scenes=lambda first: scenes(first, shard),
        validate=rest if pause else None,
        schedule=loop.Schedule(log_every=1, validate_every=1, save_every=save_every),
        mesh=mesh,
    )


def launch(workdir: Path, *flags: str, cache: Path, **arguments: Any) -> subprocess.Popen[str]:
    """This file as a process of its own."""
    given = json.dumps({"workdir": str(workdir), "flags": flags, **arguments})
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles faster
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    return subprocess.Popen(
        [sys.executable, __file__, given],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for a process; what it printed, which a failure shows."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == status, f"status {process.returncode}\n{out}"
    return out


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Return when `condition` holds; fail when the process ends before."""
    limit = time.monotonic() + 120
    while not condition():
        if process.poll() is not None or time.monotonic() > limit:
            process.kill()
            raise AssertionError(f"too early: {process.communicate()[0]}")
        time.sleep(0.02)


def reported(workdir: Path) -> int:
    """Steps in the log so far."""
    path = workdir / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main(given: dict[str, Any]) -> None:
    """One run, or with `variants` several in subfolders: by name, each with a mesh and arguments of `run`."""
    from gemma3_jax.training import cli
    from gemma3_jax.training.mesh import build_mesh, parse_mesh
    from gemma3_jax.training.preemption import EXIT_STATUS, Preempted

    workdir, flags = Path(given.pop("workdir")), given.pop("flags")
    cache = os.environ["JAX_COMPILATION_CACHE_DIR"]
    args = cli.parse(["--config", "-", "--workdir", str(workdir), "--cache", cache, *flags])
    cli.start_jax(args)
    for name, variant in given.pop("variants", {".": {}}).items():
        mesh = build_mesh(parse_mesh(variant.pop("mesh", args.mesh)))
        try:
            run(workdir / name, mesh=mesh, **given, **variant)
        except Preempted:
            sys.exit(EXIT_STATUS)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
