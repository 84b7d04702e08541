"""The mean of released models."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.pretrained import load_pretrained, save_pretrained
from gemma3_jax.training.blend import main


def test_the_mean_of_three_models(tmp_path):
    names = []
    for seed in range(3):
        save_pretrained(tmp_path / str(seed), SMALL, trained(seed), half=False)
        names.append(str(tmp_path / str(seed)))
    main(tuple(names), tmp_path / "mean")
    config, found = load_pretrained(tmp_path / "mean")
    assert config == SMALL
    expected = jax.tree.map(lambda a, b, c: (a + b + c) / 3, *(trained(seed) for seed in range(3)))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4), found, expected
    )


def test_what_has_no_mean_is_refused(tmp_path):
    save_pretrained(tmp_path / "a", SMALL, trained())
    save_pretrained(tmp_path / "b", dataclasses.replace(SMALL, name="other"), trained())
    with pytest.raises(ValueError, match="two models or more"):
        main((str(tmp_path / "a"),), tmp_path / "out")
    with pytest.raises(ValueError, match=r"b \(other\) has other sizes"):
        main((str(tmp_path / "a"), str(tmp_path / "b")), tmp_path / "out")
    assert not (tmp_path / "out").exists()
