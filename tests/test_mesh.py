"""Where arrays live, and that it changes nothing: eight devices train as one, with and without split parameters."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_run
from jax.sharding import PartitionSpec

from gemma3_jax.config import Config, DataConfig, OptimizerConfig
from gemma3_jax.training import mesh as meshes
from gemma3_jax.training import step
from gemma3_jax.training.checkpoints import Checkpoints


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("data=8", {"data": 8}),
        ("data=4,fsdp=2", {"data": 4, "fsdp": 2}),
        ("fsdp=2, data=3", {"data": 3, "fsdp": 2}),
        ("fsdp=4", {"data": 1, "fsdp": 4}),
    ],
)
def test_a_mesh_is_said_in_a_few_letters(text, sizes):
    assert meshes.parse_mesh(text) == sizes and list(meshes.parse_mesh(text)) == list(sizes)


@pytest.mark.parametrize("text", ["", "8", "data", "data=0", "data=-1", "model=2", "data=2,data=2"])
def test_what_is_no_mesh_is_named(text):
    with pytest.raises(ValueError, match="is not one of data=N, fsdp=N"):
        meshes.parse_mesh(text)


def test_a_mesh_takes_the_first_devices_and_no_more_than_there_are():
    assert list(meshes.build_mesh().devices.flat) == jax.devices()
    assert list(meshes.build_mesh({"data": 1}).devices.flat) == jax.devices()[:1]
    with pytest.raises(ValueError, match="data=2,fsdp=4 takes 8 devices, there are 2"):
        meshes.build_mesh({"data": 2, "fsdp": 4})


@pytest.mark.parametrize(
    ("shape", "parts", "axis"),
    [
        ((256, 512), 2, 1),  # the largest
        ((512, 256), 2, 0),
        ((3, 3, 128, 128), 4, 3),  # the last of equal ones
        ((129, 130), 2, 1),  # the one that divides
        ((129, 131), 2, None),  # none divides
        ((64,), 2, None),  # small
        ((), 2, None),
        ((256, 512), 1, None),  # no fsdp axis
    ],
)
def test_the_rule_of_fsdp(shape, parts, axis):
    assert meshes.split_axis(shape, parts) == axis


def test_parameters_and_their_moments_lie_alike():
    mesh = meshes.build_mesh({"data": 1, "fsdp": 2})
    like = {"kernel": jnp.zeros((256, 128)), "moment": jnp.zeros((256, 128)), "bias": jnp.zeros(8)}
    specs = jax.tree.map(lambda sharding: sharding.spec, meshes.state_shardings(mesh, like))
    assert specs["kernel"] == specs["moment"] == PartitionSpec("fsdp")
    assert specs["bias"] == PartitionSpec()


@pytest.mark.parametrize(
    ("strips", "microbatches", "message"),
    [
        (7, 1, r"data\.strips=7 must be divisible by devices=2: "),
        (6, 2, r"data\.strips=6 must be divisible by devices=2 times microbatches=2, 4: "),
    ],
)
def test_a_count_that_does_not_divide_says_the_numbers(strips, microbatches, message):
    config = Config(
        data=DataConfig(strips=strips, real_strips=0),
        optimizer=OptimizerConfig(microbatches=microbatches),
    )
    with pytest.raises(ValueError, match=message):
        meshes.check_divisible(config, meshes.build_mesh())


def test_no_microbatch_at_all_is_refused():
    with pytest.raises(ValueError, match="microbatches"):
        OptimizerConfig(microbatches=0)


def test_parts_take_every_nth_row():
    rows = np.arange(6)
    assert step.split_rows({"x": rows}, 3)["x"].tolist() == [[0, 3], [1, 4], [2, 5]]


def parts(count: int) -> Config:
    return Config(optimizer=OptimizerConfig(microbatches=count))


def accumulated(count: int, loss: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gradients, statistics and metrics of eight rows under `loss`, in `count` parts."""
    monkeypatch.setattr(step, "loss_and_metrics", loss)
    rows = jnp.asarray(np.random.default_rng(0).normal(size=(8, 3)), jnp.float32)
    state: Any = SimpleNamespace(params=jnp.array([1.0, -2.0, 0.5]), batch_stats=jnp.zeros(3))
    scenes: Any = rows
    return step.gradients_of(parts(count), state, None, scenes, jax.random.key(0), lambda p: p)


def test_accumulation_is_the_gradient_of_the_whole_where_rows_are_normalised_alone(monkeypatch):
    def loss(config, params, stats, strips, rows, key, teacher=None):
        value = jnp.mean((rows @ params) ** 2)
        return value, (stats, {"loss": value})

    for found, expected in zip(
        accumulated(4, loss, monkeypatch), accumulated(1, loss, monkeypatch), strict=True
    ):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), found, expected)


def test_accumulation_normalises_each_part_by_itself_and_moves_the_statistics_as_often(monkeypatch):
    def loss(config, params, stats, strips, rows, key, teacher=None):
        mean = rows.mean(0)
        value = jnp.mean(jnp.abs((rows - mean) @ params))
        return value, (0.5 * stats + 0.5 * mean, {"loss": value})

    gradient, stats, metrics = accumulated(2, loss, monkeypatch)
    rows = jnp.asarray(np.random.default_rng(0).normal(size=(8, 3)), jnp.float32)
    params, first, second = jnp.array([1.0, -2.0, 0.5]), rows[0::2], rows[1::2]
    by_hand = [
        jax.value_and_grad(lambda p, x=x: loss(None, p, 0, None, x, None)[0])(params)
        for x in (first, second)
    ]
    np.testing.assert_allclose(gradient, (by_hand[0][1] + by_hand[1][1]) / 2, rtol=1e-6)
    np.testing.assert_allclose(metrics["loss"], (by_hand[0][0] + by_hand[1][0]) / 2, rtol=1e-6)
    np.testing.assert_allclose(stats, 0.25 * first.mean(0) + 0.5 * second.mean(0), rtol=1e-6)


def final(workdir: Path, like: Any) -> Any:
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        return jax.device_get(checkpoints.restore(like))


def close(found: Any, expected: Any, **tolerance: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), found, expected)


def test_eight_devices_train_as_one(tmp_path):
    """Losses and state agree to 1e-5 after six steps: sums of a batch in another order, and nothing else."""
    layouts = ("data=1", "data=8", "data=4,fsdp=2")
    variants = {
        f"{mesh} x{count}": {"mesh": mesh, "microbatches": count}
        for mesh in layouts
        for count in (1, 2)
    }
    flags = ("--mesh", "data=8")
    toy_run.finish(toy_run.launch(tmp_path, *flags, cache=tmp_path / "cache", variants=variants))
    like = jax.eval_shape(lambda: toy_run.matrix_state(toy_run.config()))
    for count in (1, 2):
        one, *others = (tmp_path / f"{mesh} x{count}" for mesh in layouts)
        for other in others:
            close(toy_run.losses(other), toy_run.losses(one), rtol=1e-5)
            close(final(other, like), final(one, like), rtol=1e-5, atol=1e-6)
    assert toy_run.losses(tmp_path / "data=1 x1") != toy_run.losses(tmp_path / "data=1 x2")
