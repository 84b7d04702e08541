"""Deeper networks that compute what the shallower one did."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.model.spotter import detect, read_strips
from gemma3_jax.pretrained import load_pretrained, save_pretrained
from gemma3_jax.training.deepen import main


def outputs(name) -> list[np.ndarray]:
    """What a model finds and reads in noise."""
    config, variables = load_pretrained(name)
    image, strips = (
        255 * jax.random.uniform(jax.random.key(i), shape)
        for i, shape in enumerate([(1, 64, 96, 3), (2, 32, 64, 3)])
    )
    found = (
        detect(config, variables, image, slots=4),
        read_strips(config, variables, strips, jnp.array([64.0, 40.0])),
    )
    return [np.asarray(leaf) for leaf in jax.tree.leaves(found)]


@pytest.fixture
def shallow(tmp_path):
    save_pretrained(tmp_path / "shallow", SMALL, trained(0), half=False)
    return tmp_path / "shallow"


def test_new_blocks_change_nothing_and_can_learn(shallow, tmp_path):
    depths = tuple(depth + 1 for depth in SMALL.stage_depths)
    strips = tuple(depth + 2 for depth in SMALL.strip_depths)
    finer = SMALL.detector_depth + 1
    main(str(shallow), tmp_path / "deep", depths, strips, SMALL.attention_depth + 1, finer)
    config, variables = load_pretrained(tmp_path / "deep")
    assert (config.stage_depths, config.strip_depths) == (depths, strips)
    assert config.detector_depth == finer
    for before, after in zip(outputs(shallow), outputs(tmp_path / "deep"), strict=True):
        np.testing.assert_array_equal(after, before)

    def loss(params):
        variables_now = {**variables, "params": params}
        return (read_strips(config, variables_now, strips_of, jnp.array([64.0])) ** 2).mean()

    strips_of = 255 * jax.random.uniform(jax.random.key(2), (1, 32, 64, 3))
    slopes = jax.grad(loss)(variables["params"])["recognizer"]
    block = slopes[f"attention{SMALL.attention_depth}"]
    assert (
        np.abs(block["out"]["kernel"]).max() > 0 and np.abs(block["contract"]["kernel"]).max() > 0
    )
    assert (
        np.abs(slopes[f"stage0_block{strips[0] - 1}"]["pointwise_norm"]["norm"]["scale"]).max() > 0
    )


def test_depths_left_out_stay(shallow, tmp_path):
    main(str(shallow), tmp_path / "same")
    assert load_pretrained(tmp_path / "same")[0] == SMALL


def test_a_shallower_network_is_refused(shallow, tmp_path):
    with pytest.raises(ValueError, match="only grow"):
        main(str(shallow), tmp_path / "less", attention_depth=SMALL.attention_depth - 1)


def test_other_widths_are_refused(shallow):
    from gemma3_jax.model.spotter import init_variables
    from gemma3_jax.training.deepen import deepened

    wider = dataclasses.replace(SMALL, embed=2 * SMALL.embed)
    with pytest.raises(ValueError, match=r"recognizer.*only depths may grow"):
        deepened(trained(0), init_variables(wider, jax.random.key(0)))
