"""One depthwise convolution, two implementations over the same kernel `[kh, kw, 1, c]`.

`conv` is `lax.conv_general_dilated` with one group per channel: what exporters, phones and the TPU compiler want. `shift` adds
up shifted copies of the map, one per tap: on CPU XLA fuses that into a single loop, where its grouped convolution is 6-10
times slower and the gradient of that slower still (jax issues 13800, 26266). `auto` takes, when the program is compiled,
what is best for the platform it is compiled for. docs/performance.md (CPU) and docs/tpu.md have the figures.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

IMPLEMENTATIONS = ("auto", "shift", "conv")
# Where `auto` is `conv`; elsewhere it is `shift`. A TPU lays the batch along its 128 lanes, which pays for the low maps of
# strips, hundreds at a time, and not for those of pictures.
CONV_PLATFORMS, CONV_ROWS = ("tpu",), 16


def depthwise(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "kh kw 1 c"],
    strides: tuple[int, int] = (1, 1),
    implementation: str = "auto",
) -> Float[Array, "b h2 w2 c"]:
    """Depthwise correlation with symmetric zero padding of `k // 2`; output size is `ceil(size / stride)`.

    Raises:
        ValueError: for an even kernel or an unknown implementation.
    """
    kh, kw = kernel.shape[:2]
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"depthwise kernels are odd so that padding is symmetric, got {kh}x{kw}")
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(f"{implementation=} is not one of {IMPLEMENTATIONS}")
    return {"auto": _auto, "shift": _shift, "conv": _conv}[implementation](x, kernel, strides)


def _conv(x: Array, kernel: Array, strides: tuple[int, int]) -> Array:
    kh, kw = kernel.shape[:2]
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        [(kh // 2, kh // 2), (kw // 2, kw // 2)],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


def _conv_backward(strides: tuple[int, int], residuals: tuple, g: Array) -> tuple[Array, Array]:
    return jax.vjp(partial(_conv, strides=strides), *residuals)[1](g)


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
def _shift(x: Array, kernel: Array, strides: tuple[int, int]) -> Array:
    size = (kernel.shape[0], kernel.shape[1])
    out = (-(-x.shape[1] // strides[0]), -(-x.shape[2] // strides[1]))
    taps = _taps(_pad(x, size), size, strides, out)
    weights = kernel.reshape(-1, kernel.shape[-1])
    return sum(tap * weights[i][None, None, None] for i, tap in enumerate(taps))  # type: ignore[return-value]


def _shift_forward(x: Array, kernel: Array, strides: tuple[int, int]) -> tuple[Array, tuple]:
    out: Any = _shift(x, kernel, strides)
    return out, (x, kernel)


def _shift_backward(strides: tuple[int, int], residuals: tuple, g: Array) -> tuple[Array, Array]:
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
    dx: Any = _shift(spread, kernel[::-1, ::-1], (1, 1))
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


_shift.defvjp(_shift_forward, _shift_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _auto(x: Array, kernel: Array, strides: tuple[int, int]) -> Array:
    """`_conv` or `_shift`, gradients included; a program for one platform holds only that platform's."""
    conv = dict.fromkeys(_conv_platforms(x), partial(_conv, strides=strides))
    return lax.platform_dependent(x, kernel, default=partial(_shift, strides=strides), **conv)


def _conv_platforms(x: Array) -> tuple[str, ...]:
    return CONV_PLATFORMS if x.shape[1] <= CONV_ROWS else ()


def _auto_forward(x: Array, kernel: Array, strides: tuple[int, int]) -> tuple[Array, tuple]:
    out: Any = _auto(x, kernel, strides)
    return out, (x, kernel)


def _auto_backward(strides: tuple[int, int], residuals: tuple, g: Array) -> tuple[Array, Array]:
    conv = dict.fromkeys(_conv_platforms(residuals[0]), partial(_conv_backward, strides))
    return lax.platform_dependent(residuals, g, default=partial(_shift_backward, strides), **conv)


_auto.defvjp(_auto_forward, _auto_backward)
