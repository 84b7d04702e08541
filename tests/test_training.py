"""The loop: learns, resumes exactly, stops at NaN; test_mesh has many devices, test_distributed many processes."""

import dataclasses
import json
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gemma3_jax.config import MODELS, Config, DataConfig, OptimizerConfig
from gemma3_jax.training import step
from gemma3_jax.training.loop import Diverged, Schedule, train
from gemma3_jax.training.objective import compute_dtype, loss_and_metrics, merge
from gemma3_jax.training.sources import Resident, difficulty
from gemma3_jax.training.state import TrainState, init_state, optimizer, released_variables
from gemma3_jax.training.step import train_step
from gemma3_jax.training.to_read import words_to_read
from gemma3_jax.types import Batch

CONFIG = Config(
    # `conv`: this file compiles the step seven times, and the shifted form has ten times the operations.
    model=dataclasses.replace(MODELS["debug"], depthwise="conv"),
    data=DataConfig(strips=0, real_strips=8, read_words=2),
    optimizer=OptimizerConfig(learning_rate=2e-3, warmup_steps=2, total_steps=6),
)


@pytest.fixture(scope="module")
def resident():
    """Eight real-like crops: bars whose number is their label."""
    from gemma3_jax.data.augment import WordTable

    images = np.full((8, 32, 128, 3), 255, np.uint8)
    labels = np.zeros((8, 25), np.int32)
    for i in range(8):
        for bar in range(i % 4 + 1):
            images[i, 4:28, 10 + 20 * bar : 16 + 20 * bar] = 0
        labels[i, : i % 4 + 1] = 18  # "1"
    cumulative = np.linspace(1 / 8, 1, 8, dtype=np.float32)
    table = WordTable(*map(jnp.asarray, (images, np.full(8, 128, np.float32), labels, cumulative)))
    return Resident(None, table)


def scenes(batch=2, words=3, size=64):
    rng = np.random.default_rng(0)
    quads = np.tile(
        np.array([[8, 8], [40, 8], [40, 20], [8, 20]], np.float32), (batch, words, 1, 1)
    )
    quads += rng.uniform(0, 20, (batch, words, 1, 2)).astype(np.float32)
    labels = rng.integers(1, 90, (batch, words, 25)).astype(np.int32)
    labels[..., 5:] = 0
    valid = np.ones((batch, words), bool)
    return Batch(
        rng.integers(0, 255, (batch, size, size, 3)).astype(np.uint8), quads, labels, valid, ~valid
    )


def losses(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def leaves_close(a, b, **tolerance):
    for (path, x), (_, y) in zip(*map(jax.tree_util.tree_leaves_with_path, (a, b)), strict=True):
        np.testing.assert_allclose(x, y, err_msg=jax.tree_util.keystr(path), **tolerance)


def test_a_stopped_run_continues_bit_for_bit(resident, tmp_path):
    whole, half = tmp_path / "whole", tmp_path / "half"
    whole.mkdir()
    half.mkdir()
    every = Schedule(log_every=1, save_every=3)
    expected = train(CONFIG, resident, whole, schedule=every)
    train(CONFIG, resident, half, schedule=dataclasses.replace(every, budget_minutes=0.0))
    assert len(losses(half)) == 1  # the budget ended it after one step, saved
    found = train(CONFIG, resident, half, schedule=every)
    assert losses(half) == losses(whole)
    leaves_close(jax.device_get(found), jax.device_get(expected), rtol=0, atol=0)


def test_the_loss_of_memorisable_words_falls(resident, tmp_path):
    config = dataclasses.replace(
        CONFIG, optimizer=OptimizerConfig(3e-3, warmup_steps=5, total_steps=40)
    )
    train(config, resident, tmp_path, schedule=Schedule(log_every=1, save_every=100))
    found = losses(tmp_path)
    assert np.mean(found[-5:]) < 0.4 * np.mean(found[:3])


def test_nan_stops_the_run_and_says_at_which_step(resident, tmp_path):
    config = dataclasses.replace(CONFIG, lambda_rec=float("nan"))
    with pytest.raises(Diverged, match="step 1"):
        train(config, resident, tmp_path, schedule=Schedule(log_every=1))


def test_a_count_that_does_not_divide_says_both_numbers(resident, tmp_path):
    config = dataclasses.replace(CONFIG, data=dataclasses.replace(CONFIG.data, real_strips=7))
    with pytest.raises(ValueError, match=r"real_strips=7 .* devices=2"):
        train(config, resident, tmp_path)


def test_a_checkpoint_of_another_size_names_the_entry(resident, tmp_path):
    train(
        dataclasses.replace(CONFIG, optimizer=OptimizerConfig(1e-3, warmup_steps=0, total_steps=1)),
        resident,
        tmp_path,
    )
    other = dataclasses.replace(CONFIG, model=dataclasses.replace(CONFIG.model, embed=48))
    with pytest.raises(ValueError, match=r"shape mismatch at .*recognizer"):
        train(other, resident, tmp_path)


def test_scenes_leave_the_strips_statistics_alone():
    state = init_state(CONFIG)
    after, metrics = jax.jit(lambda s, x: train_step(CONFIG, s, None, x, jax.random.key(0)))(
        state, scenes()
    )
    leaves_close(after.batch_stats, state.batch_stats, atol=0)
    assert float(metrics["loss"]) == pytest.approx(
        float(metrics["det"] + metrics["rec_scenes"]), rel=1e-5
    )


def test_boxes_without_a_word_join_the_loss_where_wanted():
    config = dataclasses.replace(CONFIG, data=dataclasses.replace(CONFIG.data, read_nothing=3))
    state, seen = init_state(config), Batch(*map(jnp.asarray, scenes()))
    key = jax.random.key(0)
    # an untrained detector is sure of nothing: let it see words everywhere
    bias = state.params["detector"]["centre"]["bias"]
    state.params["detector"]["centre"]["bias"] = bias + 5.0

    def metrics(config):
        step = jax.jit(lambda state, scenes: train_step(config, state, None, scenes, key)[1])
        return {name: float(value) for name, value in step(state, seen).items()}

    found, without = metrics(config), metrics(CONFIG)
    assert found["rec_nothing"] > 0
    parts = ("det", "rec_scenes", "rec_nothing")
    assert found["loss"] == pytest.approx(sum(found[part] for part in parts), rel=1e-5)
    assert without["rec_scenes"] == pytest.approx(found["rec_scenes"], rel=1e-5)


def test_scenes_may_be_for_finding_only():
    """Then nothing is read: the loss is the detector's alone, and the recogniser has no slope."""
    config = dataclasses.replace(CONFIG, data=dataclasses.replace(CONFIG.data, read_words=0))
    seen, key = Batch(*map(jnp.asarray, scenes())), jax.random.key(0)

    def loss(config, params):
        return loss_and_metrics(config, params, state.batch_stats, None, seen, key)

    state = init_state(config)
    slope = jax.grad(partial(loss, config), has_aux=True)
    slopes, (_, terms) = jax.jit(slope)(state.params)
    assert "rec_scenes" not in terms and float(terms["loss"]) == float(terms["det"])
    _, (_, both) = jax.jit(partial(loss, CONFIG))(state.params)
    assert float(both["det"]) == pytest.approx(float(terms["det"]), rel=1e-6)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(slopes["recognizer"]))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(slopes["detector"]))


def test_words_to_read_are_legible_ones_moved_a_little():
    batch = scenes(batch=1, words=4)
    batch = batch._replace(ignore=np.array([[True, False, False, True]]))
    quads, labels, readable = words_to_read(
        CONFIG, Batch(*map(jnp.asarray, batch)), jax.random.key(1)
    )
    assert readable.tolist() == [[True, True]]
    chosen = {tuple(row) for row in np.asarray(labels[0, :, :5]).tolist()}
    assert chosen == {tuple(row) for row in batch.labels[0, 1:3, :5].tolist()}
    distance = np.abs(np.asarray(quads[0])[:, None] - batch.quads[0, 1:3][None]).max((2, 3)).min(1)
    assert np.all(distance < 5) and np.all(distance > 0)


def test_bfloat16_on_accelerators_only():
    assert compute_dtype(CONFIG, "cpu") == jnp.float32
    assert compute_dtype(CONFIG, "tpu") == compute_dtype(CONFIG, "gpu") == jnp.bfloat16
    assert compute_dtype(dataclasses.replace(CONFIG, bf16=False), "tpu") == jnp.float32


def test_merge_keeps_what_a_pass_did_not_touch():
    assert merge({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"x": 9}}) == {
        "a": {"x": 9, "y": 2},
        "b": 3,
    }


def test_curriculum_climbs_and_can_be_off():
    config = dataclasses.replace(CONFIG, data=DataConfig(curriculum_steps=100))
    assert [float(difficulty(config, jnp.array(s))) for s in (0, 50, 500)] == [0.0, 0.5, 1.0]
    assert (
        float(
            difficulty(
                dataclasses.replace(CONFIG, data=DataConfig(curriculum_steps=0)), jnp.array(0)
            )
        )
        == 1.0
    )


def test_parameters_and_statistics_are_averaged_alike_and_released(monkeypatch):
    """Against the recurrence written out: a memory of (1 + step) / (10 + step) at first, then of `ema_decay`."""

    def loss(config, params, stats, strips, rows, key, teacher=None):
        return jnp.sum((params["w"] - rows) ** 2), ({"mean": stats["mean"] + rows.mean()}, {})

    monkeypatch.setattr(step, "loss_and_metrics", loss)
    config = Config(optimizer=OptimizerConfig(0.5, warmup_steps=0, total_steps=9, ema_decay=0.2))
    params, stats = {"w": jnp.arange(3.0)}, {"mean": jnp.zeros(())}
    average = {"params": params, "batch_stats": stats}
    state = TrainState(
        jnp.zeros((), int), params, stats, average, optimizer(config.optimizer).init(params)
    )
    weight, mean = np.arange(3.0), 0.0
    for decay in (0.1, 2 / 11, 0.2, 0.2):
        rows: Any = jnp.full(3, 2.0)
        state, _ = step.train_step(config, state, None, rows, jax.random.key(0))
        weight = decay * weight + (1 - decay) * np.asarray(state.params["w"])
        mean = decay * mean + (1 - decay) * float(state.batch_stats["mean"])
    released = released_variables(state)
    assert released["batch_stats"]["mean"] == pytest.approx(mean) and 6 < mean < 8
    np.testing.assert_allclose(released["params"]["w"], weight, rtol=1e-5)
    assert not np.allclose(weight, state.params["w"])


@pytest.mark.parametrize("method", ["adamw", "muon"])
def test_frozen_parts_stay_bit_for_bit_and_the_others_learn(method):
    still = ("backbone", "neck", "detector")
    rules = dataclasses.replace(CONFIG.optimizer, warmup_steps=0, method=method)
    config = dataclasses.replace(CONFIG, frozen=still, optimizer=rules)
    state, strips = init_state(config), scenes(batch=4, words=1)
    strips = strips._replace(images=strips.images[:, :32], quads=np.full_like(strips.quads, 64.0))
    after, metrics = train_step(config, state, strips, None, jax.random.key(0))
    before, after = ({"p": s.params, "s": s.batch_stats, **s.ema} for s in (state, after))
    for tree in before:
        for part in before[tree]:
            same = jax.tree.map(np.array_equal, before[tree][part], after[tree][part])
            assert all(jax.tree.leaves(same)) == (part in still), (tree, part)
    assert float(metrics["rec_strips"]) > 0


def test_a_frozen_part_that_is_none_is_named():
    with pytest.raises(ValueError, match="frozen: \\['head'\\] is no part"):
        Config(frozen=("head",))


def test_drawn_and_real_scenes_come_together():
    from gemma3_jax.data.drawn_scenes import draw_scenes
    from gemma3_jax.training import sources

    real = scenes(batch=2, words=3)
    assert sources.scenes_of_step(CONFIG, Resident(None, None), jnp.array(0), real) is real
    config = dataclasses.replace(CONFIG, data=DataConfig(scenes=4, scene_size=64, scene_words=3))
    seen = jax.eval_shape(
        lambda key: draw_scenes(key, studio(), batch=4, size=(64, 64), words=3), jax.random.key(0)
    )
    joined = jax.eval_shape(
        lambda step: sources.scenes_of_step(config, Resident(studio(), None), step, real),
        jnp.array(0),
    )
    assert joined is not None and joined.images.shape == (6, 64, 64, 3)
    assert joined.images.dtype == seen.images.dtype and joined.labels.shape == (6, 3, 25)


def studio():
    from gemma3_jax.data.backgrounds import procedural_backgrounds
    from gemma3_jax.data.glyphs import builtin_atlas
    from gemma3_jax.data.lexicon import load_lexicon
    from gemma3_jax.data.synthetic import prepare

    return prepare(builtin_atlas(), load_lexicon(None), procedural_backgrounds(2))
