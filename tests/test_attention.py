"""Local attention against dense attention under a hand-drawn block mask; positions at any length."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gemma3_jax.model.attention import AttentionBlock, DynamicPositionalEncoding, local_attention


def dense_attention(q, k, v, allowed):
    scores = np.einsum("bqhe,bkhe->bhqk", q, k) / np.sqrt(q.shape[-1])
    scores = np.where(allowed[:, None], scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("bhqk,bkhe->bqhe", weights, v)


@pytest.mark.parametrize(("t", "window"), [(32, 16), (20, 16), (7, 16), (33, 8), (5, 1)])
def test_equals_dense_attention_with_the_block_mask(t, window):
    q, k, v = (np.asarray(jax.random.normal(jax.random.key(i), (2, t, 3, 8))) for i in range(3))
    block = np.arange(t) // window
    allowed = np.broadcast_to(block[:, None] == block[None], (2, t, t))
    found = local_attention(
        jnp.asarray(q), jnp.asarray(k), jnp.asarray(v), jnp.ones((2, t), bool), window
    )
    np.testing.assert_allclose(found, dense_attention(q, k, v, allowed), atol=1e-5)


def test_block_mask_of_five_columns_in_windows_of_two_drawn_by_hand():
    drawn = np.array(
        [[1, 1, 0, 0, 0],
         [1, 1, 0, 0, 0],
         [0, 0, 1, 1, 0],
         [0, 0, 1, 1, 0],
         [0, 0, 0, 0, 1]], bool
    )  # fmt: skip
    q = jnp.zeros((1, 5, 1, 5))  # equal scores: each column averages what it may see
    values = jnp.eye(5)[None, :, None, :]
    found = local_attention(q, q, values, jnp.ones((1, 5), bool), 2)[0, :, 0]
    np.testing.assert_allclose(found, drawn / drawn.sum(1, keepdims=True), atol=1e-6)


def test_masked_columns_change_nothing_and_say_nothing():
    q, k, v = (jax.random.normal(jax.random.key(i), (1, 12, 2, 4)) for i in range(3))
    mask = jnp.arange(12)[None] < 7
    found = local_attention(q, k, v, mask, 8)
    np.testing.assert_allclose(
        found[:, :7], local_attention(q[:, :7], k[:, :7], v[:, :7], mask[:, :7], 8), atol=1e-6
    )
    assert not np.any(np.asarray(found[:, 7:]))


def test_block_reads_a_strip_the_same_whatever_lies_beyond_its_mask():
    block = AttentionBlock(2, 4, 2)
    x = jax.random.normal(jax.random.key(0), (1, 10, 8))
    mask = jnp.arange(10)[None] < 6
    variables = block.init(jax.random.key(1), x, mask)
    other = jnp.where(mask[..., None], x, 99.0)
    a, b = (np.asarray(block.apply(variables, y, mask))[:, :6] for y in (x, other))
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_positions_are_a_convolution_so_they_shift_with_the_text_and_take_any_length():
    encoding = DynamicPositionalEncoding()
    x = jnp.zeros((1, 30, 4)).at[:, 10:14].set(1.0)
    variables = encoding.init(jax.random.key(0), x, jnp.ones((1, 30), bool))
    a: Any = encoding.apply(variables, x, jnp.ones((1, 30), bool))
    b: Any = encoding.apply(
        variables, jnp.concatenate([jnp.zeros((1, 5, 4)), x], 1), jnp.ones((1, 35), bool)
    )
    np.testing.assert_allclose(a[0, 5:20], b[0, 10:25], atol=1e-6)
    assert sum(p.size for p in jax.tree.leaves(variables)) == 5 * 4
