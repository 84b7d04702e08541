"""The mean of released models."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.model.spotter import detect, read_strips
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


def test_a_temperature_divides_the_logits_of_characters_and_changes_no_box(tmp_path):
    """log P of two columns' classes differ by logits, so by half as much at a temperature of 2."""
    for seed in (0, 1):
        save_pretrained(tmp_path / str(seed), SMALL, trained(seed))
    names = (str(tmp_path / "0"), str(tmp_path / "1"))
    main(names, tmp_path / "sure")
    main(names, tmp_path / "unsure", temperature=2.0)
    (_, sure), (_, unsure) = (load_pretrained(tmp_path / name) for name in ("sure", "unsure"))
    strips = 255 * jax.random.uniform(jax.random.key(0), (2, 32, 64, 3))
    widths = jnp.array([64.0, 40.0])
    one, two = (np.asarray(read_strips(SMALL, v, strips, widths))[:, :10] for v in (sure, unsure))
    np.testing.assert_allclose(two - two[..., :1], (one - one[..., :1]) / 2, atol=2e-2)
    assert np.ptp(one) > 0.5  # there is something to halve
    found = [detect(SMALL, variables, strips, slots=8)[1:] for variables in (sure, unsure)]
    jax.tree.map(np.testing.assert_array_equal, *found)


def test_the_recogniser_may_be_that_of_another_model(tmp_path):
    for seed in range(3):
        save_pretrained(tmp_path / str(seed), SMALL, trained(seed), half=False)
    names = [str(tmp_path / str(seed)) for seed in range(3)]
    main(tuple(names[:2]), tmp_path / "mean")
    main(tuple(names[:2]), tmp_path / "mixed", recognizer=names[2])
    (_, mean), (_, mixed) = (load_pretrained(tmp_path / name) for name in ("mean", "mixed"))
    for collection, parts in mixed.items():
        for part, found in parts.items():
            wanted = (trained(2) if part == "recognizer" else mean)[collection][part]
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4), found, wanted
            )
            assert part != "recognizer" or wanted  # both collections have one


def test_what_has_no_mean_is_refused(tmp_path):
    save_pretrained(tmp_path / "a", SMALL, trained())
    save_pretrained(tmp_path / "b", dataclasses.replace(SMALL, name="other"), trained())
    with pytest.raises(ValueError, match="two models or more"):
        main((str(tmp_path / "a"),), tmp_path / "out")
    with pytest.raises(ValueError, match=r"b \(other\) has other sizes"):
        main((str(tmp_path / "a"), str(tmp_path / "b")), tmp_path / "out")
    with pytest.raises(ValueError, match="temperature=0"):
        main((str(tmp_path / "a"), str(tmp_path / "a")), tmp_path / "out", temperature=0)
    assert not (tmp_path / "out").exists()
