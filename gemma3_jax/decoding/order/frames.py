"""Which way the text of a page runs, and its boxes turned upright."""

from __future__ import annotations

import numpy as np

from gemma3_jax.decoding.boxes import sides

DIRECTION_SPREAD = np.deg2rad(25)


def directions(quads: np.ndarray) -> list[tuple[float, list[int]]]:
    """(angle in radians, word indices) per text direction of `quads` [n, 4, 2], the one with most text first."""
    along = quads[:, 1] + quads[:, 2] - quads[:, 0] - quads[:, 3]
    angles = np.arctan2(along[:, 1], along[:, 0])
    weights = sides(quads)[0] + 1e-6
    left = np.arange(len(quads))
    groups = []
    while len(left):
        turns = _turn(angles[left][:, None] - angles[left][None])
        near = (np.abs(turns) <= DIRECTION_SPREAD).astype(float)
        seed = int((near @ weights[left]).argmax())
        members = near[seed] > 0
        offsets = turns[members, seed]
        centre = angles[left[seed]] + _weighted_median(offsets, weights[left][members])
        groups.append((float(centre), left[members].tolist()))
        left = left[~members]
    return groups


def upright(quads: np.ndarray, angle: float) -> np.ndarray:
    """Boxes [n, 4] (left, top, right, bottom) in the turned frame: the middle line's ends, and the mean height around it.

    (The bounding box of a slightly slanted long word would be taller than its text and touch the next line.)
    """
    cos, sin = np.cos(angle), np.sin(angle)
    turned = quads @ np.array([[cos, -sin], [sin, cos]])
    left, right = turned[:, [0, 3], 0].mean(1), turned[:, [1, 2], 0].mean(1)
    top, bottom = turned[:, :2, 1].mean(1), turned[:, 2:, 1].mean(1)
    return np.stack([left, top, np.maximum(right, left), np.maximum(bottom, top)], axis=1)


def _turn(angle: np.ndarray) -> np.ndarray:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(weights[order].cumsum(), weights.sum() / 2)])
