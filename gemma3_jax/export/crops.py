"""`model.crop` as ONNX: strips of features, each word from its own level of a mean pyramid."""

from __future__ import annotations

import numpy as np

from gemma3_jax.config import ModelConfig
from gemma3_jax.export.centres import length
from gemma3_jax.export.graph import Graph, Tensor
from gemma3_jax.export.sampling import bilinear
from gemma3_jax.model.crop import LEVELS, OVERSAMPLING


def pyramid(g: Graph, x: Tensor, channels: int) -> Tensor:
    """A map `[b, c, h, w]` and its halvings, row by row behind one another: `[b, cells, c]`."""
    with g.scope("pyramid"):
        # ONNX Runtime would leave its blocked layout for an AveragePool, and copy the whole map for that
        mean = np.full((channels, 1, 2, 2), 0.25, np.float32)
        how = {"kernel_shape": (2, 2), "strides": (2, 2)}
        levels = [x]
        for _ in range(LEVELS - 1):
            x = g.AveragePool(x, **how) if g.packed else g.Conv(x, mean, group=channels, **how)
            levels.append(x)
        rows = [g.Transpose(level, perm=(0, 2, 3, 1)) for level in levels]
        flat = [g.Reshape(r, [0, -1, channels]) for r in rows]
        return g.Concat(*flat, axis=1)


def sample_strips(
    g: Graph,
    config: ModelConfig,
    pyramids: tuple[Tensor, Tensor],
    size: Tensor,
    quads: Tensor,
    columns: Tensor,
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Strips of the words `quads` (px), `[b n, c, rows, columns]` of the stem and half of that each way of the fused map, and
    `[b n, columns]` where they hold text.

    pyramids: of the stem's map (stride 2) and of the fused one (stride 4); `size`: height and width of the pictures, int64.
    """
    with g.scope("crop"):
        rows = config.strip_rows
        limit = columns.to(np.float32)
        height = _mean_side(g, quads, (3, 0), (2, 1))
        width = _mean_side(g, quads, (1, 0), (2, 3))
        used = g.Min(g.Max(g.Round(float(rows) * width / g.Max(height, 1.0)), 4.0), limit)
        cells = height / (2 * rows * OVERSAMPLING)
        size = size.to(np.float32)

        def sampled(table: Tensor, step: int, channels: int) -> tuple[Tensor, Tensor]:
            """Cells that span `step` rows and columns, of a map of `2 * step` px a cell; which hold text, `[b, n, 1, c]`."""
            u = (g.Range(0.0, g.Squeeze(limit / float(step)), 1.0) + 0.5) * float(step) / used
            v = (np.arange(rows // step)[:, None] + 0.5) * step / rows
            inside = u <= 1.0
            geometry = [
                a / (2 * step) for a in (*_places(g, quads, u, v), size[..., 1], size[..., 0])
            ]
            samples = _from_level(g, table, geometry, cells, inside)
            shape = g.Concat([-1, rows // step], g.Div(columns, step), [channels], axis=0)
            return g.Transpose(g.Reshape(samples, shape), perm=(0, 3, 1, 2)), inside

        stem, inside = sampled(pyramids[0], 1, config.stem_width)
        fused, _ = sampled(pyramids[1], 2, config.neck_width)
        return (stem, fused), g.Reshape(inside, g.Concat([-1], columns, axis=0))


def canvas_strips(
    g: Graph, maps: tuple[Tensor, Tensor], widths: Tensor
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """`model.crop.canvas_strips`: of strips, `widths` px of them used, both parts and where they hold text."""
    with g.scope("canvas"):
        used = g.Max(g.Round(widths / 2.0), 4.0)[..., None]

        def inside(x: Tensor, step: int) -> Tensor:
            columns = g.Squeeze(g.Shape(x, start=3, end=4)).to(np.float32)
            return (g.Range(0.0, columns, 1.0) + 0.5) * float(step) <= used

        def masked(x: Tensor, step: int) -> Tensor:
            return x * inside(x, step)[..., None, None, :].to(np.float32)

        stem, fused = maps
        return (masked(stem, 1), masked(fused, 2)), inside(stem, 1)


def _mean_side(g: Graph, quads: Tensor, *pairs: tuple[int, int]) -> Tensor:
    """Mean length of two edges, `[b, n, 1, 1]`."""
    one, two = (length(g, quads[..., i, :] - quads[..., j, :] + 1e-9) for i, j in pairs)
    return ((one + two) / 2.0)[..., None, None]


def _places(g: Graph, quads: Tensor, u: Tensor, v: np.ndarray) -> tuple[Tensor, Tensor]:
    """Pixels x and y `[b, n, rows, columns]` of the strip's cells: `model.crop.homography`, component by component."""
    p = [
        [quads[..., i, k : k + 1][..., None] for k in (0, 1)] for i in range(4)
    ]  # [b, n, 1, 1] each

    def cross(a: list[Tensor], b: list[Tensor]) -> Tensor:
        return a[0] * b[1] - a[1] * b[0]

    d1, d2 = ([p[a][k] - p[2][k] for k in (0, 1)] for a in (1, 3))
    s = [p[0][k] - p[1][k] + p[2][k] - p[3][k] for k in (0, 1)]
    det = cross(d1, d2)
    det = g.Where(g.Abs(det) < 1e-6, 1e-6, det)
    a, b = (g.Clip(x / det, -0.95, 4.0) for x in (cross(s, d2), cross(d1, s)))
    depth = g.Max(a * u + (b * v + 1.0), 0.05)
    x, y = (
        ((p[1][k] - p[0][k] + a * p[1][k]) * u + ((p[3][k] - p[0][k] + b * p[3][k]) * v + p[0][k]))
        / depth
        for k in (0, 1)
    )
    return x, y


def _from_level(
    g: Graph, table: Tensor, geometry: list[Tensor], cells: Tensor, inside: Tensor
) -> Tensor:
    """Samples `[b, n, rows, columns, c]` at x, y of level 0 of a map of that width and height (`geometry`, in cells).

    Words with `cells` `[b, n, 1, 1]` per row over 1, 2, 4 come from levels 1, 2, 3, which lie behind level 0 in the table.
    """
    x, y, width, height = geometry
    over = [(cells > float(2**i)).to(np.float32) for i in range(LEVELS - 1)]
    shrink, skipped = 1.0, 0.0
    for i, deeper in enumerate(over):
        shrink, skipped = shrink + 2.0**i * deeper, skipped + 0.25**i * deeper
    size = width / shrink, height / shrink
    start = skipped * (width * height)
    return bilinear(g, table, (x / shrink, y / shrink), size, start, inside.to(np.float32))
