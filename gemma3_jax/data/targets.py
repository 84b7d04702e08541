"""Word quads -> what the detector should say in each cell, on the device."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

SIGMA = 0.22  # of the word's height: standard deviation of the heat across the line
CORNER_HEAT = 0.3  # cells hotter than this learn the corners


class DetectionTargets(NamedTuple):
    """Supervision of one batch; see losses.focal and losses.geometry."""

    heat: Float[Array, "b h w"]
    heat_weight: Float[Array, "b h w"]
    corners: Float[Array, "b h w 4 2"]
    height: Float[Array, "b h w"]  # cells
    corner_weight: Float[Array, "b h w"]


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
    owner = jnp.argmax(heats, axis=0)
    heat = jnp.max(heats, axis=0)

    u, v = local(centre)
    blind = (jnp.abs(u) <= 0.5) & (jnp.abs(v) <= 0.5) & (valid & ignore)[:, None, None]
    heat_weight = jnp.where((heat < CORNER_HEAT) & blind.any(axis=0), 0.0, 1.0)
    corners = quads[owner] - cells[:, :, None, :]
    corner_weight = jnp.where(heat > CORNER_HEAT, heat, 0.0)
    return DetectionTargets(heat, heat_weight, corners, height[owner], corner_weight)
