"""One training step, pure: `train_step(config, state, sources) -> (state, metrics)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from gemma3_jax.config import CANVAS_WIDTH, STRIDE, Config
from gemma3_jax.data.targets import detection_targets
from gemma3_jax.losses.ctc import ctc_loss
from gemma3_jax.losses.distill import column_divergence, heat_divergence
from gemma3_jax.losses.joint import detection_loss, total_loss
from gemma3_jax.model.spotter import Spotter
from gemma3_jax.training.state import TrainState, learning_rate, optimizer
from gemma3_jax.training.teacher import Teacher
from gemma3_jax.training.to_read import words_to_read
from gemma3_jax.types import Batch


def loss_and_metrics(
    config: Config,
    params: Any,
    batch_stats: Any,
    strips: Batch | None,
    scenes: Batch | None,
    key: Array,
    teacher: Teacher | None = None,
) -> tuple[Array, tuple[Any, dict[str, Array]]]:
    """Total loss of a step's strips and scenes; new BatchNorm statistics and metrics beside it.

    Strips, many and alike, are normalised by their own statistics and keep the running ones; scenes, few and unlike, by
    the running ones, as at inference. Statistics of both mixed would fit neither.
    """
    dtype = compute_dtype(config, jax.default_backend())
    metrics: dict[str, Array] = {}
    det = rec = taught = jnp.zeros(())

    def apply(*args: Any, method: str, train: bool = False) -> Any:
        nonlocal batch_stats
        model = Spotter(config.model, train=train, dtype=dtype)
        variables = {"params": params, "batch_stats": batch_stats}
        out, updates = model.apply(variables, *args, method=method, mutable=["batch_stats"])
        batch_stats = merge(batch_stats, updates.get("batch_stats", {}))
        return out

    if strips is not None:
        widths = strips.quads[:, 0, 1, 0]
        log_probs = apply(strips.images, widths, method="read_canvas", train=True)
        rec = rec + ctc_loss(log_probs, strips.labels[:, 0], strips.valid[:, 0])
        metrics["rec_strips"] = rec
        if teacher is not None:
            told = teacher(strips.images, widths, method="read_canvas", dtype=dtype)
            taught = metrics["taught_strips"] = column_divergence(
                log_probs, told, strips.valid[:, 0]
            )
    if scenes is not None:
        features = apply(scenes.images, method="features")
        maps = apply(features, method="detect")
        targets = detection_targets(
            scenes.quads, scenes.valid, scenes.ignore, maps.centre.shape[1:], STRIDE
        )
        terms = detection_loss(maps, targets)
        det = terms["det"]
        quads, labels, readable = words_to_read(config, scenes, key)
        log_probs = apply(features, quads, CANVAS_WIDTH // 2, method="read")
        b, n = readable.shape
        log_probs = log_probs.reshape(b * n, *log_probs.shape[2:])
        flat = ctc_loss(log_probs, labels.reshape(b * n, -1), readable.reshape(-1))
        metrics |= terms | {"rec_scenes": flat}
        rec = rec + flat
        if teacher is not None:
            heat, told = teacher.scenes(scenes.images, quads, CANVAS_WIDTH // 2, dtype)
            told = told.reshape(log_probs.shape)
            metrics["taught_heat"] = heat_divergence(maps.centre, heat)
            metrics["taught_scenes"] = column_divergence(log_probs, told, readable.reshape(-1))
            taught = taught + metrics["taught_scenes"] + config.lambda_det * metrics["taught_heat"]
    total = total_loss(det, rec, config.lambda_det, config.lambda_rec)
    total = total + config.lambda_taught * taught
    return total, (batch_stats, metrics | {"loss": total})


def compute_dtype(config: Config, backend: str) -> Any:
    """What activations are in; parameters, statistics and losses are float32 everywhere."""
    return jnp.bfloat16 if config.bf16 and backend != "cpu" else jnp.float32


def merge(old: Any, new: Any) -> Any:
    """`old` with the entries of `new`; a pass through one head leaves the other's statistics alone."""
    if not isinstance(old, dict):
        return new
    return {k: merge(v, new[k]) if k in new else v for k, v in old.items()}


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
    updates, opt_state = optimizer(config.optimizer).update(
        gradients, state.opt_state, state.params
    )
    params = optax.apply_updates(state.params, updates)
    # A short memory at first, or the average would be dragged along by the random start.
    decay = jnp.minimum(config.optimizer.ema_decay, (1.0 + state.step) / (10.0 + state.step))
    ema = jax.tree.map(lambda e, p: decay * e + (1 - decay) * p, state.ema, params)
    metrics |= {
        "gradient_norm": optax.tree.norm(gradients),
        "learning_rate": jnp.asarray(learning_rate(config.optimizer)(state.step)),
    }
    return TrainState(state.step + 1, params, batch_stats, ema, opt_state), metrics
