"""Released models: written, read back, checked, and found by name."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gemma3_jax.config import MODELS
from gemma3_jax.model.depthwise import depthwise
from gemma3_jax.model.spotter import init_variables
from gemma3_jax.pretrained import load_pretrained, load_variables, model_folder, save_pretrained

DEBUG = MODELS["debug"]


@pytest.fixture(scope="module")
def variables():
    return jax.device_get(init_variables(DEBUG, jax.random.key(0)))


@pytest.mark.parametrize(("half", "tolerance"), [(False, 0), (True, 1e-3)])
def test_round_trip(variables, tmp_path, half, tolerance):
    save_pretrained(tmp_path, DEBUG, variables, half=half, recipe={"training": {"steps": 3}})
    config, found = load_pretrained(tmp_path)
    assert config == DEBUG
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(variables), jax.tree.leaves(found), strict=True
    ):
        np.testing.assert_allclose(
            a, b, rtol=tolerance, atol=tolerance, err_msg=jax.tree_util.keystr(path)
        )
    assert json.loads((tmp_path / "config.json").read_text())["training"] == {"steps": 3}


def test_damaged_weights_are_refused(variables, tmp_path):
    save_pretrained(tmp_path, DEBUG, variables)
    weights = tmp_path / "model.safetensors"
    *others, last = weights.read_bytes()
    weights.write_bytes(bytes([*others, last ^ 1]))
    with pytest.raises(ValueError, match="SHA-256"):
        load_variables(tmp_path)


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(FileNotFoundError, match=r"no model 'gemma4'.*package holds"):
        model_folder("gemma4")


def test_a_config_with_unknown_entries_is_refused(variables, tmp_path):
    save_pretrained(tmp_path, DEBUG, variables)
    card = json.loads((tmp_path / "config.json").read_text())
    card["model"]["colour"] = "red"
    (tmp_path / "config.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="colour"):
        load_pretrained(tmp_path)


def test_weights_of_before_strips_had_two_parts_do_the_same_inside_them(variables, tmp_path):
    """As it was: the fused part enlarged twice beside the stem's, and one kernel over both."""
    rng = np.random.default_rng(0)
    stem, neck = DEBUG.stem_width, DEBUG.neck_width
    old = jax.tree.map(np.array, variables)
    kernel = rng.normal(size=(3, 3, 1, stem + neck)).astype(np.float32)
    means = rng.normal(size=stem + neck).astype(np.float32)
    for tree, own in (
        ("params", {"scale": means, "bias": means}),
        ("batch_stats", {"mean": means}),
    ):
        block = old[tree]["recognizer"]["stage0_block0"]
        for part in ("stem", "fused"):
            block.pop(f"depthwise_{part}", None)
            block.pop(f"depthwise_{part}_norm")
        block["depthwise_norm"] = {"norm": own}
    old["params"]["recognizer"]["stage0_block0"]["depthwise"] = {"kernel": kernel}
    save_pretrained(tmp_path, DEBUG, old, half=False)
    with pytest.warns(UserWarning, match=r"trained before version 0\.2.*start_from"):
        new = load_variables(tmp_path)
    block = new["params"]["recognizer"]["stage0_block0"]
    fine = jnp.asarray(rng.normal(size=(1, 16, 24, stem)), jnp.float32)
    coarse = jnp.asarray(rng.normal(size=(1, 8, 12, neck)), jnp.float32)
    enlarged = jax.image.resize(coarse, (1, 16, 24, neck), "linear")
    wanted = depthwise(jnp.concatenate([fine, enlarged], axis=-1), jnp.asarray(kernel), (2, 2))
    found = [
        depthwise(x, jnp.asarray(block[f"depthwise_{part}"]["kernel"]), (stride, stride))
        for part, x, stride in (("stem", fine, 2), ("fused", coarse, 1))
    ]
    inside = np.concatenate(found, axis=-1)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inside, wanted[:, 1:-1, 1:-1], atol=1e-5)
    stats = new["batch_stats"]["recognizer"]["stage0_block0"]
    parts = [stats[f"depthwise_{part}_norm"]["norm"]["mean"] for part in ("stem", "fused")]
    np.testing.assert_array_equal(np.concatenate(parts), means)
    assert jax.tree.structure(block) == jax.tree.structure(
        variables["params"]["recognizer"]["stage0_block0"]
    )
