"""What a camera does to a picture: blur, light, noise, JPEG, low resolution. Pictures are [h, w, 3] float32, 0..1.

Everything is dense arithmetic or shifted adds; parameters may be traced. Used on drawn crops and on real ones.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LUMA = (0.299, 0.587, 0.114)
_TAPS = 4  # a blur reaches four pixels to either side


def settle(x: Any) -> Any:
    """Make XLA store `x` here: without it, fusion recomputes a cheap-looking stage once per tap of the next (10x slower)."""
    return jax.lax.optimization_barrier(x)


def uniform(key: Any, shape: tuple[int, ...]) -> Any:
    """Uniform numbers for parameters, drawn once (fused into pixel loops they would be drawn once per pixel)."""
    return settle(jax.random.uniform(key, shape))


def hash_noise(seed: Any, shape: tuple[int, ...]) -> Any:
    """Standard normal noise (sum of four uniform bytes) from an integer hash of the position and `seed` (uint32).

    One hash per value, the same on every backend and for every batch split; quality is ample for sensor noise.
    """
    x = (
        jnp.arange(int(np.prod(shape)), dtype=jnp.uint32).reshape(shape) * jnp.uint32(0x9E3779B9)
        + seed
    )
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):  # lowbias32, C. Wellons 2018
        x = (x ^ (x >> shift)) * jnp.uint32(factor)
    x = x ^ (x >> 16)
    total = sum(((x >> shift) & 255).astype(jnp.float32) for shift in (0, 8, 16, 24))
    return (total - 510.0) / 147.8


def blur(image: Any, kernel_y: Any, kernel_x: Any) -> Any:
    """Separable blur [h, w] or [h, w, c] with edge repeat as two banded matrix products; kernels [9], centred.

    XLA's CPU backend fuses shifted adds into whatever made the picture and computes that once per tap; a matrix product
    it never fuses (docs/performance.md: 9.2 -> 2.3 ms of processor time per crop), and a TPU likes it too.
    """

    def band(size: int, kernel: Any) -> Any:
        out, tap = jnp.arange(size)[:, None], jnp.arange(-_TAPS, _TAPS + 1)
        at = jnp.clip(out + tap, 0, size - 1)
        return (kernel[None, :, None] * (at[:, :, None] == jnp.arange(size))).sum(1)

    rows, columns = band(image.shape[0], kernel_y), band(image.shape[1], kernel_x)
    flat = image.reshape(image.shape[0], -1)
    tall = (rows @ flat).reshape(image.shape)
    if image.ndim == 2:
        return tall @ columns.T
    return jnp.einsum("hwc,vw->hvc", tall, columns)


def gaussian(sigma: Any) -> Any:
    """Gaussian kernel [9]; sigma 0 is the identity."""
    at = jnp.arange(-_TAPS, _TAPS + 1.0)
    kernel = jnp.exp(-0.5 * (at / jnp.maximum(sigma, 1e-2)) ** 2)
    return settle(kernel / kernel.sum())


def box(width: Any) -> Any:
    """Motion kernel [9]: a box of fractional `width` px, 1 is the identity."""
    at = jnp.abs(jnp.arange(-_TAPS, _TAPS + 1.0))
    kernel = jnp.clip((width + 1) / 2 - at, 0, 1)
    return settle(kernel / kernel.sum())


def tone(image: Any, gain: Any, lift: Any, curve: Any) -> Any:
    """Exposure: image * gain + lift, then a cheap gamma: x + curve * x * (1 - x), curve in -0.9..0.9."""
    x = jnp.clip(image * gain + lift, 0, 1)
    return x + curve * x * (1 - x)


def _dct() -> np.ndarray:
    k, n = np.mgrid[0:8, 0:8]
    basis = np.cos(np.pi * (2 * n + 1) * k / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5)
    return np.kron(basis, basis).astype(np.float32)


# fmt: off
_QUANT = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
], np.float32)
# fmt: on
_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], np.float32
)


def jpeg(image: Any, strength: Any) -> Any:
    """JPEG's loss: 4:2:0 chroma, 8 x 8 DCT, quantisation (Annex K luminance table times `strength`, 1 = quality 50).

    Sides must be multiples of 16. Strength 0 still halves chroma; blend by hand to switch it off.
    """
    height, width, _ = image.shape
    planes = settle(jnp.einsum("hwc,kc->khw", image * 255, _YCC))
    luma = _quantise(planes[0] - 128, strength) + 128
    half = (
        planes[1:]
        .reshape(2, height // 2, 2, width // 2, 2)
        .mean((2, 4))
        .reshape(height, width // 2)
    )
    chroma = _quantise(half, strength * 1.6).reshape(2, height // 2, width // 2)
    chroma = jnp.repeat(jnp.repeat(chroma, 2, 1), 2, 2)
    return jnp.clip(
        jnp.einsum("khw,ck->hwc", jnp.concatenate([luma[None], chroma]), np.linalg.inv(_YCC)) / 255,
        0,
        1,
    )


def _quantise(plane: Any, strength: Any) -> Any:
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    dct = jnp.asarray(_dct())
    step = jnp.maximum(_QUANT * strength, 1.0)
    blocks = (jnp.round(blocks @ dct.T / step) * step) @ dct
    return (
        blocks.reshape(height // 8, width // 8, 8, 8).transpose(0, 2, 1, 3).reshape(height, width)
    )


def enlarge(image: Any, scale: Any, last_row: Any, last_column: Any) -> Any:
    """The top left of `image` stretched over all of it: pixel x shows (x + 0.5) * scale, bilinear.

    last_row, last_column: native centres (px - 0.5) that later pixels repeat. scale <= 1, traced.
    """

    def along(x: Any, last: Any) -> Any:  # resamples axis 0 by whole rows
        at = jnp.clip(
            (jnp.arange(x.shape[0]) + 0.5) * scale - 0.5, 0, jnp.clip(last, 0, x.shape[0] - 1.001)
        )
        low = jnp.floor(at)
        rows = low.astype(jnp.int32)
        part = (at - low)[:, None, None]
        return settle(x[rows] * (1 - part) + x[rows + 1] * part)

    tall = along(image, last_row)
    return along(tall.transpose(1, 0, 2), last_column).transpose(1, 0, 2)
