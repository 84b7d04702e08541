"""Bilinear sampling as ONNX: four taps by one GatherND, blended by one matrix product.

ONNX has GridSample for this; ONNX Runtime's CPU kernel takes 2.5 times as long for our strips (docs/export.md), and it
cannot keep a sample within one level of a pyramid.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gemma3_jax.export.graph import Graph, Tensor

RIGHT, DOWN = np.array([0, 1, 0, 1], np.float32), np.array([0, 0, 1, 1], np.float32)  # the taps


def bilinear(
    g: Graph,
    table: Tensor,
    places: tuple[Tensor, Tensor],
    size: tuple[Any, Any],
    start: Any = 0.0,
    weight: Any = 1.0,
) -> Tensor:
    """Samples `[b, *p, c]` of a map stored row by row as `table` `[b, cells, c]`.

    places: x and y `[b, *p]` in cells, centres at +0.5. size: width and height of the map, floats that broadcast against
    the places, as do `start`, the cell of the table where the map begins, and `weight`, which multiplies the sample.
    Taps beyond the border repeat it. Cells are counted in float32: exact up to 16 million.
    """
    (x, y), (width, height) = (place - 0.5 for place in places), size
    left, top = g.Floor(x), g.Floor(y)
    across = g.Abs((x - left)[..., None] - (1 - RIGHT))
    down = g.Abs((y - top)[..., None] - (1 - DOWN))
    column = _clamp(g, left[..., None] + RIGHT, (width - 1.0)[..., None])
    row = _clamp(g, top[..., None] + DOWN, (height - 1.0)[..., None])
    cell = row * width[..., None] + column
    if isinstance(start, Tensor):
        cell = cell + start[..., None]
    taps = g.GatherND(table, cell.to(np.int64)[..., None], batch_dims=1)  # [b, *p, 4, c]
    blend = across * down
    if isinstance(weight, Tensor):
        blend = blend * weight[..., None]
    return g.MatMul(blend[..., None, :], taps)[..., 0, :]


def _clamp(g: Graph, x: Tensor, most: Tensor) -> Tensor:
    return g.Max(g.Min(x, most), 0.0)
