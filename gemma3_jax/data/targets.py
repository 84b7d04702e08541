"""Word quads -> what the detector should say in each cell, on the device."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

SIGMA = 0.22  # of the word's height: standard deviation of the heat across the line
# Cells this near the word's middle line, all along it, learn the corners: of the height, and cells at least.
BAND, LEAST_BAND = 0.3, 0.8


class DetectionTargets(NamedTuple):
    """Supervision of one batch; see losses.focal and losses.geometry."""

    heat: Float[Array, "b h w"]
    heat_weight: Float[Array, "b h w"]
    corners: Float[Array, "b h w 4 2"]
    tolerance: Float[Array, "b h w 4"]  # cells: the unit in which an error of that corner counts
    corner_weight: Float[Array, "b h w"]  # sums to 1 over each word
    quads: Float[Array, "b n 4 2"]  # cells
    found: Bool[Array, "b n"]  # which of them are to be found


def detection_targets(
    quads: Float[Array, "b n 4 2"],
    valid: Bool[Array, "b n"],
    ignore: Bool[Array, "b n"],
    shape: tuple[int, int],
    stride: int,
) -> DetectionTargets:
    """Heat of 1 at the cell of each word's centre, falling off as a Gaussian along the word's own axes.

    Along the line the spread grows with the square root of the aspect: sharp enough for one peak, wide enough to be
    found. `ignore` words switch the heat loss off inside their quad.

    Corners are learnt by every cell along the word's middle line, because the decoder asks the cells near an end for the
    corners of that end; a cell far from a corner is forgiven in proportion.
    """
    return jax.vmap(lambda q, v, i: _one_image(q / stride, v, i, shape))(quads, valid, ignore)


def _one_image(
    quads: Array, valid: Array, ignore: Array, shape: tuple[int, int]
) -> DetectionTargets:
    h, w = shape
    cells = jnp.stack(jnp.meshgrid(jnp.arange(w) + 0.5, jnp.arange(h) + 0.5), axis=-1)  # [h, w, 2]
    centre = quads.mean(axis=1)
    along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
    down = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
    area = along[:, 0] * down[:, 1] - along[:, 1] * down[:, 0]
    area = jnp.where(jnp.abs(area) < 1e-3, 1e-3, area)[:, None, None]
    width, height = (jnp.maximum(jnp.linalg.norm(x, axis=-1), 0.25) for x in (along, down))

    def local(origin: Array) -> tuple[Array, Array]:
        """Coordinates of every cell in units of the word's own width and height, [n, h, w] each."""
        d = cells[None] - origin[:, None, None, :]
        a, e = along[:, None, None, :], down[:, None, None, :]
        u = (d[..., 0] * e[..., 1] - d[..., 1] * e[..., 0]) / area
        v = (a[..., 0] * d[..., 1] - a[..., 1] * d[..., 0]) / area
        return u, v

    u, v = local(jnp.floor(centre) + 0.5)
    thick = jnp.maximum(SIGMA * height, 0.6)
    long = jnp.maximum(SIGMA * jnp.sqrt(width * height), 0.6)
    distance = (u * width[:, None, None] / long[:, None, None]) ** 2
    distance += (v * height[:, None, None] / thick[:, None, None]) ** 2
    word = (valid & ~ignore)[:, None, None]
    heats = jnp.where(word, jnp.exp(-distance / 2), 0.0)
    heat = jnp.max(heats, axis=0)

    u, v = local(centre)
    inside = (jnp.abs(u) <= 0.5) & (jnp.abs(v) <= 0.5)
    blind = (inside & (valid & ignore)[:, None, None]).any(axis=0)
    half = jnp.maximum(BAND * height, LEAST_BAND)[:, None, None]
    band = word & (jnp.abs(u) <= 0.5) & (jnp.abs(v) * height[:, None, None] <= half)
    owner = jnp.argmax(heats + band, axis=0)  # of crossing words the one whose centre is nearest
    own = band & (owner == jnp.arange(len(quads))[:, None, None])
    share = own / jnp.maximum(own.sum(axis=(1, 2), keepdims=True), 1)
    corners = quads[owner] - cells[:, :, None, :]
    tolerance = jnp.maximum(height[owner][..., None], jnp.linalg.norm(corners, axis=-1) / 2)
    heat_weight = jnp.where(blind & ~own.any(axis=0), 0.0, 1.0)
    return DetectionTargets(
        heat, heat_weight, corners, tolerance, share.sum(axis=0), quads, word[:, 0, 0]
    )
