"""Soft targets: written out in NumPy, nothing where both networks agree, nothing from what does not count."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.config import Config, DataConfig
from gemma3_jax.losses.distill import column_divergence, heat_divergence
from gemma3_jax.pretrained import save_pretrained
from gemma3_jax.training.objective import loss_and_metrics
from gemma3_jax.training.teacher import Teacher
from gemma3_jax.types import Batch

SURE = np.array([0.0, -1e4, -1e4, -1e4], np.float32)  # a column past the end of a strip


def columns(seed, shape=(3, 5, 4)):
    return np.array(jax.nn.log_softmax(np.random.default_rng(seed).normal(size=shape) * 3))


def test_divergence_of_columns_is_the_textbooks():
    own, told = columns(0), columns(1)
    own[0, 3:], told[0, 3:] = SURE, SURE
    counts = np.array([True, False, True])
    expected = 0.0
    for word in (0, 2):
        for column in range(3 if word == 0 else 5):
            p, q = np.exp(told[word, column]), np.exp(own[word, column])
            expected += (p * np.log(p / q)).sum() / 2
    found = column_divergence(jnp.asarray(own), jnp.asarray(told), jnp.asarray(counts))
    assert float(found) == pytest.approx(expected, rel=1e-5)
    assert float(column_divergence(jnp.asarray(told), jnp.asarray(told), jnp.asarray(counts))) == 0


def test_divergences_pull_towards_the_teacher_and_leave_it_alone():
    counts = jnp.ones(3, bool)

    def loss(logits, told):
        return column_divergence(jax.nn.log_softmax(logits), jax.nn.log_softmax(told), counts)

    logits, told = jnp.asarray(columns(2)), jnp.asarray(columns(3))
    before = loss(logits, told)
    after = loss(logits - 0.1 * jax.grad(loss)(logits, told), told)
    assert after < before and float(jnp.abs(jax.grad(loss, argnums=1)(logits, told)).max()) == 0
    heat = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32))
    assert float(heat_divergence(heat, heat)) == 0
    slope = jax.grad(heat_divergence)(heat, heat + 1)
    assert (np.asarray(slope) < 0).all()  # less heat than the teacher sees: more is better


def batch(side, words=2):
    rng = np.random.default_rng(side)
    quads = np.tile(np.array([[4, 4], [28, 4], [28, 14], [4, 14]], np.float32), (2, words, 1, 1))
    labels = np.zeros((2, words, 6), np.int32)
    labels[..., :2] = [1, 2]
    ones = np.ones((2, words), bool)
    return Batch(rng.integers(0, 255, (2, 32, side, 3)), quads, labels, ones, ~ones)


def test_a_network_has_nothing_to_learn_from_itself_and_something_from_another(tmp_path):
    config = Config(model=SMALL, data=DataConfig(read_words=2, quad_jitter=0.0), lambda_taught=0.5)
    variables, other = trained(), trained(1)
    save_pretrained(tmp_path, SMALL, other, half=False)
    key = jax.random.key(0)

    def look(teacher, strips: Batch | None = batch(128, 1)):
        args = (variables["params"], variables["batch_stats"], strips, batch(64), key)
        total, (stats, metrics) = loss_and_metrics(config, *args, teacher)
        return stats, {name: float(value) for name, value in (metrics | {"loss": total}).items()}

    # strips move the running statistics that scenes are read with: without them both networks are one
    _, same = look(Teacher(SMALL, variables), None)
    assert same["taught_scenes"] == pytest.approx(0, abs=1e-4)
    assert same["taught_heat"] == pytest.approx(0, abs=1e-6)
    stats, alone = look(None)
    other_stats, taught = look(Teacher.load(tmp_path, SMALL))
    assert not any(name.startswith("taught") for name in alone)
    added = taught["taught_strips"] + taught["taught_scenes"] + taught["taught_heat"]
    assert taught["loss"] == pytest.approx(alone["loss"] + 0.5 * added, rel=1e-4) and added > 0.1
    jax.tree.map(np.testing.assert_array_equal, other_stats, stats)


def test_a_teacher_of_another_alphabet_is_refused(tmp_path):
    save_pretrained(tmp_path, SMALL, trained())
    with pytest.raises(ValueError, match=r"teacher .*charset='abcdefgh'"):
        Teacher.load(tmp_path, dataclasses.replace(SMALL, charset="xyz"))
