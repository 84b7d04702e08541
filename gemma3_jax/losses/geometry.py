"""Losses of the four corners: how far each is off, and how much of the word the box covers."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def corner_loss(
    predicted: Float[Array, "b h w 4 2"],
    target: Float[Array, "b h w 4 2"],
    tolerance: Float[Array, "b h w 4"],
    weight: Float[Array, "b h w"],
) -> Float[Array, ""]:
    """Huber loss (beta 0.1) of the corner error in units of `tolerance` (cells), a mean over words, then over pictures.

    The tolerance is the word's height, more for a corner far away: one pixel on a 10 px word weighs what ten weigh on a
    100 px one, and a tenth of the height is where intersection over union of a short word starts to suffer.
    """
    error = (predicted - target).astype(jnp.float32) / jnp.maximum(tolerance, 0.5)[..., None]
    size = jnp.abs(error)
    huber = jnp.where(size < 0.1, 5.0 * size**2, size - 0.05).mean(axis=(-1, -2))
    return mean_of_words(huber, weight)


def iou_loss(
    predicted: Float[Array, "b h w 4 2"],
    target: Float[Array, "b h w 4 2"],
    weight: Float[Array, "b h w"],
) -> Float[Array, ""]:
    """1 - GIoU (Rezatofighi et al. 2019) of predicted and true quad in the true word's own frame, mean as in `corner_loss`.

    There the word is the unit square, turned and slanted words alike, and the predicted quad is the box of its mean sides.
    Unlike a distance in word heights it does not prefer small boxes when the size is unsure: half and double cost the same.
    """
    predicted, target = predicted.astype(jnp.float32), target.astype(jnp.float32)
    along = (target[..., 1, :] - target[..., 0, :] + target[..., 2, :] - target[..., 3, :]) / 2
    down = (target[..., 3, :] - target[..., 0, :] + target[..., 2, :] - target[..., 1, :]) / 2
    area = along[..., 0] * down[..., 1] - along[..., 1] * down[..., 0]
    area = jnp.where(jnp.abs(area) > 1e-2, area, 1.0)[..., None]  # off the words there is no frame
    d = predicted - target.mean(axis=-2, keepdims=True)
    a, e = along[..., None, :], down[..., None, :]
    u = (d[..., 0] * e[..., 1] - d[..., 1] * e[..., 0]) / area
    v = (a[..., 0] * d[..., 1] - a[..., 1] * d[..., 0]) / area
    low = jnp.stack([u[..., 0] + u[..., 3], v[..., 0] + v[..., 1]], axis=-1) / 2
    high = jnp.stack([u[..., 1] + u[..., 2], v[..., 2] + v[..., 3]], axis=-1) / 2
    low, high = jnp.clip(low, -4.0, 4.0), jnp.clip(high, -4.0, 4.0)
    own = jnp.prod(jnp.maximum(high - low, 0.0), axis=-1)
    shared = jnp.prod(jnp.maximum(jnp.minimum(high, 0.5) - jnp.maximum(low, -0.5), 0.0), axis=-1)
    hull = jnp.prod(jnp.maximum(high, 0.5) - jnp.minimum(low, -0.5), axis=-1)
    union = own + 1.0 - shared
    return mean_of_words(2.0 - shared / union - union / hull, weight)


def mean_of_words(loss: Float[Array, "b h w"], weight: Float[Array, "b h w"]) -> Float[Array, ""]:
    """Mean over the words of each picture, then over the pictures that have any.

    `weight` sums to 1 over the cells of each word, so that a long word teaches no more than a short one and, as in the focal
    loss, a page of a hundred words no more than a photograph of three.
    """
    words = jnp.sum(weight, axis=(1, 2))
    picture = jnp.sum(loss * weight, axis=(1, 2)) / jnp.maximum(words, 1.0)
    return jnp.sum(picture) / jnp.maximum(jnp.sum(words > 0), 1)
