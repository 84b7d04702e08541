"""Sizes, gradients, shapes and invariances of the network."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gemma3_jax.config import MODELS
from gemma3_jax.data.targets import detection_targets
from gemma3_jax.losses.ctc import ctc_loss
from gemma3_jax.losses.joint import detection_loss
from gemma3_jax.model.describe import count_parameters, describe, multiply_adds
from gemma3_jax.model.spotter import Spotter, detect, init_variables, read_strips, spot

DEBUG = MODELS["debug"]


@pytest.fixture(scope="module")
def variables():
    return init_variables(DEBUG, jax.random.key(0))


@pytest.mark.parametrize(
    ("name", "parameters", "limit"),
    [
        ("gemma3-base", 1_082_785, 3_900_000),
        ("gemma3-tiny", 449_977, 1_300_000),
        ("debug", 139_289, 300_000),
    ],
)
def test_parameter_counts_are_exact_and_within_the_promise(name, parameters, limit):
    assert sum(count_parameters(MODELS[name]).values()) == parameters <= limit


def test_compute_stays_within_the_budget():
    table = describe(MODELS["gemma3-base"])
    assert (
        "2.06 G multiply-adds" in table and "43.4 M multiply-adds" in table
    )  # DESIGN: 3 G and 60 M
    assert "1,082,785 parameters = 4.33 MB in FP32" in table


def test_multiply_adds_of_known_products():
    a, b = jnp.zeros((3, 4, 5)), jnp.zeros((3, 5, 7))
    assert multiply_adds(jnp.matmul, a, b) == 3 * 4 * 5 * 7
    x, k = jnp.zeros((1, 8, 8, 6)), jnp.zeros((3, 3, 1, 6))
    depthwise = partial(
        jax.lax.conv_general_dilated, window_strides=(1, 1), padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=6,
    )  # fmt: skip
    assert multiply_adds(depthwise, x, k) == 8 * 8 * 6 * 9


def test_shift_and_conv_models_share_parameters_and_answers(variables):
    images = jax.random.uniform(jax.random.key(1), (2, 32, 128, 3)) * 255
    widths = jnp.array([128.0, 50.0])
    conv = dataclasses.replace(DEBUG, depthwise="conv")
    a, b = (read_strips(config, variables, images, widths) for config in (DEBUG, conv))
    np.testing.assert_allclose(a, b, atol=1e-3)
    assert a.shape == (2, 32, 96)


def test_padding_right_of_a_crop_says_blank_and_changes_nothing(variables):
    image = jax.random.uniform(jax.random.key(2), (1, 32, 128, 3)) * 255
    log_probs = read_strips(DEBUG, variables, image, jnp.array([60.0]))
    assert np.all(np.asarray(log_probs[0, 15:].argmax(-1)) == 0)
    np.testing.assert_allclose(jnp.exp(log_probs).sum(-1), 1.0, atol=1e-5)


def test_bfloat16_activations_leave_float32_outputs_near_the_same(variables):
    images = jax.random.uniform(jax.random.key(5), (2, 64, 96, 3)) * 255
    quads = jnp.tile(jnp.array([[10.0, 20], [70, 20], [70, 40], [10, 40]]), (2, 1, 1, 1))
    outputs = [
        Spotter(DEBUG, dtype=dtype).apply(variables, images, quads)
        for dtype in (jnp.float32, jnp.bfloat16)
    ]
    for exact, rough in zip(*map(jax.tree.leaves, outputs), strict=True):
        assert rough.dtype == jnp.float32
        # Corners come out in units of 8 cells: 0.4 of a cell is a rounding of 0.05.
        np.testing.assert_allclose(rough, exact, atol=0.4, rtol=0.1)
        assert np.median(np.abs(rough - exact)) < 0.1


def test_every_parameter_gets_a_gradient_from_the_joint_loss(variables):
    model = Spotter(DEBUG, train=True)
    images = jax.random.uniform(jax.random.key(3), (2, 64, 96, 3)) * 255
    quads = jnp.tile(jnp.array([[10.0, 20], [70, 20], [70, 40], [10, 40]]), (2, 1, 1, 1))
    yes = jnp.ones((2, 1), bool)

    def loss(params):
        state = {"params": params, "batch_stats": variables["batch_stats"]}
        (maps, log_probs), _ = model.apply(state, images, quads, mutable=["batch_stats"])
        targets = detection_targets(quads, yes, ~yes, maps.centre.shape[1:], 4)
        return detection_loss(maps, targets)["det"] + ctc_loss(
            log_probs[:, 0], jnp.array([[5, 6], [7, 8]]), yes[:, 0]
        )

    gradients = jax.jit(jax.grad(loss))(variables["params"])
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients):
        assert np.all(np.isfinite(np.asarray(gradient))), jax.tree_util.keystr(path)
        assert np.any(np.asarray(gradient)), f"no gradient at {jax.tree_util.keystr(path)}"


def test_spot_is_one_program_and_vmaps_over_pictures(variables):
    images = jnp.asarray(np.random.default_rng(0).integers(0, 255, (2, 64, 96, 3)), jnp.uint8)
    found = spot(variables, images, config=DEBUG, slots=8)
    assert found.quads.shape == (2, 8, 4, 2) and found.tokens.shape == found.token_probs.shape == (
        2,
        8,
        32,
    )
    one_by_one = jax.vmap(lambda x: spot(variables, x[None], config=DEBUG, slots=8))(images)
    np.testing.assert_allclose(one_by_one.scores[:, 0], found.scores, atol=1e-5)
    assert np.all((found.token_probs >= 0) & (found.token_probs <= 1.0001))


def test_spot_is_differentiable_in_the_picture(variables):
    def score(image):
        return detect(DEBUG, variables, image, slots=4)[2].sum()

    gradient = jax.grad(score)(jnp.full((1, 64, 64, 3), 90.0).at[:, 20:40, 10:50].set(200.0))
    assert np.all(np.isfinite(np.asarray(gradient))) and np.any(np.asarray(gradient))
