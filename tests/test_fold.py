"""BatchNorm folded into convolutions: by hand, and through the whole network."""

from __future__ import annotations

import copy
from typing import Any

import jax
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.export.fold import NORM_EPSILON, fold_batchnorm
from gemma3_jax.model.spotter import Spotter


def one_norm(kernel, **more) -> dict[str, Any]:
    norm = {"scale": np.array([2.0, 1.0]), "bias": np.array([1.0, 0.0])}
    moments = {"mean": np.array([3.0, -1.0]), "var": np.array([4.0, 0.25]) - NORM_EPSILON}
    return {
        "params": {"conv": {"kernel": kernel, **more}, "conv_norm": {"norm": norm}},
        "batch_stats": {"conv_norm": {"norm": moments}},
    }


def test_by_hand():
    """scale / deviation is 2 / 2 and 1 / 0.5; bias - that * mean is 1 - 3 and 0 + 2."""
    folded = fold_batchnorm(one_norm(np.array([[[[5.0, 7.0]]]])))
    np.testing.assert_allclose(folded["params"]["conv"]["kernel"], [[[[5.0, 14.0]]]], rtol=1e-6)
    norm = folded["params"]["conv_norm"]["norm"]
    np.testing.assert_allclose(norm["bias"], [-2.0, 2.0], rtol=1e-6)
    np.testing.assert_array_equal(norm["scale"], 1)
    moments = folded["batch_stats"]["conv_norm"]["norm"]
    np.testing.assert_array_equal(moments["mean"], 0)
    np.testing.assert_allclose(moments["var"] + NORM_EPSILON, 1, rtol=1e-6)


def test_the_network_computes_the_same():
    """In the model's own code, so that an epsilon or a name changed there fails here."""
    variables = trained()
    rng = np.random.default_rng(1)
    images = rng.integers(0, 255, (1, 64, 64, 3)).astype(np.float32)
    quads = np.array([[[[4, 4], [60, 6], [60, 24], [4, 22]]]], np.float32)
    apply = jax.jit(Spotter(SMALL).apply).lower(variables, images, quads)
    quick: Any = {"xla_backend_optimization_level": 0}  # compiling is all the time here
    apply = apply.compile(quick)
    before, after = (
        jax.tree.leaves(apply(v, images, quads)) for v in (variables, fold_batchnorm(variables))
    )
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4 * np.abs(a).max())


def test_only_convolutions_and_their_norms_change():
    variables = trained()
    kept = copy.deepcopy(variables)
    folded = fold_batchnorm(variables)
    jax.tree.map(np.testing.assert_array_equal, variables, kept)  # pure: the argument is as it was
    assert jax.tree.structure(folded) == jax.tree.structure(variables)
    np.testing.assert_array_equal(jax.tree.leaves(folded["batch_stats"])[0], 0)
    block, before = (v["params"]["recognizer"]["attention0"] for v in (folded, variables))
    jax.tree.map(np.testing.assert_array_equal, block, before)
    assert {leaf.dtype for leaf in jax.tree.leaves(folded)} == {np.dtype(np.float32)}


def test_what_cannot_be_folded_is_named():
    with pytest.raises(ValueError, match="conv has a bias before its BatchNorm"):
        fold_batchnorm(one_norm(np.ones((1, 1, 1, 2)), bias=np.zeros(2)))
    alone = one_norm(np.ones((1, 1, 1, 2)))
    del alone["params"]["conv"]
    with pytest.raises(ValueError, match="no convolution to fold conv_norm"):
        fold_batchnorm(alone)
