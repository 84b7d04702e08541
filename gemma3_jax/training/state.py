"""What a run carries from step to step."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from gemma3_jax.config import Config, OptimizerConfig
from gemma3_jax.model.spotter import init_variables


class TrainState(NamedTuple):
    """A plain pytree: donated to the step, sharded by rule, saved by orbax."""

    step: Int[Array, ""]
    params: Any
    batch_stats: Any
    ema: Any  # exponential moving average of params: what is validated and released
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


def optimizer(config: OptimizerConfig) -> optax.GradientTransformation:
    """Clipping by global norm, then AdamW; decay on matrices and kernels only, not on norms and biases."""

    def decayed(params: Any) -> Any:
        return jax.tree.map(lambda p: p.ndim > 1, params)

    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(
            learning_rate(config), b2=config.b2, weight_decay=config.weight_decay, mask=decayed
        ),
    )


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
        jax.tree.map(jnp.array, params),
        optimizer(config.optimizer).init(params),
    )


def abstract_state(config: Config) -> TrainState:
    """Shapes and dtypes of a state; nothing is computed."""
    return jax.eval_shape(lambda: init_state(config))


def released_variables(state: TrainState) -> dict[str, Any]:
    """What inference uses of a state: the averaged parameters and the running statistics."""
    return {"params": state.ema, "batch_stats": state.batch_stats}
