"""A training run of seconds: a tiny network, bars to read, scenes fed by the host. Also a program, for tests of processes.

python tests/toy_run.py '{"workdir": "...", "flags": ["--mesh", "data=2"], "total": 6}'
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
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

STRIPS, SCENES, SIDE = 16, 8, 64
CONFIG = Config(
    model=dataclasses.replace(SMALL, stage_depths=(1, 1)),
    data=DataConfig(strips=0, real_strips=STRIPS, real_scenes=SCENES, read_words=2),
    optimizer=OptimizerConfig(learning_rate=2e-3, warmup_steps=2, total_steps=6),
)


def config(total: int = 6, microbatches: int = 1) -> Config:
    optimizer = dataclasses.replace(
        CONFIG.optimizer, total_steps=total, microbatches=microbatches, warmup_steps=2
    )
    return dataclasses.replace(CONFIG, optimizer=optimizer)


def resident() -> Any:
    """Eight crops: as many bars as their label has letters."""
    import jax.numpy as jnp

    from gemma3_jax.data.augment import WordTable
    from gemma3_jax.training.sources import Resident

    images = np.full((8, 32, 128, 3), 255, np.uint8)
    labels = np.zeros((8, 25), np.int32)
    for i in range(8):
        for bar in range(i % 4 + 1):
            images[i, 4:28, 10 + 20 * bar : 16 + 20 * bar] = 0
        labels[i, : i % 4 + 1] = 1 + np.arange(i % 4 + 1)
    cumulative = np.linspace(1 / 8, 1, 8, dtype=np.float32)
    table = WordTable(*map(jnp.asarray, (images, np.full(8, 128, np.float32), labels, cumulative)))
    return Resident(None, table)


def scene(step: int, row: int) -> tuple[np.ndarray, ...]:
    """Three words somewhere; a function of step and row, as `data.pipeline` promises."""
    rng = np.random.default_rng((step, row))
    quads = np.tile(np.array([[8, 8], [40, 8], [40, 20], [8, 20]], np.float32), (3, 1, 1))
    quads += rng.uniform(0, 20, (3, 1, 2)).astype(np.float32)
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
    mesh: Any = None,
) -> Any:
    """Train; `pause` seconds after each step give others the time to send a signal."""
    import jax

    from gemma3_jax.training.loop import Schedule, train

    def rest(state: Any) -> dict[str, float]:
        time.sleep(pause)
        return {}

    shard = (jax.process_index(), jax.process_count())
    return train(
        config(total, microbatches),
        resident(),
        workdir,
        scenes=lambda first: scenes(first, shard),
        validate=rest if pause else None,
        schedule=Schedule(log_every=1, validate_every=1, save_every=save_every),
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
    from gemma3_jax.training import cli
    from gemma3_jax.training.mesh import build_mesh, parse_mesh
    from gemma3_jax.training.preemption import EXIT_STATUS, Preempted

    workdir, flags = given.pop("workdir"), given.pop("flags")
    cache = os.environ["JAX_COMPILATION_CACHE_DIR"]
    args = cli.parse(["--config", "-", "--workdir", workdir, "--cache", cache, *flags])
    cli.start_jax(args)
    try:
        run(Path(workdir), mesh=build_mesh(parse_mesh(args.mesh)), **given)
    except Preempted:
        sys.exit(EXIT_STATUS)


if __name__ == "__main__":
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    main(json.loads(sys.argv[1]))
