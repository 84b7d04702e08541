"""Focal loss of the centre heat-map."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

BETA = 2.0
LEAST_HEAT = 4.0  # cells: a picture with one small word must not outweigh a page


def focal_loss(
    logits: Float[Array, "b h w"], target: Float[Array, "b h w"], weight: Float[Array, "b h w"]
) -> Float[Array, ""]:
    """Quality focal loss (Li et al. 2020, eq. 2): `|y - p|^b * BCE(p, y)` with the Gaussian heat as soft target `y`.

    Every warm cell teaches, where CornerNet's penalty-reduced form has one positive per word and pushes its neighbours
    down. Not yet compared by itself (docs/training_log.md, run 3). Summed with `weight` (0 = do not care)
    and divided by each picture's own heat, so that a photograph of three words counts as much as a page of a hundred.
    """
    logits = logits.astype(jnp.float32)
    p = jax.nn.sigmoid(logits)
    entropy = target * jax.nn.softplus(-logits) + (1 - target) * jax.nn.softplus(logits)
    loss = jnp.abs(target - p) ** BETA * entropy * weight
    heat = jnp.sum(target * weight, axis=(1, 2))
    return jnp.mean(jnp.sum(loss, axis=(1, 2)) / jnp.maximum(heat, LEAST_HEAT))
