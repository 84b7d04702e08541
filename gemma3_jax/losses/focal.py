"""Focal loss of the centre heat-map."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

ALPHA, BETA = 2.0, 4.0


def focal_loss(
    logits: Float[Array, "b h w"], target: Float[Array, "b h w"], weight: Float[Array, "b h w"]
) -> Float[Array, ""]:
    """Penalty-reduced pixelwise focal loss (CornerNet, Law & Deng 2018, eq. 1; CenterNet eq. 1), per word.

    `-(1 - p)^a log p` where `target` is 1, else `-(1 - target)^b p^a log(1 - p)`; summed with `weight` (0 = do not
    care) and divided by the number of positives, at least 1.
    """
    logits = logits.astype(jnp.float32)
    p = jax.nn.sigmoid(logits)
    positive = (target >= 1.0).astype(jnp.float32)
    hit = (1 - p) ** ALPHA * jax.nn.softplus(-logits) * positive
    miss = (1 - target) ** BETA * p**ALPHA * jax.nn.softplus(logits) * (1 - positive)
    return jnp.sum((hit + miss) * weight) / jnp.maximum(jnp.sum(positive * weight), 1.0)
