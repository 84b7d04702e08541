"""Areas and overlaps of quads, in plain NumPy and for many pairs at once."""

from __future__ import annotations

import numpy as np

_MOST_VERTICES = 8  # a quad cut by four half planes


def convex_quads(quads: np.ndarray) -> np.ndarray:
    """The quads float64 [n, 4, 2] as convex outlines, all turning the same way.

    Convex quads keep their corners. Others (an annotator's dent, corners in crossed order) become
    their convex hull; a hull of three corners repeats one. Degenerate quads have no area.
    """
    quads = np.array(quads, np.float64).reshape(-1, 4, 2)
    quads[_signed_areas(quads) < 0] = quads[_signed_areas(quads) < 0][:, ::-1]
    edges = np.roll(quads, -1, axis=1) - quads
    turns = _cross(edges, np.roll(edges, -1, axis=1))
    for i in np.flatnonzero((turns < 0).any(axis=1)):
        quads[i] = _hull(quads[i])
    return quads


def quad_areas(quads: np.ndarray) -> np.ndarray:
    """Areas float64 [n] of quads [n, 4, 2]; of the convex hull where a quad is not convex."""
    return np.abs(_signed_areas(convex_quads(quads)))


def intersection_areas(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Areas float64 [p] of the intersection of quad `first[i]` with `second[i]`, both [p, 4, 2].

    Sutherland and Hodgman, Reentrant polygon clipping (1974), all pairs at once.
    """
    first, second = convex_quads(first), convex_quads(second)
    points = np.zeros((len(first), _MOST_VERTICES, 2))
    points[:, :4] = first
    count = np.full(len(first), 4)
    for corner in range(4):
        points, count = _clip(points, count, second[:, corner], second[:, (corner + 1) % 4])
    slots = np.arange(_MOST_VERTICES) < count[:, None]
    points = np.where(slots[..., None], points, points[:, :1])  # a point repeated adds no area
    return np.abs(_signed_areas(points))


def overlaps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intersection areas and IoU, both float64 [n, m], of quads [n, 4, 2] and [m, 4, 2].

    Only pairs whose bounding boxes meet are clipped. Two quads without area have IoU 0.
    """
    first, second = convex_quads(first), convex_quads(second)
    low, high = first.min(axis=1)[:, None], first.max(axis=1)[:, None]
    meet = (low < second.max(axis=1)).all(axis=2) & (second.min(axis=1) < high).all(axis=2)
    rows, columns = np.nonzero(meet)
    shared = np.zeros(meet.shape)
    shared[rows, columns] = intersection_areas(first[rows], second[columns])
    union = quad_areas(first)[:, None] + quad_areas(second)[None] - shared
    return shared, np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def inside_fractions(quads: np.ndarray, width: float, height: float) -> np.ndarray:
    """The share float64 [n] of each quad [n, 4, 2] inside a picture of `width` x `height` px."""
    picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    shared, _ = overlaps(quads, picture[None])
    areas = quad_areas(quads)
    return np.divide(shared[:, 0], areas, out=np.zeros_like(areas), where=areas > 0)


def _clip(
    points: np.ndarray, count: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Keep what lies left of the lines `start` -> `end` [p, 2] of polygons [p, v, 2] of `count`."""
    slots = np.arange(points.shape[1])
    used = slots < count[:, None]
    following = np.where(slots + 1 < count[:, None], slots + 1, 0)
    after = np.take_along_axis(points, following[..., None], axis=1)
    side = _cross((end - start)[:, None], points - start[:, None])
    side_after = np.take_along_axis(side, following, axis=1)
    crosses = used & ((side >= 0) != (side_after >= 0))
    step = np.divide(side, side - side_after, out=np.zeros_like(side), where=crosses)
    crossing = points + step[..., None] * (after - points)
    both = np.stack([points, crossing], axis=2).reshape(len(points), 2 * _MOST_VERTICES, 2)
    keep = np.stack([used & (side >= 0), crosses], axis=2).reshape(len(points), 2 * _MOST_VERTICES)
    order = np.argsort(~keep, axis=1, kind="stable")[:, :_MOST_VERTICES]
    return np.take_along_axis(both, order[..., None], axis=1), keep.sum(axis=1)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _signed_areas(points: np.ndarray) -> np.ndarray:
    points = points - points[:, :1]  # near the origin, so that far away quads lose no digits
    return _cross(points, np.roll(points, -1, axis=1)).sum(axis=1) / 2


def _hull(points: np.ndarray) -> np.ndarray:
    """Andrew's monotone chain on four points: [4, 2], counter-clockwise, last corner repeated."""

    def chain(run: list[np.ndarray]) -> list[np.ndarray]:
        kept: list[np.ndarray] = []
        for point in run:
            while len(kept) > 1 and _cross(kept[-1] - kept[-2], point - kept[-2]) <= 0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    run = [points[i] for i in np.lexsort((points[:, 1], points[:, 0]))]
    hull = chain(run) + chain(run[::-1])
    return np.stack([hull[min(i, len(hull) - 1)] for i in range(4)])
