"""What a run carries from step to step."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from jaxtyping import Array, Int

from gemma3_jax.config import Config, OptimizerConfig
from gemma3_jax.model.spotter import init_variables


class TrainState(NamedTuple):
    """A plain pytree: donated to the step, sharded by rule, saved by orbax."""

    step: Int[Array, ""]
    params: Any
    batch_stats: Any
    # Exponential moving averages, `{"params", "batch_stats"}`: what is validated and released. Averaged parameters want
    # averaged statistics: those that run along fit the parameters of the last steps (docs/training.md).
    ema: dict[str, Any]
    opt_state: Any


def learning_rate(config: OptimizerConfig) -> optax.Schedule:
    """Linear warm-up, then cosine to `final_fraction` of the peak."""
    return optax.warmup_cosine_decay_schedule(
        0.0,
        config.learning_rate,
        config.warmup_steps,
        config.total_steps,
        config.learning_rate * config.final_fraction,
    )


def decayed(params: Any) -> Any:
    """Which parameters weight decay pulls at: matrices and kernels, not norms and biases."""
    return jax.tree.map(lambda p: p.ndim > 1, params)


def adamw(config: OptimizerConfig) -> optax.GradientTransformation:
    """Loshchilov & Hutter 2019."""
    return optax.adamw(
        learning_rate(config), b2=config.b2, weight_decay=config.weight_decay, mask=decayed
    )


def muon(config: OptimizerConfig) -> optax.GradientTransformation:
    """Momentum made orthogonal for hidden matrices (Jordan et al. 2024), AdamW for kernels, norms, biases and the head.

    Updates are scaled to a root mean square of 0.2 (Liu et al. 2025), as AdamW's are, so that both share learning rates.
    """
    orthogonal = optax.contrib.muon(
        learning_rate(config), weight_decay=config.weight_decay, consistent_rms=0.2
    )
    return optax.partition({"muon": orthogonal, "adamw": adamw(config)}, _parts)


def _parts(params: Any) -> Any:
    def part(path: Any, param: Array) -> str:
        hidden = param.ndim == 2 and "head" not in (getattr(key, "key", None) for key in path)
        return "muon" if hidden else "adamw"

    return jax.tree_util.tree_map_with_path(part, params)


METHODS = {"adamw": adamw, "muon": muon}


def optimizer(
    config: OptimizerConfig, frozen: tuple[str, ...] = ()
) -> optax.GradientTransformation:
    """Clipping by global norm, then the method; decay on matrices and kernels only. `frozen` parts are left alone."""
    steps = optax.chain(optax.clip_by_global_norm(config.clip_norm), METHODS[config.method](config))
    if not frozen:
        return steps

    def moves(params: Any) -> Any:
        return {k: "frozen" if k in frozen else "moves" for k in params}

    return optax.partition({"moves": steps, "frozen": optax.set_to_zero()}, moves)


def init_state(config: Config, variables: dict[str, Any] | None = None) -> TrainState:
    """A fresh state; `variables` (a released model's) replace the random ones."""
    if variables is None:
        variables = init_variables(config.model, jax.random.key(config.seed))
    # Copies: params and ema must not share buffers, the step donates both.
    params, stats = (jax.tree.map(jnp.array, variables[k]) for k in ("params", "batch_stats"))
    return TrainState(
        jnp.zeros((), jnp.int32),
        params,
        stats,
        jax.tree.map(jnp.array, {"params": params, "batch_stats": stats}),
        optimizer(config.optimizer, config.frozen).init(params),
    )


def abstract_state(config: Config) -> TrainState:
    """Shapes and dtypes of a state; nothing is computed."""
    return jax.eval_shape(lambda: init_state(config))


def released_variables(state: TrainState) -> dict[str, Any]:
    """What inference uses of a state: averaged parameters and averaged statistics."""
    return state.ema
