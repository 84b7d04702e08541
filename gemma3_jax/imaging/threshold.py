"""Local thresholds for pictures whose contrast is poor or changes across them (Wolf and Jolion 2004, after Sauvola 2000).

Every function takes NumPy or JAX arrays and gives the same pixels for both: window sums are integers, so that no order of
adding can change them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

K = 0.2  # how far below the local mean ink must be where the window is flat, as a share of the way to black
WINDOW_STROKES = 7  # a window this many strokes wide sees both ink and paper
FINE_HEIGHT = 64  # px: crops lower than this are enlarged before their ink is told from paper
LARGEST_WINDOW = 255  # px: sums of squares in it stay below 2 ** 32


def adaptive_threshold(grey: Any, window: int | None = None, k: float = K) -> Any:
    """Ink black on white paper, uint8 `[h, w]` of 0 and 255, from grey levels uint8 `[h, w]`; light text is turned dark.

    `window` (px, odd) defaults to `WINDOW_STROKES` estimated stroke widths. On a NumPy picture it may be estimated; inside
    `jax.jit` it must be given, for shapes depend on nothing but it stays a Python number.

    Raises:
        ValueError: when `window` is even or not in 3..255.
    """
    window = window or window_for(stroke_width(np.asarray(grey)))
    if window % 2 == 0 or not 3 <= window <= LARGEST_WINDOW:
        raise ValueError(f"{window=} must be odd and in 3..{LARGEST_WINDOW} px")
    xp = _namespace(grey)
    mean, deviation = local_moments(grey, window)
    level = grey.astype(xp.float32)
    # Contrast is measured against the picture's own strongest and its darkest level, where Sauvola has constants that find
    # no ink in faint prints. On the negative the rule finds light ink; of the two the rarer is the text.
    flat = k * (1 - deviation / xp.maximum(deviation.max(), 1e-3))
    dark = level < mean - flat * (mean - level.min())
    light = level > mean + flat * (level.max() - mean)
    ink = xp.where(dark.sum() <= light.sum(), dark, light)
    return xp.where(ink, 0, 255).astype(xp.uint8)


def contrast(pixels: np.ndarray) -> float:
    """Grey levels between the darkest and the lightest hundredth of a picture uint8 `[h, w, 3]`."""
    low, high = _extremes(pixels)
    return high - low


def _extremes(pixels: np.ndarray) -> tuple[float, float]:
    """`np.percentile(pixels, [1, 99])` of bytes, which are counted faster than sorted."""
    below = np.cumsum(np.bincount(pixels.ravel(), minlength=256))
    place = np.array([0.01, 0.99]) * (pixels.size - 1)
    lower, upper = (below.searchsorted(k, side="right") for k in (np.floor(place), np.ceil(place)))
    low, high = lower + (upper - lower) * (place - np.floor(place))
    return float(low), float(high)


def enhanced(pixels: np.ndarray) -> list[np.ndarray]:
    """A faint picture uint8 `[h, w, 3]` made plain in two ways: its levels stretched, and its ink black on white.

    Stretching keeps soft edges; the threshold also takes shadows out. Which one reads better is for the reader to say.
    """
    from PIL import Image

    low, high = _extremes(pixels)
    levels = (np.arange(256) - low) / max(high - low, 1.0) * 255
    stretched = np.clip(np.round(levels), 0, 255).astype(np.uint8)[pixels]
    grey = Image.fromarray(pixels).convert("L")
    grow = max(
        1, -(-FINE_HEIGHT // grey.height)
    )  # thin strokes need pixels before they need a threshold
    fine = grey.resize((grey.width * grow, grey.height * grow), Image.Resampling.BICUBIC)
    ink = adaptive_threshold(np.asarray(fine))
    return [stretched, np.repeat(ink[..., None], 3, axis=-1)]


def local_moments(grey: Any, window: int) -> tuple[Any, Any]:
    """Mean and standard deviation float32 `[h, w]` of the `window` x `window` px around each, cut off at the borders."""
    xp = _namespace(grey)
    levels = grey.astype(xp.uint32)
    h, w = grey.shape
    count = _sums(xp.ones((h, w), xp.uint32), window, xp).astype(xp.float32)
    total = _sums(levels, window, xp).astype(xp.float32)
    squares = _sums(levels * levels, window, xp).astype(xp.float32)
    mean = total / count
    return mean, xp.sqrt(xp.maximum(squares / count - mean * mean, 0.0))


def _sums(values: Any, window: int, xp: Any) -> Any:
    """Window sums by an integral image (Crow 1984) that may wrap around: differences of wrapped uint32 are still right."""
    half = window // 2
    for axis in (0, 1):
        size = values.shape[axis]
        total = xp.cumsum(values, axis=axis, dtype=xp.uint32)
        zero = xp.zeros_like(xp.take(total, np.arange(1), axis=axis))
        total = xp.concatenate([zero, total], axis=axis)
        last = np.minimum(np.arange(size) + half + 1, size)
        first = np.maximum(np.arange(size) - half, 0)
        values = xp.take(total, last, axis=axis) - xp.take(total, first, axis=axis)
    return values


def stroke_width(grey: np.ndarray) -> float:
    """Width of the pen in px: the median run of ink along rows and columns, ink by Otsu's threshold (1979); 1 at least."""
    ink = grey <= otsu(grey)
    ink = ink if ink.mean() <= 0.5 else ~ink
    runs = np.concatenate([_runs(ink), _runs(ink.T)])
    return float(np.median(runs)) if len(runs) else 1.0


def window_for(stroke: float) -> int:
    """An odd window for strokes of this width."""
    return int(np.clip(round(stroke * WINDOW_STROKES) // 2 * 2 + 1, 9, LARGEST_WINDOW))


def otsu(grey: np.ndarray) -> int:
    """The grey level that splits the histogram into the two most distinct classes (Otsu 1979): ink is at or below it."""
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    below, levels = np.cumsum(counts), np.arange(256)
    mass = np.cumsum(counts * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    return int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))


def _runs(ink: np.ndarray) -> np.ndarray:
    """Lengths of the runs of True in the rows of a bool array."""
    padded = np.pad(ink, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(padded, axis=1)
    return np.nonzero(change.ravel() == -1)[0] - np.nonzero(change.ravel() == 1)[0]


def _namespace(array: Any) -> Any:
    if isinstance(array, np.ndarray):
        return np
    import jax.numpy as jnp

    return jnp
