"""Bilinear sampling as ONNX: four taps by one GatherND, blended by one matrix product.

ONNX has GridSample for this; ONNX Runtime's CPU kernel takes 2.5 times as long for our strips (docs/export.md), and it
cannot keep a sample within one level of a pyramid.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gemma3_jax.export.graph import Graph, Tensor


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
    right, below = x - left, y - top  # shares of the taps there
    columns = [_clamp(g, at, width - 1.0) for at in (left, left + 1.0)]
    rows = [_clamp(g, at, height - 1.0) * width + start for at in (top, top + 1.0)]
    across, down = (1.0 - right, right), (weight - below * weight, below * weight)
    cells = g.Concat(*((row + column)[..., None] for row in rows for column in columns), axis=-1)
    blend = g.Concat(*((d * a)[..., None] for d in down for a in across), axis=-1)
    taps = g.GatherND(table, cells.to(np.int64)[..., None], batch_dims=1)  # [b, *p, 4, c]
    return g.Squeeze(g.MatMul(blend[..., None, :], taps), [-2])


def _clamp(g: Graph, x: Tensor, most: Tensor) -> Tensor:
    return g.Max(g.Min(x, most), 0.0)
