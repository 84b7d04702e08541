"""Quads on the host: their sizes, the slices of their characters, and which of two is the same word twice.

Quads are `[.., 4, 2]`, xy in pixels, clockwise from the top left of the text.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT, COLUMN_PX
from gemma3_jax.metrics.polygons import overlaps, quad_areas

# Of the height, at the ends and above and below: of 256 words in training scenes, 61 are found and read right without, 69
# with it (run 3, step 1000; docs/training_log.md).
MARGIN = (0.2, 0.1)
MIN_COLUMNS = 2  # the recogniser gives the thinnest word as many


def sides(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Width along the text and height across it, px `[..]` each: means of opposite edges."""
    quads = np.asarray(quads, np.float64)
    across, along = np.moveaxis(quads[..., (1, 2, 3, 0), :] - quads, -1, 0)
    edges = np.sqrt(across * across + along * along)
    return (edges[..., 0] + edges[..., 2]) / 2, (edges[..., 1] + edges[..., 3]) / 2


def columns_used(quads: np.ndarray, columns: int) -> np.ndarray:
    """How many of a strip's `columns` each word covers, float `[..]`: a strip keeps the aspect until it is full."""
    width, height = sides(quads)
    per_px = CANVAS_HEIGHT / COLUMN_PX / np.maximum(height, 1e-6)
    return np.clip(width * per_px, MIN_COLUMNS, columns)


def with_margin(quads: Any, margin: tuple[float, float] = MARGIN) -> Any:
    """Quads `[.., 4, 2]` (NumPy or JAX) grown by `margin` (ends; above and below) of their height: what is read.

    A box that cuts into the first or last letter costs the word, one that is a little wide costs nothing.
    """
    along = (quads[..., 1, :] - quads[..., 0, :] + quads[..., 2, :] - quads[..., 3, :]) / 2
    down = (quads[..., 3, :] - quads[..., 0, :] + quads[..., 2, :] - quads[..., 1, :]) / 2
    height = ((down**2).sum(-1) ** 0.5)[..., None]
    step = along / (((along**2).sum(-1) ** 0.5)[..., None] + 1e-6) * height
    x, y = np.array([-1, 1, 1, -1], np.float32), np.array([-1, -1, 1, 1], np.float32)
    sideways = margin[0] * x[:, None] * step[..., None, :]
    return quads + sideways + margin[1] * y[:, None] * down[..., None, :]


def slice_quads(quads: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """float32 `[l, 4, 2]`: the part of a quad `[4, 2]`, or of one each `[l, 4, 2]`, between fractions `[l, 2]` (0..1) of its
    top and bottom edge."""
    top_left, top_right, bottom_right, bottom_left = np.moveaxis(
        np.asarray(quads, np.float64), -2, 0
    )
    start, end = np.asarray(spans, np.float64).T[..., None]
    top, bottom = top_right - top_left, bottom_right - bottom_left
    corners = (top_left + start * top, top_left + end * top)
    corners += (bottom_left + end * bottom, bottom_left + start * bottom)
    return np.stack(corners, axis=1).astype(np.float32)


def plausible(quads: np.ndarray, min_side_px: float = 2.0) -> np.ndarray:
    """bool `[n]`: the quad is finite, no thinner than `min_side_px` and runs clockwise (not turned inside out)."""
    x, y = np.moveaxis(np.asarray(quads, np.float64), -1, 0)
    doubled = (x * np.roll(y, -1, -1) - y * np.roll(x, -1, -1)).sum(-1)
    width, height = sides(quads)
    return np.isfinite(doubled) & (doubled > 0) & (np.minimum(width, height) >= min_side_px)


def suppress(quads: np.ndarray, scores: np.ndarray, overlap: float = 0.6) -> list[int]:
    """Indices of the quads to keep, best first, where windows overlap: of two that share `overlap` of the smaller, one stays.

    `scores` decide which; give a whole word a higher one than its cut-off half.
    """
    areas = quad_areas(quads)
    shared = overlaps(quads, quads)[0] >= overlap * np.minimum(areas[:, None], areas)
    kept: list[int] = []
    for i in np.argsort(-np.asarray(scores), kind="stable").tolist():
        if not shared[i, kept].any():
            kept.append(i)
    return kept
