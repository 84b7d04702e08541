"""The parts of a training step, each compiled and timed by itself. `train_step.py` is the program."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from benchmarks.chips import CHIPS
from gemma3_jax.config import CANVAS_HEIGHT, CANVAS_WIDTH, Config
from gemma3_jax.model.depthwise import depthwise
from gemma3_jax.model.describe import multiply_adds
from gemma3_jax.training import mesh as meshes
from gemma3_jax.training.loop import compile_step
from gemma3_jax.training.objective import loss_and_metrics
from gemma3_jax.training.sources import Resident, load_resident, scenes_of_step, strips_of_step
from gemma3_jax.training.state import abstract_state, init_state
from gemma3_jax.types import Batch

KINDS = {  # which counts of a step stay
    "strips": ("strips", "real_strips"),
    "scenes": ("scenes", "real_scenes"),
    "joint": meshes.COUNTS,
}
MAPS = ((16, 64, 24), (8, 32, 96), (4, 32, 192), (80, 80, 64), (20, 20, 160))  # h, w, c


def only(config: Config, kind: str) -> Config:
    """`config` with the samples of `kind` alone."""
    dropped = dict.fromkeys(set(meshes.COUNTS) - set(KINDS[kind]), 0)
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **dropped))


def milliseconds(call: Callable[[], Any], repeat: int) -> float:
    """Mean of `repeat` calls that follow one another without waiting, after one that compiles and warms up."""
    jax.block_until_ready(call())
    begun, result = time.perf_counter(), None
    for _ in range(repeat):
        result = call()
    jax.block_until_ready(result)
    return 1e3 * (time.perf_counter() - begun) / repeat


def forward_flops(config: Config) -> float:
    """Twice the multiply-adds of a step's forward pass, counted in the traced program (`model.describe`), all devices."""
    counted = dataclasses.replace(
        config, model=dataclasses.replace(config.model, depthwise="conv")
    )  # its products are visible in the program
    data, state = config.data, abstract_state(config)
    strips = _batch(data.strips + data.real_strips, (CANVAS_HEIGHT, CANVAS_WIDTH), 1, config)
    side = (data.scene_size, data.scene_size)
    scenes = _batch(data.scenes + data.real_scenes, side, data.scene_words, config)
    loss = partial(loss_and_metrics, counted)
    key = jax.eval_shape(lambda: jax.random.key(0))
    return 2.0 * multiply_adds(loss, state.params, state.batch_stats, strips, scenes, key)


def _batch(count: int, size: tuple[int, int], words: int, config: Config) -> Batch | None:
    if not count:
        return None
    shapes = ((*size, 3), (words, 4, 2), (words, config.data.max_label), (words,), (words,))
    kinds = (jnp.uint8, jnp.float32, jnp.int32, bool, bool)
    leaves = [jax.ShapeDtypeStruct((count, *s), d) for s, d in zip(shapes, kinds, strict=True)]
    return Batch(*leaves)


def host_scenes(config: Config, data: Path | None) -> Iterator[Batch] | None:
    """What the host feeds: real scenes of `data`, or noise with a word in it where no data are at hand."""
    if not config.data.real_scenes:
        return None
    if data is not None:
        from gemma3_jax.training import sources

        return sources.host_scenes(config, data, 0)

    side = (config.data.scene_size, config.data.scene_size)
    like: Any = _batch(config.data.real_scenes, side, config.data.scene_words, config)
    rng = np.random.default_rng(0)

    def batches() -> Iterator[Batch]:
        batch = Batch(*(np.zeros(leaf.shape, leaf.dtype) for leaf in like))
        batch.quads[:, 0] = [[10, 10], [60, 10], [60, 30], [10, 30]]
        batch.labels[:, 0, 0], batch.valid[:, 0] = 1, True
        batch.images[:] = rng.integers(0, 255, batch.images.shape, np.uint8)
        while True:
            yield batch

    return batches()


def measure(
    config: Config,
    mesh: Mesh,
    cache: Path,
    data: Path | None,
    repeat: int,
    profile: str | None = None,
) -> dict[str, float]:
    """Milliseconds of draw, forward, backward, update, the whole step, and the wait for the host; `forward_flops` beside them.

    Forward and gradient run on one batch drawn before; backward and update are differences, so that what the compiler gains by
    fusing parts of the whole step is in `update_ms`, which may then be negative.
    """
    meshes.check_divisible(config, mesh)
    resident = load_resident(config, cache, None)
    resident = meshes.place(resident, meshes.replicated(mesh))
    shapes = abstract_state(config)
    state = meshes.place(init_state(config), meshes.state_shardings(mesh, shapes))
    feed = host_scenes(config, data)
    batch = None if feed is None else meshes.global_batch(next(feed), mesh)

    draw = _drawing(config, mesh)
    drawn = draw(resident, state.step, batch)
    loss = partial(loss_and_metrics, config)
    forward = jax.jit(lambda *arguments: loss(*arguments)[0])
    gradient = jax.jit(jax.grad(lambda *arguments: loss(*arguments)[0]))
    held = (state.params, state.batch_stats, *drawn, jax.random.key(0))
    found = {
        "draw_ms": milliseconds(lambda: draw(resident, state.step, batch), repeat),
        "forward_ms": milliseconds(lambda: forward(*held), repeat),
    }
    found["backward_ms"] = milliseconds(lambda: gradient(*held), repeat) - found["forward_ms"]
    found |= _whole(config, mesh, state, resident, feed, batch, repeat, profile)
    parts = found["draw_ms"] + found["forward_ms"] + found["backward_ms"]
    return found | {
        "update_ms": found["step_ms"] - parts,
        "forward_flops": forward_flops(config),
    }


def _drawing(config: Config, mesh: Mesh) -> Callable[..., Any]:
    """The samples of a step alone, laid out as the step lays them out."""
    split = meshes.batched(mesh)

    @jax.jit
    def draw(resident: Resident, step: Any, scenes: Batch | None) -> Any:
        pair = (
            strips_of_step(config, resident, step),
            scenes_of_step(config, resident, step, scenes),
        )
        return tuple(
            None if batch is None else jax.lax.with_sharding_constraint(batch, split)
            for batch in pair
        )

    return draw


def _whole(
    config: Config,
    mesh: Mesh,
    state: Any,
    resident: Resident,
    feed: Iterator[Batch] | None,
    batch: Batch | None,
    repeat: int,
    profile: str | None,
) -> dict[str, float]:
    """The trainer's step on a batch that lies on the device, then as the trainer runs it, fed by the host."""
    step = compile_step(config, mesh, state)
    held = jax.tree.map(jnp.copy, state)  # the step gives its own away

    def resting() -> Any:
        nonlocal held
        held, metrics = step(held, resident, batch)
        return metrics

    def fed() -> Any:
        nonlocal held
        fresh = None if feed is None else meshes.global_batch(next(feed), mesh)
        held, metrics = step(held, resident, fresh)
        return metrics

    begun = time.perf_counter()
    jax.block_until_ready(resting())
    compiled = time.perf_counter() - begun
    found = {"compile_s": compiled, "step_ms": milliseconds(resting, repeat)}
    found["host_wait_ms"] = max(0.0, milliseconds(fed, repeat) - found["step_ms"]) if feed else 0.0
    if profile:
        with jax.profiler.trace(profile):
            milliseconds(fed, 3)
    return found


def peak_flops(mesh: Mesh) -> tuple[float, str]:
    """Of all devices together: published (`chips`), or that of the best float32 matrix product this machine does."""
    kind = mesh.devices.flat[0].device_kind
    if kind in CHIPS:
        return CHIPS[kind].flops * mesh.size, f"{CHIPS[kind].name}, published"
    n = 1024
    a = jax.device_put(jnp.ones((mesh.size * n, n)), meshes.batched(mesh))
    b = jax.device_put(jnp.ones((n, n)), meshes.replicated(mesh))
    product = jax.jit(lambda a, b: a @ b)
    spent = min(milliseconds(lambda: product(a, b), 3) for _ in range(3))
    return 2 * mesh.size * n**3 / (1e-3 * spent), f"{kind}, measured on a matrix product"


def compare_depthwise(batch: int, dtype: Any, repeat: int) -> list[tuple[str, str, float, float]]:
    """(map, implementation, ms forward, ms with both gradients) of every implementation on one device."""
    rows = []
    for h, w, c in MAPS:
        x, g = (jax.random.normal(jax.random.key(i), (batch, h, w, c), dtype) for i in (0, 1))
        kernel = jax.random.normal(jax.random.key(2), (3, 3, 1, c), dtype)
        for name in ("shift", "conv"):
            layer = partial(depthwise, implementation=name)
            forward = jax.jit(layer)
            both = jax.jit(lambda x, k, g, layer=layer: jax.vjp(layer, x, k)[1](g))
            spent = [
                milliseconds(partial(forward, x, kernel), repeat),
                milliseconds(partial(both, x, kernel, g), repeat),
            ]
            rows.append((f"{batch} x {h} x {w} x {c}", name, *spent))
    return rows
