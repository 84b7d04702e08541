"""The bricks: depthwise-separable convolution, its residual block, and normalisation."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from gemma3_jax.model.depthwise import depthwise


class Norm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015): folds into the convolution before it at export.

    Under `jit` over a sharded batch the statistics are those of the global batch. They are taken and kept in float32; what
    comes out has the input's dtype, or everything behind the first norm would be float32.
    """

    train: bool
    momentum: float = 0.98

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        return nn.BatchNorm(
            use_running_average=not self.train,
            momentum=self.momentum,
            epsilon=1e-4,
            dtype=x.dtype,
            name="norm",
        )(x)


class Depthwise(nn.Module):
    """Depthwise convolution; `implementation` chooses the program, never the parameters."""

    kernel_size: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
        taps = self.kernel_size[0] * self.kernel_size[1]
        kernel = self.param(
            "kernel",
            nn.initializers.normal((2.0 / taps) ** 0.5),
            (*self.kernel_size, 1, x.shape[-1]),
        )
        return depthwise(x, jnp.asarray(kernel, x.dtype), self.strides, self.implementation)


class Pointwise(nn.Module):
    """1 x 1 convolution as one matrix product over all cells."""

    features: int
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b f"]:
        dense = nn.Dense(self.features, use_bias=self.use_bias, dtype=x.dtype, name="kernel")
        return dense(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], self.features)


class SeparableBlock(nn.Module):
    """Depthwise, then pointwise, each normalised, ReLU at the end of both (MobileNet, Howard et al. 2017).

    The input is added back where shapes allow. ReLU and not hard-swish: INT8 and phones fuse it.
    """

    features: int
    strides: tuple[int, int] = (1, 1)
    train: bool = False
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 f"]:
        y = Depthwise((3, 3), self.strides, self.implementation, name="depthwise")(x)
        y = nn.relu(Norm(self.train, name="depthwise_norm")(y))
        y = Norm(self.train, name="pointwise_norm")(Pointwise(self.features, name="pointwise")(y))
        if y.shape == x.shape:
            y = y + x
        return nn.relu(y)


def upsample(x: Float[Array, "b h w c"], factor: int = 2) -> Float[Array, "b h2 w2 c"]:
    """Nearest-neighbour enlargement by an integer, as broadcasts (exports to any runtime)."""
    b, h, w, c = x.shape
    wide = jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, factor, w, factor, c))
    return wide.reshape(b, h * factor, w * factor, c)


Variables = dict[str, Any]
