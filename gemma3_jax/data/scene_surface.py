"""Which paper every pixel of a drawn scene shows, and where on it: each paper is seen through its own perspective."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data import warp
from gemma3_jax.data.flow import by_kind
from gemma3_jax.data.layout import BLOCKS, Papers

APART = 32768.0  # paper units between the papers in `Surface.x`, so that one number tells paper and place
_FAR = 12000.0


class Surface(NamedTuple):
    """What every canvas pixel shows of the papers. [h, w] each, but `mine`."""

    x: Any  # paper units, paper i at APART * i
    y: Any
    mine: Any  # [k, h, w] bool: the pixel is in this paper's cell
    outside: Any  # px from the box around the words, negative inside
    edge: Any  # px from the edge of the sheet or sign, negative inside


def surface(papers: Papers, margins: Any, shape: tuple[int, int]) -> Surface:
    """Look through every pixel at its paper. margins: [k, 2] from the words to the sheet's edge, paper units."""
    px, py = jnp.arange(shape[1]) + 0.5, (jnp.arange(shape[0]) + 0.5)[:, None]
    middle = (papers.extent[:, :2] + papers.extent[:, 2:]) / 2
    half = (papers.extent[:, 2:] - papers.extent[:, :2]) / 2
    back = jax.vmap(warp.inverse)(papers.matrix)
    seen = jax.vmap(warp.project)(papers.matrix, middle)
    back = back / ((back[:, 2, :2] * seen).sum(1) + back[:, 2, 2])[:, None, None]  # depth 1 there

    def look(found: tuple, paper: tuple) -> tuple[tuple, Any]:
        m, middle, half, margin, pixel, cell, apart = paper
        depth = m[2, 0] * px + m[2, 1] * py + m[2, 2]
        per = 1 / jnp.maximum(depth, 1e-3)
        x = (m[0, 0] * px + m[0, 1] * py + m[0, 2]) * per
        y = (m[1, 0] * px + m[1, 1] * py + m[1, 2]) * per
        # nothing is seen behind the camera
        x = jnp.where(depth > 0.05, jnp.clip(x, -_FAR, _FAR), _FAR)
        across, down = jnp.abs(x - middle[0]) - half[0], jnp.abs(y - middle[1]) - half[1]
        words = jnp.maximum(across, down) * pixel
        sheet = jnp.maximum(across - margin[0], down - margin[1]) * pixel
        mine = (px >= cell[0]) & (px < cell[2]) & (py >= cell[1]) & (py < cell[3])
        new = (x + apart, y, words, sheet)
        return tuple(jnp.where(mine, *pair) for pair in zip(new, found, strict=True)), mine

    apart = APART * jnp.arange(BLOCKS)
    each = (back, middle, half, margins, papers.pixel, papers.cell, apart)
    (x, y, outside, edge), mine = jax.lax.scan(look, (jnp.full(shape, _FAR),) * 4, each)
    return Surface(x, y, mine, outside, edge)


def margins(u: Any, kind: Any) -> Any:
    """From the words to the edge of their sheet [k, 2], paper units; pages mostly fill the picture. u: [k, 4]"""
    near = 6 + 50 * u[:, :2] ** 1.5
    whole = jnp.where(u[:, 2:3] < 0.65, _FAR, 15 + 60 * u[:, :2])
    long = jnp.stack([10 + 70 * u[:, 0], jnp.where(u[:, 3] < 0.7, _FAR, 20 + 60 * u[:, 1])], -1)
    return by_kind(kind, near, whole, long)
