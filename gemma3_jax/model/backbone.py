"""Depthwise-separable trunk and the neck that fuses it at stride 4."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from gemma3_jax.config import ModelConfig
from gemma3_jax.model.layers import Norm, Pointwise, SeparableBlock, upsample


class Backbone(nn.Module):
    """Normalised image -> maps at strides 2 (stem), 4, 8, 16, 32.

    The stem is the only dense convolution: three colours leave a depthwise one nothing to do.
    """

    config: ModelConfig
    train: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"]) -> list[Float[Array, "b h2 w2 c"]]:
        c = self.config
        x = nn.Conv(
            c.stem_width,
            (3, 3),
            (2, 2),
            padding=((0, 1), (0, 1)),
            use_bias=False,
            dtype=x.dtype,
            name="stem",
        )(x)
        x = nn.relu(Norm(self.train, name="stem_norm")(x))
        maps = [x]
        for i, (width, depth) in enumerate(zip(c.stage_widths, c.stage_depths, strict=True), 1):
            for j in range(depth):
                strides = (2, 2) if j == 0 else (1, 1)
                block = SeparableBlock(
                    width, strides, self.train, c.depthwise, name=f"stage{i}_block{j}"
                )
                x = block(x)
            maps.append(x)
        return maps


class Neck(nn.Module):
    """Top-down fusion of strides 32..4 into one map at stride 4 (FPN, Lin et al. 2017, with sums)."""

    config: ModelConfig
    train: bool = False

    @nn.compact
    def __call__(self, maps: list[Float[Array, "b h w c"]]) -> Float[Array, "b h4 w4 c"]:
        c = self.config
        fused: Array | None = None
        for i in range(len(maps) - 1, 0, -1):
            x = Pointwise(c.neck_width, name=f"lateral{i}")(maps[i])
            x = Norm(self.train, name=f"lateral{i}_norm")(x)
            if fused is not None:
                x = nn.relu(x + upsample(fused))
                x = SeparableBlock(
                    c.neck_width, (1, 1), self.train, c.depthwise, name=f"smooth{i}"
                )(x)
            fused = x
        return jnp.asarray(fused)
