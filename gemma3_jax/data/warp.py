"""Where a word lies on the canvas: curved baseline, shear, rotation, perspective, crop window; and sampling through it.

Text plane: x along the baseline 0..aspect, y 0..1 from the ink's top to its bottom. Page plane: the same after
bending and a 3 x 3 homography. Canvas: pixels of the crop, at its native resolution.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from gemma3_jax.data.glyphs import CELL
from gemma3_jax.data.lettering import STRIP_COLUMNS


class Placement(NamedTuple):
    """Text plane -> page -> canvas, with everything that is needed to go back."""

    aspect: Any  # width / height of the ink box
    bend: Any  # radians that the baseline turns from end to end; positive: an arch
    matrix: Any  # [3, 3] page of the centred text plane
    window: Any  # [4] x0, y0, x1, y1 of the crop in the page plane


def homography(shear: Any, angle: Any, tilt_x: Any, tilt_y: Any, aspect: Any) -> Any:
    """Italic shear, then rotation (radians), then perspective: tilt is the change of scale across the word."""
    zero, one = jnp.zeros_like(shear), jnp.ones_like(shear)
    slant = jnp.array([[one, -shear, zero], [zero, one, zero], [zero, zero, one]])
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    turn = jnp.array([[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]])
    tilt = jnp.array([[one, zero, zero], [zero, one, zero], [tilt_x / aspect, tilt_y, one]])
    return turn @ tilt @ slant


def project(matrix: Any, points: Any) -> Any:
    """Homography of points [..., 2]."""
    flat = points @ matrix[:, :2].T + matrix[:, 2]
    return flat[..., :2] / flat[..., 2:]


def bend(points: Any, aspect: Any, turn: Any) -> Any:
    """Text plane points [..., 2] -> centred plane, the baseline bent to an arc of `turn` radians."""
    x, y = points[..., 0] - aspect / 2, points[..., 1] - 0.5
    radius = aspect / jnp.where(jnp.abs(turn) < 1e-3, 1e-3, turn)
    angle = x / radius
    return jnp.stack([(radius - y) * jnp.sin(angle), radius - (radius - y) * jnp.cos(angle)], -1)


def envelope(x: Any, y: Any, aspect: Any, cut: Any, form: Any) -> Any:
    """Text plane y of letters squeezed to an envelope: the top sinks by up to cut[0], the bottom rises by up to cut[1].

    `form` 0..1 is where along the word nothing is cut: the middle is tall with 0.5 (a badge), an end with 0 or 1 (a pennant);
    beyond 1 it is both ends (a waist). Letters stay within 0..1, so that boxes stay true.
    """
    t = jnp.clip(x / jnp.maximum(aspect, 1e-3), 0, 1)
    far = jnp.abs(t - form) / jnp.maximum(form, 1 - form)
    far = jnp.where(form > 1, 4 * t * (1 - t), far * far)
    top, bottom = cut[0] * far, 1 - cut[1] * far
    return (y - top) / (bottom - top)


def outline(place: Placement) -> Any:
    """Page points along the top and bottom edges of the ink box. [18, 2]"""
    x = jnp.linspace(0, 1, 9) * place.aspect
    edges = jnp.stack([jnp.concatenate([x, x]), jnp.repeat(jnp.array([0.0, 1.0]), 9)], -1)
    return project(place.matrix, bend(edges, place.aspect, place.bend))


def inverse(matrix: Any) -> Any:
    """Inverse of a 3 x 3 matrix up to scale (its adjugate)."""
    a, b, c = matrix
    return jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], 1)


def text_coordinates(
    place: Placement, width: Any, height: Any, shape: tuple[int, int]
) -> tuple[Any, Any]:
    """Text-plane x and y [h, w] of every pixel of a canvas whose window is `width` x `height` px."""
    x0, y0, x1, y1 = place.window
    px = x0 + (jnp.arange(shape[1]) + 0.5) * (x1 - x0) / width
    py = y0 + (jnp.arange(shape[0])[:, None] + 0.5) * (y1 - y0) / height
    m = inverse(place.matrix)
    depth = m[2, 0] * px + m[2, 1] * py + m[2, 2]
    depth = jnp.sign(depth) * jnp.maximum(jnp.abs(depth), 1e-6)
    x = (m[0, 0] * px + m[0, 1] * py + m[0, 2]) / depth
    y = (m[1, 0] * px + m[1, 1] * py + m[1, 2]) / depth
    radius = place.aspect / jnp.where(jnp.abs(place.bend) < 1e-3, 1e-3, place.bend)
    side = jnp.sign(radius)
    away = (radius - y) * side
    ratio = jnp.clip(x * side / jnp.maximum(away, 1e-6), -1.5, 1.5)
    along = radius * jnp.arctan(ratio)
    below = radius - side * jnp.sqrt(x * x + away * away)
    return along + place.aspect / 2, below + 0.5


def canvas_points(place: Placement, points: Any, width: Any, height: Any) -> Any:
    """Page points [..., 2] in pixels of the canvas."""
    x0, y0, x1, y1 = place.window
    return jnp.stack(
        [(points[..., 0] - x0) * width / (x1 - x0), (points[..., 1] - y0) * height / (y1 - y0)], -1
    )


def sample(strip: Any, column: Any, row: Any) -> Any:
    """Bilinear taps of `strip` [CELL, STRIP_COLUMNS] (0..255) at fractional centres; 0..1, blank outside.

    The four neighbours travel in one 32-bit word, so a pixel costs one gather.
    """
    grey = jnp.round(jnp.clip(strip, 0, 255)).astype(jnp.uint32)
    right = jnp.pad(grey[:, 1:], ((0, 0), (0, 1)))
    down = jnp.pad(grey[1:], ((0, 1), (0, 0)))
    corner = jnp.pad(right[1:], ((0, 1), (0, 0)))
    packed = (grey | (right << 8) | (down << 16) | (corner << 24)).ravel()
    x, y = column - 0.5, row - 0.5
    inside = (x >= 0) & (x < STRIP_COLUMNS - 1) & (y > -1) & (y < CELL)
    x, y = jnp.clip(x, 0, STRIP_COLUMNS - 1.001), jnp.clip(y, 0, CELL - 1.001)
    left, top = jnp.floor(x), jnp.floor(y)
    word = packed.at[(top * STRIP_COLUMNS + left).astype(jnp.int32)].get(mode="promise_in_bounds")
    fx, fy = x - left, y - top
    a, b, c, d = (((word >> shift) & 255).astype(jnp.float32) for shift in (0, 8, 16, 24))
    return inside * ((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy) / 255
