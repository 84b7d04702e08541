"""Strips of features for the recogniser: a quad's perspective undone by gathering from the maps, static shapes only.

Small strokes live at strides 2 and 4, so a strip has cells of the stem's stride-2 map and, half as many each way, of the fused
stride-4 map. A tall word covers many cells: it is read from a coarser level of a mean pyramid (mip-mapping, Williams 1983),
so that what the recogniser sees is about `rows` cells high whatever the size of the word.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

LEVELS = 4  # mean-pyramid levels: words up to 2 * rows * 2 ** 3 = 256 px high without aliasing
OVERSAMPLING = 1.25  # cells per row up to which no coarser level is taken


class Features(NamedTuple):
    """What reading needs of a picture."""

    stem: Float[Array, "b h2 w2 c"]  # stride 2
    fused: Float[Array, "b h4 w4 c"]  # stride 4


class Strips(NamedTuple):
    """A word laid flat, zero beyond its end. A cell of the fused part spans two rows and columns of the stem's."""

    stem: Float[Array, "*b rows columns c"]
    fused: Float[Array, "*b rows2 columns2 c"]


def homography(quads: Float[Array, "*b 4 2"]) -> Float[Array, "*b 3 3"]:
    """Unit square -> quad, corners in order (0,0) (1,0) (1,1) (0,1) (Heckbert 1989, section 2.2.3)."""
    p0, p1, p2, p3 = (quads[..., i, :] for i in range(4))
    d1, d2, s = p1 - p2, p3 - p2, p0 - p1 + p2 - p3
    det = _cross(d1, d2)
    det = jnp.where(jnp.abs(det) < 1e-6, 1e-6, det)  # a collapsed quad samples something finite
    g, h = (jnp.clip(x / det, -0.95, 4.0) for x in (_cross(s, d2), _cross(d1, s)))
    column_u = p1 - p0 + g[..., None] * p1
    column_v = p3 - p0 + h[..., None] * p3
    top = jnp.stack([column_u, column_v, p0], axis=-1)
    bottom = jnp.stack([g, h, jnp.ones_like(g)], axis=-1)[..., None, :]
    return jnp.concatenate([top, bottom], axis=-2)


def _cross(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def quad_size(quads: Float[Array, "*b 4 2"]) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    """Mean width and height in the quad's own pixels."""

    def side(i: int, j: int) -> Array:
        return jnp.linalg.norm(quads[..., i, :] - quads[..., j, :] + 1e-9, axis=-1)

    return (side(1, 0) + side(2, 3)) / 2, (side(3, 0) + side(2, 1)) / 2


def used_columns(quads: Float[Array, "*b 4 2"], rows: int, columns: int) -> Float[Array, "*b"]:
    """Columns a word of this aspect fills at `rows` rows; longer ones are squeezed into `columns`."""
    width, height = quad_size(quads)
    return jnp.clip(jnp.round(rows * width / jnp.maximum(height, 1.0)), 4, columns)


def canvas_strips(
    features: Features, used: Float[Array, " b"]
) -> tuple[Strips, Bool[Array, "b columns"]]:
    """Strips of pictures that are strips already, of which so many columns are `used`: what `sample_strips` reduces to for one
    word (`n` = 1, its quad the used part), which needs no gather. Also which columns hold text."""
    return _masked(features.stem, features.fused, used)


def sample_strips(
    features: Features, quads: Float[Array, "b n 4 2"], rows: int, columns: int
) -> tuple[Strips, Bool[Array, "b n columns"]]:
    """Strips of the words in `quads` (pixels), `rows` and `columns` even, and which of their columns hold text."""
    used = used_columns(quads, rows, columns)
    height = quad_size(quads)[1]
    cells = height / 2 / rows / OVERSAMPLING
    level = jnp.clip(jnp.ceil(jnp.log2(jnp.maximum(cells, 1e-3))), 0, LEVELS - 1).astype(jnp.int32)

    def sampled(x: Array, step: int) -> Array:
        """Cells that span `step` rows and columns, of a map of `2 * step` px a cell."""
        u = (jnp.arange(columns // step) + 0.5) * step / used[..., None]
        v = (jnp.arange(rows // step) + 0.5) * step / rows
        return _mip_sample(x, _places(quads, u, v) / (2 * step), level)

    return _masked(sampled(features.stem, 1), sampled(features.fused, 2), used)


def _masked(stem: Array, fused: Array, used: Array) -> tuple[Strips, Array]:
    """Both parts of strips, cells whose middle lies beyond the `used` columns zero, and which columns do not."""

    def inside(x: Array, step: int) -> Array:
        return (jnp.arange(x.shape[-2]) + 0.5) * step <= used[..., None]

    def masked(x: Array, step: int) -> Array:
        return x * inside(x, step)[..., None, :, None].astype(x.dtype)

    return Strips(masked(stem, 1), masked(fused, 2)), inside(stem, 1)


def _places(
    quads: Float[Array, "b n 4 2"], u: Float[Array, "b n columns"], v: Float[Array, " rows"]
) -> Float[Array, "b n rows columns 2"]:
    """Where in the picture (px) the point u, v of each quad's unit square lies."""
    # No matrix product: TPUs and GPUs multiply float32 matrices in bfloat16 or TF32, pixels off at x = 1000.
    across, down, one = jnp.moveaxis(homography(quads)[..., None, None], (2, 3), (1, 0))
    xyw = across * u[..., None, :] + down * v[:, None] + one  # [3, b, n, rows, columns]
    return jnp.moveaxis(xyw[:2] / jnp.maximum(xyw[2], 0.05), 0, -1)


def _mip_sample(
    x: Float[Array, "b h w c"], xy: Float[Array, "b n rows columns 2"], level: Array
) -> Float[Array, "b n rows columns c"]:
    """Bilinear samples at `xy` (cells of `x`, centres at +0.5) from each word's own pyramid level."""
    levels = [x]
    for _ in range(LEVELS - 1):
        if levels[-1].shape[1] < 2 or levels[-1].shape[2] < 2:
            break
        levels.append(_halved(levels[-1]))
    level = jnp.minimum(level, len(levels) - 1)
    sizes = jnp.array([y.shape[1:3] for y in levels])
    starts = jnp.cumsum(jnp.concatenate([jnp.zeros(1, int), sizes[:-1].prod(axis=1)]))
    table = jnp.concatenate([y.reshape(y.shape[0], -1, y.shape[-1]) for y in levels], axis=1)

    start, (height, width) = starts[level], (sizes[level][..., i] for i in (0, 1))
    start, height, width = (s[:, :, None, None] for s in (start, height, width))
    xy = xy / (2.0**level)[:, :, None, None, None] - 0.5
    low = jnp.floor(xy)
    fraction = (xy - low).astype(x.dtype)
    x0, y0 = (low[..., i].astype(jnp.int32) for i in (0, 1))
    out = jnp.zeros((), x.dtype)
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = jnp.clip(x0 + dx, 0, width - 1), jnp.clip(y0 + dy, 0, height - 1)
            index = start + row * width + column
            taps = jax.vmap(lambda t, i: t[i])(table, index)
            wx = fraction[..., 0] if dx else 1 - fraction[..., 0]
            wy = fraction[..., 1] if dy else 1 - fraction[..., 1]
            out = out + taps * (wx * wy)[..., None]
    return out


def _halved(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Means of 2 x 2 cells. Of strided slices: a TPU would pad every axis of two that a reshape makes (docs/tpu.md)."""
    h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    rows = x[:, 0:h:2] + x[:, 1:h:2]
    return 0.25 * (rows[:, :, 0:w:2] + rows[:, :, 1:w:2])
