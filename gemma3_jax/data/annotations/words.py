"""From an annotator's shapes to quads: float32 [4, 2], xy px, clockwise from the top left of the text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gemma3_jax.data.corpora import DO_NOT_CARE, Annotation, rectangle

UNREADABLE = ("", DO_NOT_CARE)  # no text to learn from, wherever it comes from


def word(quad: Any, text: Any, ignore: bool = False) -> Annotation:
    """One word; without a text, or with `###`, it is do-not-care whatever `ignore` says.

    Raises:
        ValueError: when the quad is not [4, 2] finite numbers, or the text is no text.
    """
    quad = np.asarray(quad, np.float32)
    if quad.shape != (4, 2) or not np.isfinite(quad).all():
        raise ValueError(f"a box is four corners in px, found {quad.tolist()}")
    if not isinstance(text, str):
        raise ValueError(f"a text was expected, found {text!r}")
    text = text.strip()
    return Annotation(quad, text, ignore or text in UNREADABLE)


def whole_picture(size: tuple[int, int], text: str) -> Annotation:
    """The word of a crop: it fills its picture of `size` (width, height), px."""
    return word(rectangle(0, 0, *size), text)


def centred(x: float, y: float, width: float, height: float) -> np.ndarray:
    """The quad [4, 2] of an upright box given by its CENTRE, as CreateML and YOLO do."""
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    return (np.array([x, y]) + half * [width, height]).astype(np.float32)


def polygon_quad(points: Iterable[Any], in_order: bool) -> np.ndarray:
    """The quad [4, 2] of a polygon [n, 2] of four or more points; of two, the box with these opposite corners.

    in_order: the first point is the top left of the text and the others follow clockwise; then four points are returned
    as they are. Otherwise the text is taken to be upright. More than four points become their smallest rectangle.

    Raises:
        ValueError: when there are one or three points, or they are no numbers.
    """
    corners = np.asarray(list(points), np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) in (0, 1, 3):
        raise ValueError(f"a polygon of two, four or more points was expected: {corners.tolist()}")
    if not np.isfinite(corners).all():
        raise ValueError(f"a polygon has corners that are no numbers: {corners.tolist()}")
    if len(corners) == 2:
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    elif len(corners) == 4 and not in_order:
        corners = _upright(_clockwise(corners))
    elif len(corners) > 4:
        start, corners = corners[0], _smallest_rectangle(corners)
        if in_order:
            first = int(np.linalg.norm(corners - start, axis=1).argmin())
            corners = np.roll(corners, -first, axis=0)
        else:
            corners = _upright(corners)
    return corners.astype(np.float32)


def _clockwise(corners: np.ndarray) -> np.ndarray:
    """Corners sorted by angle about their middle: clockwise, because y points down."""
    x, y = (corners - corners.mean(axis=0)).T
    return corners[np.argsort(np.arctan2(y, x), kind="stable")]


def _upright(corners: np.ndarray) -> np.ndarray:
    """Clockwise corners, begun where the top edge points most to the right."""

    def rightwards(quad: np.ndarray) -> float:
        along = quad[1] + quad[2] - quad[0] - quad[3]
        return float(along[0] / max(np.linalg.norm(along), 1e-9))

    return max((np.roll(corners, -i, axis=0) for i in range(4)), key=rightwards)


def _smallest_rectangle(points: np.ndarray) -> np.ndarray:
    """The rectangle [4, 2] of least area around points [n, 2]: one of its sides lies along two of the points."""
    edges = (points[:, None] - points[None]).reshape(-1, 2)
    lengths = np.linalg.norm(edges, axis=1, keepdims=True)
    along = (edges / np.maximum(lengths, 1e-9))[lengths[:, 0] > 1e-9]
    along = np.concatenate([along, [[1.0, 0.0]]])  # points that all coincide have no direction
    across = along[:, ::-1] * [-1, 1]
    u, v = points @ along.T, points @ across.T  # [n, directions]
    best = int((np.ptp(u, axis=0) * np.ptp(v, axis=0)).argmin())
    axes = np.stack([along[best], across[best]])
    (left, right), (top, bottom) = ((c[:, best].min(), c[:, best].max()) for c in (u, v))
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return corners @ axes
