"""Loss of the four corners, in units of the word's height."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def corner_loss(
    predicted: Float[Array, "b h w 4 2"],
    target: Float[Array, "b h w 4 2"],
    height: Float[Array, "b h w"],
    weight: Float[Array, "b h w"],
) -> Float[Array, ""]:
    """Huber loss (beta 0.1) of the corner error divided by the word's height in cells, weighted mean over cells.

    A tenth of the height is where intersection over union of a short word starts to suffer: one pixel on a 10 px word
    weighs what ten weigh on a 100 px one. `weight` is 0 off the words and on do-not-care regions.
    """
    error = (predicted - target).astype(jnp.float32) / jnp.maximum(height, 0.5)[..., None, None]
    size = jnp.abs(error)
    huber = jnp.where(size < 0.1, 5.0 * size**2, size - 0.05).mean(axis=(-1, -2))
    return jnp.sum(huber * weight) / jnp.maximum(jnp.sum(weight), 1.0)
