"""What a camera does to a picture: blur, light, noise, JPEG, low resolution. Values are float32, 0..1.

Everything is dense arithmetic or a matrix product; parameters may be traced. The functions work on planes `[c, h, w]`, which
vectorise well; `blur` and `jpeg` also take ordinary pictures `[h, w, 3]`. Used on drawn crops and on real ones.
Shifted adds are avoided on purpose: XLA's CPU backend fuses the producer into each tap and computes it nine times over
(optimization barriers are dropped before fusion there), while the operands of a product are always stored.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

LUMA = (0.299, 0.587, 0.114)
REACH = 4  # a blur or shift reaches this many pixels to either side


def hash_bits(seed: Any, shape: tuple[int, ...]) -> Any:
    """Random uint32 per position, an integer hash of position and `seed` (uint32): the same on every backend.

    The hash is lowbias32 (C. Wellons, 2018); its quality is ample for noise.
    """
    x = jnp.arange(int(np.prod(shape)), dtype=jnp.uint32).reshape(shape) * jnp.uint32(0x9E3779B9)
    x = x + seed
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> shift)) * jnp.uint32(factor)
    return x ^ (x >> 16)


def _bytes(bits: Any) -> list[Any]:
    return [((bits >> shift) & 255).astype(jnp.float32) for shift in (0, 8, 16, 24)]


def hash_noise(seed: Any, shape: tuple[int, ...]) -> Any:
    """Standard normal noise (the sum of four uniform bytes), one hash a value."""
    return (sum(_bytes(hash_bits(seed, shape))) - 510.0) * (1 / 147.8)


def colour_noise(seed: Any, shape: tuple[int, int]) -> Any:
    """Sensor noise [3, h, w] of unit luma deviation, chroma about a third of it; one hash a pixel."""
    a, b, c, d = _bytes(hash_bits(seed, shape))
    grey = (a + b + c + d - 510.0) * (1 / 147.8)
    red, blue = (a - b) * (1 / 220.0), (c - d) * (1 / 220.0)  # uncorrelated with the sum
    return jnp.stack([grey + red, grey - 0.5 * (red + blue), grey + blue])


def gaussian(sigma: Any) -> Any:
    """Gaussian kernel [9]; sigma 0 is the identity."""
    at = jnp.arange(-REACH, REACH + 1.0)
    kernel = jnp.exp(-0.5 * (at / jnp.maximum(sigma, 1e-2)) ** 2)
    return kernel / kernel.sum()


def box(width: Any) -> Any:
    """Motion kernel [9]: a box of fractional `width` px, 1 is the identity."""
    at = jnp.abs(jnp.arange(-REACH, REACH + 1.0))
    kernel = jnp.clip((width + 1) / 2 - at, 0, 1)
    return kernel / kernel.sum()


def shifted(offset: Any, sigma: Any) -> Any:
    """Kernel [9] that blurs and moves by `offset` px (fractional, at most 3) towards larger coordinates."""
    at = jnp.arange(-REACH, REACH + 1.0) + offset
    wide = jnp.exp(-0.5 * (at / jnp.maximum(sigma, 0.3)) ** 2)
    kernel = jnp.where(sigma < 0.3, jnp.maximum(1 - jnp.abs(at), 0), wide)
    return kernel / kernel.sum()


def band(size: int, kernel: Any) -> Any:
    """The matrix [size, size] that filters a column with `kernel` [9], edges repeated."""
    out, tap = np.arange(size)[:, None], np.arange(-REACH, REACH + 1)
    at = np.clip(out + tap, 0, size - 1)
    hot = (at[:, :, None] == np.arange(size)).astype(np.float32).transpose(1, 0, 2)
    return (kernel @ hot.reshape(2 * REACH + 1, -1)).reshape(size, size)


def blur_planes(planes: Any, kernel_y: Any, kernel_x: Any) -> Any:
    """Separable filter of [..., h, w] with kernels [9], edges repeated."""
    height, width = planes.shape[-2:]
    wide = planes.reshape(-1, width) @ band(width, kernel_x).T
    return band(height, kernel_y) @ wide.reshape(planes.shape)


def blur(image: Any, kernel_y: Any, kernel_x: Any) -> Any:
    """`blur_planes` of a picture [h, w] or [h, w, c]."""
    if image.ndim == 2:
        return blur_planes(image, kernel_y, kernel_x)
    return blur_planes(image.transpose(2, 0, 1), kernel_y, kernel_x).transpose(1, 2, 0)


def tone(image: Any, gain: Any, lift: Any, curve: Any) -> Any:
    """Exposure: image * gain + lift, then a cheap gamma: x + curve * x * (1 - x), curve in -0.9..0.9."""
    x = jnp.clip(image * gain + lift, 0, 1)
    return x + curve * x * (1 - x)


def _dct() -> np.ndarray:
    k, n = np.mgrid[0:8, 0:8]
    basis = np.cos(np.pi * (2 * n + 1) * k / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5)
    return np.kron(basis, basis).astype(np.float32)


# ITU-T T.81 Annex K, tables K.1 and K.2, by rows
_QUANT = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ],
    np.float32,
)


_CHROMA_QUANT = np.full((8, 8), 99, np.float32)
_CHROMA_QUANT[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def jpeg_planes(planes: Any, strength: Any) -> Any:
    """JPEG's loss on RGB planes [3, h, w]: 4:2:0 chroma, 8 x 8 DCT, quantisation.

    `strength` scales the tables: 1 is quality 50, 3 about 17, 0.4 about 80. Sides must be multiples of 16.
    Strength 0 still halves chroma; blend by hand to switch it off.
    """
    _, height, width = planes.shape
    red, green, blue = planes * 255
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = jnp.stack([0.564 * (blue - grey), 0.713 * (red - grey)])
    half = chroma.reshape(2, height // 2, 2, width // 2, 2).mean((2, 4))
    grey = _quantise(grey - 128, _QUANT * strength) + 128
    half = _quantise(half.reshape(height, width // 2), _CHROMA_QUANT.ravel() * strength)
    half = half.reshape(2, height // 2, width // 2)
    u, v = jnp.repeat(jnp.repeat(half, 2, 1), 2, 2)
    rgb = jnp.stack([grey + 1.403 * v, grey - 0.344 * u - 0.714 * v, grey + 1.773 * u])
    return jnp.clip(rgb * (1 / 255), 0, 1)


def jpeg(image: Any, strength: Any) -> Any:
    """`jpeg_planes` of a picture [h, w, 3]."""
    return jpeg_planes(image.transpose(2, 0, 1), strength).transpose(1, 2, 0)


def _quantise(plane: Any, table: Any) -> Any:
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    dct = jnp.asarray(_dct())
    step = jnp.maximum(table, 1.0)
    blocks = (jnp.round((blocks @ dct.T) * (1 / step)) * step) @ dct
    blocks = blocks.reshape(height // 8, width // 8, 8, 8).transpose(0, 2, 1, 3)
    return blocks.reshape(height, width)


def enlarge(planes: Any, scale: Any, last_row: Any, last_column: Any) -> Any:
    """The top left of RGB planes [3, h, w] stretched over all of it, as a picture uint8 [h, w, 3].

    Pixel x shows the native place (x + 0.5) * scale, bilinear; scale <= 1, traced. last_row and last_column are the native
    centres (px - 0.5) that pixels beyond repeat. Columns are fetched as packed colours: two gathers a pixel.
    """
    _, height, width = planes.shape
    low, part = _places(height, scale, last_row)
    part = part[:, None]
    tall = planes[:, low] * (1 - part) + planes[:, low + 1] * part
    red, green, blue = jnp.round(tall * 255).astype(jnp.uint32)
    packed = red | (green << 8) | (blue << 16)
    low, part = _places(width, scale, last_column)
    left, right = (jnp.take(packed, low + k, axis=1, mode="clip") for k in (0, 1))
    mixed = [_mix((left >> s) & 255, (right >> s) & 255, part) for s in (0, 8, 16)]
    return jnp.stack(mixed, -1).astype(jnp.uint8)


def _places(size: int, scale: Any, last: Any) -> tuple[Any, Any]:
    at = (jnp.arange(size) + 0.5) * scale - 0.5
    at = jnp.clip(at, 0, jnp.clip(last, 0, size - 1.001))
    low = jnp.floor(at)
    return low.astype(jnp.int32), at - low


def _mix(left: Any, right: Any, part: Any) -> Any:
    left, right = left.astype(jnp.float32), right.astype(jnp.float32)
    return left + (right - left) * part + 0.5
