"""One training step, pure: `train_step(config, state, sources) -> (state, metrics)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from gemma3_jax.config import Config
from gemma3_jax.training.objective import loss_and_metrics
from gemma3_jax.training.state import TrainState, learning_rate, optimizer
from gemma3_jax.training.teacher import Teacher
from gemma3_jax.types import Batch


def split_rows(tree: Any, parts: int) -> Any:
    """`[b, ...]` -> `[parts, b / parts, ...]`: part i takes rows i, i + parts, ...

    So each part has its share of drawn and of real samples, and of the rows of every device: nothing moves between them.
    """

    def split(x: Array) -> Array:
        return x.reshape(x.shape[0] // parts, parts, *x.shape[1:]).swapaxes(0, 1)

    return jax.tree.map(split, tree)


def gradients_of(
    config: Config,
    state: TrainState,
    strips: Batch | None,
    scenes: Batch | None,
    key: Array,
    whole: Callable[[Any], Any],
    teacher: Teacher | None = None,
) -> tuple[Any, Any, dict[str, Array]]:
    """Gradients, BatchNorm statistics and metrics of a step, by `optimizer.microbatches` parts one after the other.

    Gradients and metrics are the means over the parts. That is the gradient of the whole batch for scenes whose parts have
    equally many words, as their normalisation is fixed. Strips are normalised within their part (over all devices):
    accumulating m parts of b strips trains as batches of b strips do, and the running statistics move m times a step.
    """

    def part(params: Any, stats: Any, strips: Any, scenes: Any, key: Array) -> Any:
        return loss_and_metrics(config, whole(params), stats, strips, scenes, key, teacher)

    gradient = jax.grad(part, has_aux=True)
    count = config.optimizer.microbatches
    if count == 1:
        total, (stats, metrics) = gradient(state.params, state.batch_stats, strips, scenes, key)
        return total, stats, metrics

    def accumulate(carry: Any, inputs: Any) -> Any:
        stats, total = carry
        gradients, (stats, metrics) = gradient(state.params, stats, *inputs)
        return (stats, jax.tree.map(jnp.add, total, gradients)), metrics

    start = (state.batch_stats, jax.tree.map(jnp.zeros_like, state.params))
    inputs = (*split_rows((strips, scenes), count), jax.random.split(key, count))
    (stats, total), metrics = jax.lax.scan(accumulate, start, inputs)
    return (
        jax.tree.map(lambda g: g / count, total),
        stats,
        jax.tree.map(jnp.mean, metrics),
    )


def train_step(
    config: Config,
    state: TrainState,
    strips: Batch | None,
    scenes: Batch | None,
    key: Array,
    whole: Callable[[Any], Any] = lambda params: params,
    teacher: Teacher | None = None,
) -> tuple[TrainState, dict[str, Array]]:
    """Loss, gradient, update, EMA. Jit it with `config` static and `state` donated (training.loop does).

    `whole` gathers parameters that are split over devices, just before they are used.
    """
    gradients, batch_stats, metrics = gradients_of(
        config, state, strips, scenes, key, whole, teacher
    )
    updates, opt_state = optimizer(config.optimizer, config.frozen).update(
        gradients, state.opt_state, state.params
    )
    params = optax.apply_updates(state.params, updates)
    # A short memory at first, or the average would be dragged along by the random start.
    decay = jnp.minimum(config.optimizer.ema_decay, (1.0 + state.step) / (10.0 + state.step))
    now = {"params": params, "batch_stats": batch_stats}
    # In this form what does not move (frozen parts) keeps its average to the bit.
    ema = jax.tree.map(lambda e, x: e + (1 - decay) * (x - e), state.ema, now)
    metrics |= {
        "gradient_norm": optax.tree.norm(gradients),
        "learning_rate": jnp.asarray(learning_rate(config.optimizer)(state.step)),
    }
    return TrainState(state.step + 1, params, batch_stats, ema, opt_state), metrics
