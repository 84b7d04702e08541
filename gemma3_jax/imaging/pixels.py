"""Any pixel format as 8-bit RGB: deep grey, palettes, transparency, CMYK, arrays."""

from __future__ import annotations

import numpy as np
from PIL import Image

NEARLY_WHITE = 200  # mean grey of what shows, over which transparency is laid on black


def to_rgb(image: Image.Image) -> np.ndarray:
    """uint8 RGB `[h, w, 3]` of a decoded PIL image of any mode."""
    if image.mode.startswith("I") or image.mode == "F":
        return _grey_to_rgb(deep_to_grey(np.asarray(image)))
    if image.has_transparency_data:
        return _composite(np.asarray(image.convert("RGBA")))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def from_array(array: np.ndarray) -> np.ndarray:
    """uint8 RGB `[h, w, 3]` of an array: `[h, w]` or `[h, w, c]` with 1, 2 (grey, alpha), 3 or 4 channels; uint8, uint16, bool.

    Raises:
        ValueError: naming the shape or dtype that does not fit.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)):
        raise ValueError(f"has shape {array.shape}: give [h, w] or [h, w, 1..4], channels last")
    if 0 in array.shape[:2]:
        raise ValueError(f"has no pixels ({array.shape[1]}x{array.shape[0]})")
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = deep_to_grey(array)
    elif array.dtype != np.uint8:
        raise ValueError(f"has dtype {array.dtype}: give uint8 0..255 (or uint16, bool)")
    if array.ndim == 2 or array.shape[2] == 1:
        return _grey_to_rgb(array.reshape(array.shape[:2]))
    if array.shape[2] == 2:
        array = np.concatenate([np.repeat(array[..., :1], 3, axis=2), array[..., 1:]], axis=2)
    return _composite(array) if array.shape[2] == 4 else np.ascontiguousarray(array)


def deep_to_grey(values: np.ndarray) -> np.ndarray:
    """uint8 of the same shape, from 16-bit, 32-bit or float samples.

    Whole numbers are scaled by the smallest of 8, 12 and 16 bits that holds them (cameras and scanners store 12 bits in 16),
    floats in 0..1 and 0..255 are taken at their word; other ranges mean nothing by themselves and are stretched from their
    minimum to their maximum.
    """
    samples = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(samples.min()), float(samples.max())
    ranges = (1.0, 255.0) if values.dtype.kind == "f" else (255.0, 4095.0, 65535.0)
    if low >= 0 and high <= ranges[-1]:
        low, high = 0.0, next(limit for limit in ranges if high <= limit)
    return np.rint((samples - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)


def _grey_to_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def _composite(rgba: np.ndarray) -> np.ndarray:
    """RGBA over white; over black when what shows is nearly white, as a logo made for dark pages is."""
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    colour = rgba[..., :3].astype(np.float32)
    shown = float(alpha.sum()) * 3
    white_on_nothing = shown > 0 and float((colour * alpha).sum()) / shown > NEARLY_WHITE
    ground = 0.0 if white_on_nothing else 255.0
    return np.rint(colour * alpha + ground * (1.0 - alpha)).astype(np.uint8)
