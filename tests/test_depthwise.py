"""`shift` and `conv` are one layer: values and gradients, any odd kernel, any stride."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.model.depthwise import _kernel_gradient_scan, _kernel_gradient_sum, depthwise


def brute_force(x, kernel, strides):
    """The definition, cell by cell."""
    kh, kw = kernel.shape[:2]
    (b, h, w, c), (sh, sw) = x.shape, strides
    out = np.zeros((b, -(-h // sh), -(-w // sw), c))
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            for i in range(kh):
                for j in range(kw):
                    y, z = row * sh + i - kh // 2, column * sw + j - kw // 2
                    if 0 <= y < h and 0 <= z < w:
                        out[:, row, column] += x[:, y, z] * kernel[i, j, 0]
    return out


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 7), st.integers(1, 7), st.sampled_from([(1, 1), (2, 2), (2, 1)]), st.sampled_from([(3, 3), (1, 5)])
)  # fmt: skip
def test_both_implementations_equal_the_definition(height, width, strides, size):
    rng = np.random.default_rng(height * 10 + width)
    x, kernel = rng.normal(size=(2, height, width, 3)), rng.normal(size=(*size, 1, 3))
    expected = brute_force(x, kernel, strides)
    for implementation in ("shift", "conv"):
        found = depthwise(jnp.float32(x), jnp.float32(kernel), strides, implementation)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1)])
def test_custom_gradient_equals_the_convolutions_own(strides):
    x, kernel = (
        jax.random.normal(jax.random.key(i), s) for i, s in enumerate([(3, 9, 10, 4), (3, 3, 1, 4)])
    )

    def loss(x, kernel, implementation):
        return jnp.sin(depthwise(x, kernel, strides, implementation)).sum()

    expected = jax.grad(loss, (0, 1))(x, kernel, "conv")
    found = jax.grad(loss, (0, 1))(x, kernel, "shift")
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_kernel_gradient_is_the_same_on_cpu_and_elsewhere():
    padded, g = (
        jax.random.normal(jax.random.key(i), s) for i, s in enumerate([(4, 8, 9, 5), (4, 6, 7, 5)])
    )
    arguments = padded, g, (3, 3), (1, 1)
    np.testing.assert_allclose(
        _kernel_gradient_scan(*arguments), _kernel_gradient_sum(*arguments), atol=1e-4
    )


def test_refuses_even_kernels_and_unknown_implementations():
    x = jnp.zeros((1, 4, 4, 2))
    with pytest.raises(ValueError, match="odd"):
        depthwise(x, jnp.zeros((2, 3, 1, 2)))
    with pytest.raises(ValueError, match="winograd"):
        depthwise(x, jnp.zeros((3, 3, 1, 2)), implementation="winograd")
