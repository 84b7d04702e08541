"""What a step minimises: CTC on strips and words of scenes, detection on scenes, and a teacher's answers on both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from gemma3_jax.config import CANVAS_WIDTH, STRIDE, Config
from gemma3_jax.data.targets import detection_targets
from gemma3_jax.losses.ctc import ctc_loss, nothing_loss
from gemma3_jax.losses.distill import column_divergence, heat_divergence
from gemma3_jax.losses.joint import detection_loss, total_loss
from gemma3_jax.model.spotter import Spotter
from gemma3_jax.training.teacher import Teacher
from gemma3_jax.training.to_read import nothing_to_read, words_to_read
from gemma3_jax.types import Batch, DetectionMaps

Call = Callable[..., Any]  # of a method of `Spotter`, by name
Terms = dict[str, Array]


def loss_and_metrics(
    config: Config,
    params: Any,
    batch_stats: Any,
    strips: Batch | None,
    scenes: Batch | None,
    key: Array,
    teacher: Teacher | None = None,
) -> tuple[Array, tuple[Any, Terms]]:
    """Total loss of a step's strips and scenes; new BatchNorm statistics and metrics beside it.

    Strips, many and alike, are normalised by their own statistics and keep the running ones; scenes, few and unlike, by
    the running ones, as at inference. Statistics of both mixed would fit neither.
    """
    dtype = compute_dtype(config, jax.default_backend())
    params = {k: jax.lax.stop_gradient(v) if k in config.frozen else v for k, v in params.items()}

    def apply(*args: Any, method: str, train: bool = False) -> Any:
        nonlocal batch_stats
        model = Spotter(config.model, train=train, dtype=dtype, frozen=config.frozen)
        variables = {"params": params, "batch_stats": batch_stats}
        out, updates = model.apply(variables, *args, method=method, mutable=["batch_stats"])
        batch_stats = merge(batch_stats, updates.get("batch_stats", {}))
        return out

    ask = partial(teacher, dtype=dtype) if teacher is not None else None
    terms: Terms = {}
    if strips is not None:
        terms |= strip_terms(apply, strips, ask)
    if scenes is not None:
        terms |= scene_terms(config, apply, scenes, key, ask)
    total = weighed(config, terms)
    return total, (batch_stats, terms | {"loss": total})


def strip_terms(apply: Call, strips: Batch, ask: Call | None) -> Terms:
    """`rec_strips` and, with a teacher to ask, `taught_strips`."""
    seen = strips.images, strips.quads[:, 0, 1, 0]
    valid = strips.valid[:, 0]
    log_probs = apply(*seen, method="read_canvas", train=True)
    terms = {"rec_strips": ctc_loss(log_probs, strips.labels[:, 0], valid)}
    if ask:
        told = ask(*seen, method="read_canvas")
        terms["taught_strips"] = column_divergence(log_probs, told, valid)
    return terms


def scene_terms(config: Config, apply: Call, scenes: Batch, key: Array, ask: Call | None) -> Terms:
    """`det` with its parts and, where words are read, `reading_terms`; with a teacher `taught_heat`."""
    features = apply(scenes.images, method="features")
    maps = apply(features, method="detect")
    shape = maps.centre.shape[1:]
    targets = detection_targets(scenes.quads, scenes.valid, scenes.ignore, shape, STRIDE)
    terms = detection_loss(maps, targets)
    theirs = ask(scenes.images, method="features") if ask else None
    if ask:
        terms["taught_heat"] = heat_divergence(maps.centre, ask(theirs, method="detect").centre)
    if config.data.read_words:
        read = partial(apply, features, method="read")
        told = partial(ask, theirs, method="read") if ask else None
        terms |= reading_terms(config, read, maps, scenes, key, told)
    return terms


def reading_terms(
    config: Config, read: Call, maps: DetectionMaps, scenes: Batch, key: Array, told: Call | None
) -> Terms:
    """`rec_scenes`, where wanted `rec_nothing`; with a teacher, who has `told`, `taught_scenes`."""
    quads, labels, readable = words_to_read(config, scenes, key)
    columns, words = CANVAS_WIDTH // 2, readable.shape[1]
    empty = jnp.zeros((len(quads), 0), bool)
    if config.data.read_nothing:
        others, empty = nothing_to_read(config, maps, scenes, jax.random.fold_in(key, 1))
        quads = jnp.concatenate([quads, others], axis=1)

    def flat(x: Array) -> Array:
        return x.reshape(-1, *x.shape[2:])

    answers = read(quads, columns)
    log_probs = flat(answers[:, :words])
    terms = {"rec_scenes": ctc_loss(log_probs, flat(labels), flat(readable))}
    if config.data.read_nothing:
        terms["rec_nothing"] = nothing_loss(flat(answers[:, words:]), flat(empty))
    if told:
        theirs = flat(told(quads[:, :words], columns))
        terms["taught_scenes"] = column_divergence(log_probs, theirs, flat(readable))
    return terms


def weighed(config: Config, terms: Terms) -> Array:
    """The total of the terms that there are."""

    def of(*names: str) -> Array:
        return sum((terms[name] for name in names if name in terms), jnp.zeros(()))

    reading = of("rec_strips", "rec_scenes", "rec_nothing")
    taught = of("taught_strips", "taught_scenes") + config.lambda_det * of("taught_heat")
    labelled = total_loss(of("det"), reading, config.lambda_det, config.lambda_rec)
    return labelled + config.lambda_taught * taught


def compute_dtype(config: Config, backend: str) -> Any:
    """What activations are in; parameters, statistics and losses are float32 everywhere."""
    return jnp.bfloat16 if config.bf16 and backend != "cpu" else jnp.float32


def merge(old: Any, new: Any) -> Any:
    """`old` with the entries of `new`; a pass through one head leaves the other's statistics alone."""
    if not isinstance(old, dict):
        return new
    return {k: merge(v, new[k]) if k in new else v for k, v in old.items()}
