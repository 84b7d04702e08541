"""One depthwise convolution, two implementations over the same kernel `[kh, kw, 1, c]`.

`conv` is `lax.conv_general_dilated` with one group per channel: what exporters and phones want. `shift` adds up shifted
copies of the map, one per tap: on CPU XLA fuses that into a single loop, where its grouped convolution is 6-10 times
slower and the gradient of that slower still (jax issues 13800, 26266). docs/performance.md has the measurements.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

IMPLEMENTATIONS = ("shift", "conv")


def depthwise(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "kh kw 1 c"],
    strides: tuple[int, int] = (1, 1),
    implementation: str = "shift",
) -> Float[Array, "b h2 w2 c"]:
    """Depthwise correlation with symmetric zero padding of `k // 2`; output size is `ceil(size / stride)`.

    Raises:
        ValueError: for an even kernel or an unknown implementation.
    """
    kh, kw = kernel.shape[:2]
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"depthwise kernels are odd so that padding is symmetric, got {kh}x{kw}")
    if implementation == "conv":
        return lax.conv_general_dilated(
            x,
            kernel,
            strides,
            [(kh // 2, kh // 2), (kw // 2, kw // 2)],
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=x.shape[-1],
        )
    if implementation != "shift":
        raise ValueError(f"{implementation=} is not one of {IMPLEMENTATIONS}")
    return _shift_depthwise(x, kernel[:, :, 0], strides)


def _pad(x: Array, kernel_size: tuple[int, int]) -> Array:
    kh, kw = kernel_size
    return jnp.pad(x, ((0, 0), (kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)))


def _taps(
    padded: Array, kernel_size: tuple[int, int], strides: tuple[int, int], out: tuple[int, int]
) -> list[Array]:
    """The shifted views `[..., h2, w2, c]` of a padded map, one per kernel tap, row by row."""
    (kh, kw), (sh, sw), (h2, w2) = kernel_size, strides, out
    return [
        padded[..., i : i + (h2 - 1) * sh + 1 : sh, j : j + (w2 - 1) * sw + 1 : sw, :]
        for i in range(kh)
        for j in range(kw)
    ]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _shift_depthwise(x: Array, kernel: Array, strides: tuple[int, int]) -> Array:
    size = (kernel.shape[0], kernel.shape[1])
    out = (-(-x.shape[1] // strides[0]), -(-x.shape[2] // strides[1]))
    taps = _taps(_pad(x, size), size, strides, out)
    weights = kernel.reshape(-1, kernel.shape[-1])
    return sum(tap * weights[i][None, None, None] for i, tap in enumerate(taps))  # type: ignore[return-value]


def _forward(x: Array, kernel: Array, strides: tuple[int, int]) -> tuple[Array, tuple]:
    out: Any = _shift_depthwise(x, kernel, strides)
    return out, (x, kernel)


def _backward(strides: tuple[int, int], residuals: tuple, g: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    (sh, sw), size = strides, kernel.shape[:2]
    # Input: put zeros between the strided outputs, then correlate with the kernel turned by 180 degrees.
    spread = lax.pad(
        g,
        jnp.zeros((), g.dtype),
        (
            (0, 0, 0),
            (0, x.shape[1] - ((g.shape[1] - 1) * sh + 1), sh - 1),
            (0, x.shape[2] - ((g.shape[2] - 1) * sw + 1), sw - 1),
            (0, 0, 0),
        ),
    )
    dx: Any = _shift_depthwise(spread, kernel[::-1, ::-1], (1, 1))
    padded = _pad(x, size)
    dkernel = lax.platform_dependent(
        padded,
        g,
        cpu=partial(_kernel_gradient_scan, size=size, strides=strides),
        default=partial(_kernel_gradient_sum, size=size, strides=strides),
    )
    return dx, dkernel.reshape(kernel.shape)


def _kernel_gradient_sum(padded: Array, g: Array, size: Any, strides: Any) -> Array:
    taps = _taps(padded, size, strides, (g.shape[1], g.shape[2]))
    return jnp.stack([jnp.sum(tap * g, axis=(0, 1, 2)) for tap in taps])


def _kernel_gradient_scan(padded: Array, g: Array, size: Any, strides: Any) -> Array:
    """The same sums image by image: one image's maps stay in cache, and XLA's CPU backend vectorises the running sum where it
    walks a whole-batch reduction element by element (10 times faster, docs/performance.md)."""

    def add_image(sums: tuple, image: tuple) -> tuple[tuple, None]:
        x, gi = image
        taps = _taps(x, size, strides, gi.shape[:2])
        return tuple(s + tap * gi for s, tap in zip(sums, taps, strict=True)), None

    start = tuple(jnp.zeros(g.shape[1:], g.dtype) for _ in range(size[0] * size[1]))
    sums, _ = lax.scan(add_image, start, (padded, g))
    return jnp.stack([s.sum(axis=(0, 1)) for s in sums])


_shift_depthwise.defvjp(_forward, _backward)
