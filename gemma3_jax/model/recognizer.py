"""Strip of features -> class log-probabilities per column: separable convolutions, local attention, CTC head."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gemma3_jax.config import ModelConfig
from gemma3_jax.model.attention import AttentionBlock
from gemma3_jax.model.crop import Strips
from gemma3_jax.model.layers import Depthwise, Norm, Pointwise, SeparableBlock


class JoiningBlock(nn.Module):
    """A `SeparableBlock` that takes the stem's part of a strip with strides of 2, to the fused part's size, and joins them."""

    features: int
    train: bool = False
    implementation: str = "auto"

    @nn.compact
    def __call__(self, strips: Strips) -> Float[Array, "b h w f"]:
        parts = []
        for name, x, stride in zip(strips._fields, strips, (2, 1), strict=True):
            name = f"depthwise_{name}"
            y = Depthwise((3, 3), (stride, stride), self.implementation, name=name)(x)
            parts.append(nn.relu(Norm(self.train, name=f"{name}_norm")(y)))
        y = Pointwise(self.features, name="pointwise")(jnp.concatenate(parts, axis=-1))
        return nn.relu(Norm(self.train, name="pointwise_norm")(y))


class Recognizer(nn.Module):
    """Rows shrink 16 -> 8 -> 4 -> 1, columns once by 2: one CTC column per 4 px of a 32 px high word."""

    config: ModelConfig
    train: bool = False

    @nn.compact
    def __call__(self, strips: Strips, mask: Bool[Array, "b columns"]) -> Float[Array, "b t v"]:
        """Float32 log-probabilities; columns outside the mask say blank."""
        c = self.config
        x = JoiningBlock(c.strip_widths[0], self.train, c.depthwise, name="stage0_block0")(strips)
        for i, (width, depth) in enumerate(zip(c.strip_widths, c.strip_depths, strict=True)):
            for j in range(i == 0, depth):
                strides = (1, 1) if j else (2, 1)
                x = SeparableBlock(
                    width, strides, self.train, c.depthwise, name=f"stage{i}_block{j}"
                )(x)
        b, rows, t, width = x.shape
        x = x.transpose(0, 2, 1, 3).reshape(b, 1, t, rows * width)
        x = nn.relu(Norm(self.train, name="collapse_norm")(Pointwise(c.embed, name="collapse")(x)))[
            :, 0
        ]
        mask = mask[:, ::2]
        for i in range(c.attention_depth):
            block = AttentionBlock(
                c.heads, c.window, c.mlp_ratio, c.depthwise, name=f"attention{i}"
            )
            x = block(x, mask)
        x = nn.LayerNorm(dtype=x.dtype, name="head_norm")(x)
        logits = nn.Dense(c.alphabet.size, dtype=x.dtype, name="head")(x).astype(jnp.float32)
        blank = jnp.where(jnp.arange(c.alphabet.size) == 0, 0.0, -1e4)
        return jax.nn.log_softmax(jnp.where(mask[..., None], logits, blank[None, None]))
