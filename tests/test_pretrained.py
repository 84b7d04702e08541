"""Released models: written, read back, checked, and found by name."""

import json

import jax
import numpy as np
import pytest

from gemma3_jax.config import MODELS
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
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
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
