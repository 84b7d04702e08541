"""Real word crops, seen anew each time: on the device, from `(key, index)` alone."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gemma3_jax.data.effects import blur, gaussian, hash_noise, jpeg, tone
from gemma3_jax.data.real import WordPack
from gemma3_jax.types import Batch


class WordTable(NamedTuple):
    """A `WordPack` in device memory with the odds of each word being drawn."""

    images: Array  # [m, 32, 128, 3] uint8
    widths: Array  # [m] float32 px
    labels: Array  # [m, l] int32
    cumulative: Array  # [m] cumulative sampling probability


def word_table(pack: WordPack, weights: dict[str, float]) -> WordTable:
    """Arrays of `pack`; `weights` give each corpus's words their odds (see WordPack.weights)."""
    cumulative = np.cumsum(pack.weights(weights)).astype(np.float32)
    return WordTable(
        jnp.asarray(pack.images),
        jnp.asarray(pack.widths, jnp.float32),
        jnp.asarray(pack.labels, jnp.int32),
        jnp.asarray(cumulative),
    )


def real_strips(key: Array, table: WordTable, count: int) -> Batch:
    """`count` augmented crops; sample i depends on `fold_in(key, i)` only, so device counts do not matter."""
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(count))
    images, widths, labels = jax.vmap(lambda k: _one(k, table))(keys)
    zero, tall = jnp.zeros_like(widths), jnp.full_like(widths, images.shape[1])
    corners = [(zero, zero), (widths, zero), (widths, tall), (zero, tall)]
    quads = jnp.stack([jnp.stack(c, axis=-1) for c in corners], axis=1)[:, None]
    ones = jnp.ones((count, 1), bool)
    return Batch(images, quads, labels[:, None], ones, ~ones)


def _one(key: Array, table: WordTable) -> tuple[Array, Array, Array]:
    u = jax.random.uniform(key, (14,))
    pick = jnp.minimum(jnp.searchsorted(table.cumulative, u[0]), len(table.widths) - 1)
    image, width = table.images[pick].astype(jnp.float32) / 255, table.widths[pick]
    image, width = _warp(image, width, u[jnp.array([1, 2, 3, 4, 5, 12, 13])] * 2 - 1)
    # Photometry: exposure and gamma, negative, colour shift, defocus, sensor noise, JPEG, each for a share of the crops.
    image = jnp.where(u[6] < 0.12, 1 - image, image)
    image = jnp.where(u[7] < 0.08, image[..., ::-1], image)
    v = jax.random.uniform(jax.random.fold_in(key, 1), (8,)) * 2 - 1
    image = tone(image, 1 + 0.35 * v[0], 0.15 * v[1], 0.5 * v[2])
    image = paled(image, jnp.where(v[6] < -0.84, 0.15 + 0.6 * jnp.abs(v[7]), 1.0))
    kernel = gaussian(jnp.where(u[8] < 0.25, 0.5 + 0.9 * jnp.abs(v[3]), 0.0))
    image = blur(image, kernel, kernel)
    noise = hash_noise(jax.random.bits(jax.random.fold_in(key, 2)), image.shape)
    image = image + noise * jnp.where(u[9] < 0.3, 0.06 * jnp.abs(v[4]), 0.0)
    image = jnp.where(u[10] < 0.15, jpeg(jnp.clip(image, 0, 1), 1 + 2 * jnp.abs(v[5])), image)
    image = jnp.clip(jnp.round(image * 255), 0, 255).astype(jnp.uint8)
    return image, width, table.labels[pick]


def paled(image: Float[Array, "h w 3"], contrast: Array) -> Float[Array, "h w 3"]:
    """The picture with its contrast times `contrast`, its mean colour kept."""
    mean = image.mean((0, 1))
    return mean + (image - mean) * contrast


def _warp(
    image: Float[Array, "h w 3"], width: Float[Array, ""], amount: Float[Array, 7]
) -> tuple[Float[Array, "h w 3"], Float[Array, ""]]:
    """The crop as an imperfect box would have cut it: stretch, margins, slant, tilt and shift; bilinear, edges repeat.

    A fifth of the crops lean by up to 17 degrees and are seen smaller, as in the upright box around a leaning word.
    """
    h, w, _ = image.shape
    stretch = jnp.exp(0.22 * amount[0])
    slant = 0.25 * amount[2]
    tilt = jnp.where(amount[5] < -0.6, 0.3, 0.05) * amount[3]
    grow = 1 + 0.7 * jnp.maximum(jnp.abs(tilt) - 0.05, 0) * width / h
    new_width = jnp.clip(jnp.round(width * stretch / grow), 8, w)
    x, y = jnp.arange(w) + 0.5, (jnp.arange(h) + 0.5)[:, None]
    zoom_x, zoom_y = 1.04 + 0.1 * amount[1], 1.06 + 0.14 * amount[6]
    from_x = (x - new_width / 2) * (width / new_width) * zoom_x
    from_y = (y - h / 2) * grow * zoom_y
    at_x = from_x + slant * from_y + width / 2
    at_y = from_y + tilt * from_x + h / 2 + 1.5 * amount[4]
    at_x, at_y = jnp.clip(at_x - 0.5, 0, width - 1.001), jnp.clip(at_y - 0.5, 0, h - 1.001)
    x0, y0 = jnp.floor(at_x), jnp.floor(at_y)
    fx, fy = (at_x - x0)[..., None], (at_y - y0)[..., None]
    index = (y0 * w + x0).astype(jnp.int32)
    flat = jnp.pad(image.reshape(h * w, 3), ((0, w + 1), (0, 0)))
    top = flat[index] * (1 - fx) + flat[index + 1] * fx
    bottom = flat[index + w] * (1 - fx) + flat[index + w + 1] * fx
    return top * (1 - fy) + bottom * fy, new_width


def concatenate(first: Batch, second: Batch) -> Batch:
    """Two batches of the same picture size as one."""
    return Batch(*(jnp.concatenate(pair) for pair in zip(first, second, strict=True)))
