"""Pictures of any size in a few static shapes: how far to scale, what window to cut, where each pixel came from.

The network is compiled once per shape, so every picture is scaled until its long side meets a rung of `LONG_SIDES` (or the
caller's own `max_side`) and its short side is padded to a fixed fraction of that. Pictures longer than 4:1 (banners, till
rolls, panoramas) are cut into overlapping windows of 4:1: scaled to fit, their text would be gone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

from gemma3_jax.config import MAX_SIDE

STRIDE = 32  # px: the network halves its input five times
LONG_SIDES = (320, 640, 960, 1280, 1600, 2048, 2560)
HALF_SIDE = STRIDE * math.ceil(MAX_SIDE / 2 / STRIDE)  # of the second look at most pictures
SHORT_FRACTIONS = (
    1 / 4,
    3 / 8,
    1 / 2,
    9 / 16,
    2 / 3,
    3 / 4,
    7 / 8,
    1.0,
)  # 9/16 screens, 2/3 3:2, 3/4 4:3 and A4
MAX_UPSCALE = 2.0  # more makes nothing visible that was not there
MAX_ASPECT = 4.0
OVERLAP = 1 / 4  # of a window: words up to this long are whole in one of two neighbours
MAX_WINDOWS = 64
LARGEST_SIDE = 4096  # px of one window: beyond it memory runs out before text gets better
PADDING = 127  # mid grey, the network's zero


@dataclasses.dataclass(frozen=True)
class SizePolicy:
    """How large the network sees a picture.

    The long side is brought to `max_side` px, growing small pictures at most 2.5 times. `min_side` px lifts that bound until
    the short side has as many (1500 suits scanned forms: about 2x at 100 dpi). `scale` overrides both.
    """

    max_side: int = MAX_SIDE
    min_side: int = 0
    scale: float | None = None

    def __post_init__(self) -> None:
        if not STRIDE <= self.max_side <= LARGEST_SIDE:
            raise ValueError(f"{self.max_side=} must be in {STRIDE}..{LARGEST_SIDE} px")
        if not 0 <= self.min_side <= LARGEST_SIDE:
            raise ValueError(f"{self.min_side=} must be in 0..{LARGEST_SIDE} px")
        if self.scale is not None and not 0 < self.scale <= 8:
            raise ValueError(f"{self.scale=} must be over 0 and at most 8")


@dataclasses.dataclass(frozen=True)
class Plan:
    """Scaled size, window size (both h, w in px) and the top-left corners (y, x) of the windows in the scaled picture."""

    scaled: tuple[int, int]
    window: tuple[int, int]
    origins: tuple[tuple[int, int], ...]


def plan(height: int, width: int, policy: SizePolicy = SizePolicy()) -> Plan:
    """Where a picture of `height` x `width` px goes. Pure arithmetic; windows cover the scaled picture."""
    long, short = max(height, width), min(height, width)
    seen = min(long, max(1.0, MAX_ASPECT * short))  # the long side of what one window shows
    side, factor = _rung(seen, short, policy)
    step = side * (1 - OVERLAP)
    if long > seen:  # never more windows than is sensible: a hair 20 000 px long is no banner
        factor = min(factor, (side + step * (MAX_WINDOWS - 1)) / long)
    long_px, short_px = max(1, round(long * factor)), max(1, round(short * factor))
    window_short = min(w for w in _short_sides(side) if w >= min(short_px, side))
    count = 1 if long_px <= side else 1 + math.ceil((long_px - side) / step)
    starts = np.linspace(0, max(0, long_px - side), count).round().astype(int).tolist()
    if width >= height:
        return Plan((short_px, long_px), (window_short, side), tuple((0, x) for x in starts))
    return Plan((long_px, short_px), (side, window_short), tuple((y, 0) for y in starts))


def _rung(seen: float, short: int, policy: SizePolicy) -> tuple[int, float]:
    """Window's long side in px (a multiple of 32) and the scale factor."""
    if policy.scale is not None:
        factor = min(policy.scale, LARGEST_SIDE / seen)
        return _up(seen * factor, tuple(sorted({*LONG_SIDES, HALF_SIDE}))), factor
    limit = policy.max_side
    if policy.min_side:
        limit = max(limit, min(LARGEST_SIDE, _up(policy.min_side * seen / short, LONG_SIDES)))
    wanted = min(limit, seen * MAX_UPSCALE)
    target = min(limit, _up(wanted, LONG_SIDES))
    return _ceil(target), min(target / seen, MAX_UPSCALE * 1.25)


def _up(px: float, rungs: tuple[int, ...]) -> int:
    """The lowest rung that holds `px`; above them all, the next multiple of 32."""
    return next((rung for rung in rungs if rung >= px), _ceil(px))


def _short_sides(side: int) -> tuple[int, ...]:
    return tuple(_ceil(side * fraction) for fraction in SHORT_FRACTIONS)


def _ceil(px: float) -> int:
    return max(STRIDE, math.ceil(px / STRIDE - 1e-9) * STRIDE)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 `[height, width, 3]`: area-weighted when shrinking, bicubic when growing."""
    if image.shape[:2] == (height, width):
        return image
    growing = height > image.shape[0]
    method = Image.Resampling.BICUBIC if growing else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((width, height), method))


def windows(image: np.ndarray, where: Plan) -> Iterator[np.ndarray]:
    """uint8 `[h, w, 3]` of each window of the plan, padded right and below with mid grey."""
    scaled = resize(image, *where.scaled)
    height, width = where.window
    for top, left in where.origins:
        cut = scaled[top : top + height, left : left + width]
        window = np.full((height, width, 3), PADDING, np.uint8)
        window[: cut.shape[0], : cut.shape[1]] = cut
        yield window


def to_picture(
    quads: np.ndarray, origin: tuple[int, int], where: Plan, height: int, width: int
) -> np.ndarray:
    """Quads `[n, 4, 2]` from px of a window to px of the original picture of `height` x `width`, clipped to it."""
    shift = np.array([origin[1], origin[0]], np.float32)
    ratio = np.array([width / where.scaled[1], height / where.scaled[0]], np.float32)
    size = np.array([width, height], np.float32)
    return np.clip((np.asarray(quads, np.float32) + shift) * ratio, 0, size)
