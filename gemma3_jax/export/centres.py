"""`decoding.centres` as ONNX: peaks, corners looked up near each end, and no word twice.

The number of slots is the number of peaks above the threshold (of the picture that has most), at most `slots`: a page of 30
words is not read as 512. Where `slots` is a number of Python's, there are exactly so many.
"""

from __future__ import annotations

import numpy as np

from gemma3_jax.config import STRIDE, THRESHOLD
from gemma3_jax.decoding.centres import INSET, LOOKS
from gemma3_jax.export.graph import Graph, Tensor
from gemma3_jax.export.sampling import bilinear


def decode_centres(
    g: Graph, centre: Tensor, corners: Tensor, slots: Tensor | int
) -> tuple[Tensor, Tensor, Tensor]:
    """Centre logits `[b, 1, h, w]`, corners `[b, 8, h, w]` -> quads `[b, n, 4, 2]` px, scores `[b, n]`, valid `[b, n]`."""
    with g.scope("centres"):
        heat = g.Sigmoid(centre)
        pooled = g.MaxPool(heat, kernel_shape=(3, 3), pads=(1, 1, 1, 1), strides=(1, 1))
        peaks = g.Reshape(g.Where(g.Equal(pooled, heat), heat, 0.0), [0, -1])
        count = [slots] if isinstance(slots, int) else _count(g, peaks, slots)
        scores, index = g.TopK(peaks, count, outputs=2)
        height, width = (g.Shape(centre, start=i, end=i + 1) for i in (2, 3))
        size = width.to(np.float32), height.to(np.float32)
        row = index // width
        cells = g.Concat((index - row * width)[..., None], row[..., None], axis=-1).to(np.float32)
        table = g.Transpose(g.Reshape(corners, [0, 8, -1]), perm=(0, 2, 1))
        quads = g.Reshape(g.GatherND(table, index[..., None], batch_dims=1), [0, 0, 4, 2])
        quads = quads + (cells + 0.5)[..., None, :]
        for _ in range(LOOKS):
            quads = _refine(g, quads, table, size)
        quads = quads * float(STRIDE)
        alive = scores > THRESHOLD
        return quads, scores, alive & ~_covered(g, quads, alive)


def _count(g: Graph, peaks: Tensor, slots: Tensor) -> Tensor:
    """Peaks above the threshold, at most `slots` and at least one: an empty tensor is more than some runtimes can bear."""
    found = g.ReduceMax((peaks > THRESHOLD).to(np.int64).sum(-1), keepdims=1)
    return g.Max(g.Min(slots, found), [1])


def length(g: Graph, x: Tensor) -> Tensor:
    """Euclidean norm over the last axis."""
    return g.ReduceL2(x, axes=[-1], keepdims=0)


def _refine(g: Graph, quads: Tensor, table: Tensor, size: tuple[Tensor, Tensor]) -> Tensor:
    along = (quads[..., 1, :] - quads[..., 0, :] + quads[..., 2, :] - quads[..., 3, :]) / 2.0
    height, width = length(g, quads[..., 3, :] - quads[..., 0, :]), length(g, along)
    inset = g.Max(INSET[0] * height / g.Max(width, 1e-6), INSET[1])
    inset = g.Min(inset, 0.5)[..., None] * along
    left = (quads[..., 0, :] + quads[..., 3, :]) / 2.0 + inset
    right = (quads[..., 1, :] + quads[..., 2, :]) / 2.0 - inset
    from_left, from_right = (_look(g, table, size, points) for points in (left, right))
    ends = (from_left, from_right, from_right, from_left)
    return g.Concat(*(end[..., i : i + 1, :] for i, end in enumerate(ends)), axis=-2)


def _look(g: Graph, table: Tensor, size: tuple[Tensor, Tensor], points: Tensor) -> Tensor:
    """Corners `[b, n, 4, 2]` as seen, bilinearly, from `points` `[b, n, 2]` (xy, cells)."""
    limit = g.Concat(*size, axis=0)
    seen = bilinear(g, table, (points[..., 0], points[..., 1]), size)
    # a cell knows its corners from its own centre, and beyond the border there are no cells
    inside = g.Max(g.Min(points, limit - 0.5), 0.5)
    return g.Reshape(seen, [0, 0, 4, 2]) + inside[..., None, :]


def _covered(g: Graph, quads: Tensor, alive: Tensor) -> Tensor:
    """Which words `i` have their centre in a better word `j` of like height: one matrix product for all edges' sides.

    The side of edge (dx, dy) from corner (x, y) on which (u, v) lies is (-dy, dx, dy x - dx y) . (u, v, 1).
    """
    x, y = quads[..., 0], quads[..., 1]  # [b, n, 4]
    dx, dy = (g.Concat(a[..., 1:4], a[..., 0:1], axis=-1) - a for a in (x, y))
    edges = g.Concat(*(a[..., None] for a in (0.0 - dy, dx, dy * x - dx * y)), axis=-1)
    centres = g.ReduceMean(quads, axes=[2], keepdims=0)
    centres = g.Transpose(g.Pad(centres, [0, 0, 0, 0, 0, 1], 1.0), perm=(0, 2, 1))  # [b, 3, i]
    turn = g.MatMul(g.Transpose(edges, perm=(0, 2, 1, 3)), centres[..., None, :, :])  # [b, 4, j, i]
    inside = g.ReduceMin(turn, axes=[1], keepdims=0) > 0.0
    height = length(g, quads[..., 3, :] - quads[..., 0, :])
    ratio = height[..., None, :] / g.Max(height, 1e-6)[..., None]
    rank = g.Range(0, g.Squeeze(g.Shape(quads, start=1, end=2)), 1)
    better = rank[..., None] < rank[..., None, :]
    hidden = inside & (ratio > 0.5) & (ratio < 2.0) & better & alive[..., None]
    return g.ReduceMax(hidden.to(np.float32), axes=[1], keepdims=0) > 0.5
