"""Surgery: what is cut out computes what the whole did when the rest of it was dead; channels that belong together stay so."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_model import trained

from gemma3_jax.config import MODELS, ModelConfig
from gemma3_jax.model.spotter import Spotter, init_variables
from gemma3_jax.prune.surgery import channel_scores, prune
from gemma3_jax.prune.wiring import axes_of, by_path, group_sizes

LARGE = ModelConfig(
    stem_width=6,
    stage_widths=(8, 10),
    stage_depths=(2, 3),
    neck_width=7,
    detector_depth=2,
    strip_widths=(9, 8),
    strip_depths=(2, 1),
    embed=8,
    attention_depth=2,
    heads=2,
    depthwise="conv",
)
SMALL = dataclasses.replace(
    LARGE,
    name="smaller",
    stem_width=4,
    stage_widths=(5, 7),
    stage_depths=(1, 2),
    neck_width=4,
    detector_depth=1,
    strip_widths=(6, 5),
    strip_depths=(1, 1),
    attention_depth=1,
)


def spot(config, variables):
    rng = np.random.default_rng(5)
    images = rng.integers(0, 255, (1, 64, 64, 3)).astype(np.float32)
    quads = jnp.array([[[[4, 6], [50, 8], [49, 24], [3, 22]]]], jnp.float32)
    return Spotter(config).apply(variables, images, quads)


def silence(variables, alive):
    """Channels outside `alive` are zero wherever they come up, and blocks that SMALL lacks add nothing."""
    params = jax.tree.map(np.copy, variables["params"])
    living = {g: np.isin(np.arange(n), alive[g]) for g, n in group_sizes(LARGE).items()}
    for path, array in by_path(params).items():
        (*_, axis) = axes_of(path, LARGE)
        if "norm" in path and axis:
            array *= np.concatenate([living[group] for group in axis])
    dropped = [("backbone", "stage1_block1"), ("backbone", "stage2_block2")]
    dropped += [("detector", "block1"), ("recognizer", "stage0_block1")]
    for room, block in dropped:
        for array in params[room][block]["pointwise_norm"]["norm"].values():
            array[:] = 0
    attention = params["recognizer"]["attention1"]
    for name in ("out", "contract"):
        for array in attention[name].values():
            array[:] = 0
    attention["position"]["depthwise"]["kernel"][:] = 0
    return {"params": params, "batch_stats": variables["batch_stats"]}


def test_what_is_left_computes_what_the_whole_did_when_the_rest_was_silent():
    rng = np.random.default_rng(3)
    small = group_sizes(SMALL)
    alive = {
        group: np.sort(rng.permutation(size)[: small.get(group, size)])
        for group, size in group_sizes(LARGE).items()
    }
    variables = silence(trained(0, LARGE), alive)
    ones = jax.tree.map(np.zeros_like, variables["params"])
    for path, array in by_path(
        ones
    ).items():  # the living channels are marked where something reads them
        axes = axes_of(path, LARGE)
        if len(axes) == 1 and len(axes[0]) == 1 and "norm" in path:
            array[alive[axes[0][0]]] = 1.0
    whole, cut = spot(LARGE, variables), spot(SMALL, prune(LARGE, variables, SMALL, ones))
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(cut), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-4)
    assert np.ptp(np.asarray(whole[0].centre)) > 1e-3


def test_attention_is_cut_head_by_head_and_the_same_in_queries_keys_and_values():
    large = dataclasses.replace(LARGE, embed=8, heads=2, attention_depth=1)
    small = dataclasses.replace(large, name="thin", embed=4)
    variables = trained(0, large)
    importance = jax.tree.map(np.zeros_like, variables["params"])
    heads = importance["recognizer"]["attention0"]["out"]["kernel"]
    heads[[0, 3, 5, 6]] = 1.0  # head 0 owns rows 0 to 3, head 1 rows 4 to 7
    heads[[1, 2]] = 0.5  # more than any row of head 1 that is not chosen
    importance["recognizer"]["head_norm"]["scale"][[1, 2, 4, 7]] = 9.0
    cut = prune(large, variables, small, importance)["params"]["recognizer"]["attention0"]
    whole = variables["params"]["recognizer"]["attention0"]
    inner, embed = np.array([0, 3, 5, 6]), np.array([1, 2, 4, 7])
    columns = np.concatenate([inner, 8 + inner, 16 + inner])
    np.testing.assert_array_equal(cut["qkv"]["kernel"], whole["qkv"]["kernel"][embed][:, columns])
    np.testing.assert_array_equal(cut["out"]["kernel"], whole["out"]["kernel"][inner][:, embed])


def test_rows_of_a_strip_keep_the_same_channels():
    variables = trained(0, LARGE)
    cut = prune(LARGE, variables, dataclasses.replace(LARGE, name="thin", strip_widths=(9, 3)))
    squares = jax.tree.map(np.square, variables["params"])
    best = np.sort(np.argsort(-channel_scores(LARGE, squares)["strip1"])[:3])
    whole = variables["params"]["recognizer"]["collapse"]["kernel"]["kernel"].reshape(4, 8, 8)
    found = cut["params"]["recognizer"]["collapse"]["kernel"]["kernel"].reshape(4, 3, 8)
    np.testing.assert_array_equal(found, whole[:, best])


def test_cut_to_its_own_size_a_model_stays_as_it_is():
    variables = trained(0, LARGE)
    jax.tree.map(np.testing.assert_array_equal, prune(LARGE, variables, LARGE), variables)


@pytest.mark.parametrize("name", ["gemma3-tiny", "gemma3-base"])
def test_every_array_of_the_models_has_its_groups(name):
    config = MODELS[name]
    shapes = jax.eval_shape(lambda: init_variables(config, jax.random.key(0)))
    sizes = group_sizes(config)
    for path, shape in by_path(shapes).items():
        axes = axes_of(path[1:], config)
        for axis, size in zip(axes, shape.shape[-len(axes) :], strict=True):
            assert not axis or sum(sizes[group] for group in axis) == size, path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"neck_width": 8}, "neck 8 is more than 7"),
        ({"stage_depths": (2, 4)}, r"stage_depths \(2, 4\) is more than"),
        ({"heads": 4}, "heads is 4, not 2"),
        ({"charset": "abc"}, "charset is 'abc'"),
    ],
)
def test_what_cannot_be_cut_out_is_refused(changes, message):
    larger = dataclasses.replace(LARGE, name="other", **changes)
    with pytest.raises(ValueError, match=message):
        prune(LARGE, trained(0, LARGE), larger)
