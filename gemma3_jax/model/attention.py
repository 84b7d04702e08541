"""Attention inside non-overlapping windows of text columns, and positions from a convolution.

Cost is linear in the strip's length; masked columns neither look nor are looked at.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gemma3_jax.model.layers import Depthwise

MASKED = -1e9


def local_attention(
    q: Float[Array, "b t heads e"],
    k: Float[Array, "b t heads e"],
    v: Float[Array, "b t heads e"],
    mask: Bool[Array, "b t"],
    window: int,
) -> Float[Array, "b t heads e"]:
    """Scaled dot-product attention within windows `[0, k), [k, 2k), ...` (Swin's W-MSA in one dimension,
    Liu et al. 2021). Equals dense attention under the block mask. Columns where `mask` is False give zeros.
    """
    b, t, heads, e = q.shape
    spare = -t % window
    n = (t + spare) // window

    def windows(x: Array) -> Array:
        return jnp.pad(x, ((0, 0), (0, spare), (0, 0), (0, 0))).reshape(b, n, window, heads, e)

    seen = jnp.pad(mask, ((0, 0), (0, spare))).reshape(b, n, window)
    scores = jnp.einsum("bnqhe,bnkhe->bnhqk", windows(q), windows(k)) / jnp.sqrt(e).astype(q.dtype)
    scores = jnp.where(seen[:, :, None, None, :], scores.astype(jnp.float32), MASKED)
    weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
    out = jnp.einsum("bnhqk,bnkhe->bnqhe", weights, windows(v)).reshape(b, t + spare, heads, e)
    return out[:, :t] * mask[:, :, None, None].astype(v.dtype)


class DynamicPositionalEncoding(nn.Module):
    """Adds a depthwise 1-D convolution of the sequence to itself: zeros beyond the ends and the mask tell where one
    is, at any length, with no table (CPVT, Chu et al. 2021)."""

    kernel_size: int = 5
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b t d"], mask: Bool[Array, "b t"]) -> Float[Array, "b t d"]:
        x = x * mask[..., None].astype(x.dtype)
        conv = Depthwise((1, self.kernel_size), (1, 1), self.implementation, name="depthwise")
        return x + conv(x[:, None])[:, 0]


class AttentionBlock(nn.Module):
    """Positions, local attention, MLP; pre-norm residuals (Vaswani et al. 2017, Xiong et al. 2020)."""

    heads: int
    window: int
    mlp_ratio: int
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b t d"], mask: Bool[Array, "b t"]) -> Float[Array, "b t d"]:
        b, t, d = x.shape
        x = DynamicPositionalEncoding(implementation=self.implementation, name="position")(x, mask)
        y = nn.LayerNorm(dtype=x.dtype, name="attention_norm")(x)
        qkv = nn.Dense(3 * d, dtype=x.dtype, name="qkv")(y)
        qkv = qkv.reshape(b, t, 3, self.heads, d // self.heads)
        y = local_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], mask, self.window)
        x = x + nn.Dense(d, dtype=x.dtype, name="out")(y.reshape(b, t, d))
        y = nn.LayerNorm(dtype=x.dtype, name="mlp_norm")(x)
        y = nn.relu(nn.Dense(self.mlp_ratio * d, dtype=x.dtype, name="expand")(y))
        return x + nn.Dense(d, dtype=x.dtype, name="contract")(y)
