"""Muon beside AdamW: what each kind of parameter gets."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gemma3_jax.config import OptimizerConfig
from gemma3_jax.training.state import optimizer

CONFIG = OptimizerConfig(
    learning_rate=1e-2, warmup_steps=0, total_steps=10, weight_decay=0.0, clip_norm=1e9
)
MUON = dataclasses.replace(CONFIG, method="muon")
SHAPES = {
    "pointwise": {"kernel": (48, 96)},
    "depthwise": {"kernel": (3, 3, 1, 48)},
    "norm": {"scale": (48,)},
    "head": {"kernel": (96, 95)},
}


def tree(seed: int):
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda shape: jnp.asarray(rng.normal(size=shape), jnp.float32),
        SHAPES,
        is_leaf=lambda x: isinstance(x, tuple),
    )


def first_update(config: OptimizerConfig, params, gradients) -> Any:
    method = optimizer(config)
    return method.update(gradients, method.init(params), params)[0]


def test_a_matrix_moves_as_far_in_every_direction():
    """Orthogonal to the accuracy of five Newton-Schulz steps (0.7 to 1.2, Jordan et al. 2024), of AdamW's root mean square."""
    update = np.asarray(first_update(MUON, tree(0), tree(1))["pointwise"]["kernel"], np.float64)
    size = CONFIG.learning_rate * 0.2 * np.sqrt(96)
    singular = np.linalg.svd(update, compute_uv=False) / size
    assert singular.min() > 0.6 and singular.max() < 1.3
    gradient = np.asarray(tree(1)["pointwise"]["kernel"], np.float64)
    u, _, vt = np.linalg.svd(gradient, full_matrices=False)
    assert np.sum(update * -(u @ vt)) / np.linalg.norm(update) / np.sqrt(48) > 0.95


@pytest.mark.parametrize("name", ["depthwise", "norm", "head"])
def test_what_is_no_hidden_matrix_moves_as_with_adamw(name):
    muon, adamw = (first_update(config, tree(0), tree(1))[name] for config in (MUON, CONFIG))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), muon, adamw)


@pytest.mark.parametrize("method", ["adamw", "muon"])
def test_only_matrices_and_kernels_decay(method):
    config = dataclasses.replace(CONFIG, method=method, weight_decay=0.5)
    params = tree(0)
    still = jax.tree.map(jnp.zeros_like, params)
    after: Any = optax.apply_updates(params, first_update(config, params, still))
    shrunk = 1 - 0.5 * CONFIG.learning_rate
    for name, expected in (("pointwise", shrunk), ("depthwise", shrunk), ("norm", 1.0)):
        for a, b in zip(jax.tree.leaves(after[name]), jax.tree.leaves(params[name]), strict=True):
            np.testing.assert_allclose(a, b * expected, rtol=1e-5, atol=1e-7)


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match=r"'sgd' is not one of adamw, muon"):
        dataclasses.replace(CONFIG, method="sgd")  # type: ignore[arg-type]
