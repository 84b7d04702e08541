"""The counting behind benchmarks/train_step.py, and the trace that the trainer takes."""

from __future__ import annotations

import dataclasses
import json
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from small_model import SMALL

sys.path.insert(0, str(Path(__file__).parent.parent))  # benchmarks/ is no part of the package

from benchmarks import step_parts, train_step
from gemma3_jax.config import Config, DataConfig
from gemma3_jax.model.describe import multiply_adds
from gemma3_jax.model.spotter import init_variables, read_strips
from gemma3_jax.training.profile import SKIPPED, TRACED, Profile

CONFIG = Config(
    model=dataclasses.replace(SMALL, depthwise="auto"),
    data=DataConfig(strips=6, real_strips=2, scenes=1, real_scenes=3, scene_size=64, scene_words=4),
)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("strips", (6, 2, 0, 0)), ("scenes", (0, 0, 1, 3)), ("joint", (6, 2, 1, 3))],
)
def test_a_kind_keeps_its_own_samples(kind, counts):
    data = step_parts.only(CONFIG, kind).data
    assert (data.strips, data.real_strips, data.scenes, data.real_scenes) == counts


def test_flops_of_strips_are_those_of_the_network_and_little_more():
    """Eight strips of 128 x 32 px, in the training loss and in the reading program. CTC picks its labels by a product."""
    variables = jax.eval_shape(partial(init_variables, SMALL), jax.random.key(0))
    image, width = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((1, 32, 128, 3), (1,)))
    one = multiply_adds(partial(read_strips, SMALL), variables, image, width)
    assert 1 < step_parts.forward_flops(step_parts.only(CONFIG, "strips")) / (2 * 8 * one) < 1.02


def test_flops_of_a_joint_step_are_the_sum_of_its_kinds():
    strips, scenes, joint = (
        step_parts.forward_flops(step_parts.only(CONFIG, kind)) for kind in step_parts.KINDS
    )
    assert joint == strips + scenes and min(strips, scenes) > 0


def test_a_row_adds_up():
    parts = {"draw": 20.0, "forward": 25.0, "backward": 50.0, "update": 5.0, "host_wait": 100.0}
    found = {f"{name}_ms": value for name, value in parts.items()} | {
        "step_ms": 100.0,
        "strips": 30,
        "real_strips": 10,
        "scenes": 0,
        "real_scenes": 4,
        "devices": 2,
        "forward_flops": 1e9,
        "peak": 1e11,
        "compile_s": 3.2,
    }
    cells = [cell.strip() for cell in train_step.row(found).split("|")[1:-1]]
    assert cells[:4] == ["40 strips + 4 scenes", "2", "200 strips + 20 scenes", "100.0"]
    assert cells[4:9] == [f"{v:.1f} ({v / 2:.0f} %)" for v in parts.values()]  # of 200 ms
    assert cells[9:] == ["0.015", "15.0 %", "3 s"]  # three times the forward pass, in 0.2 s


def test_noise_stands_in_for_real_scenes_and_no_feed_for_none():
    feed = step_parts.host_scenes(CONFIG, None)
    assert feed is not None
    batch = next(feed)
    assert batch.images.shape == (3, 64, 64, 3) and batch.valid.sum() == 3
    assert step_parts.host_scenes(step_parts.only(CONFIG, "strips"), None) is None


def test_a_trace_is_taken_of_the_steps_after_the_first_ones(tmp_path):
    add = jax.jit(lambda x: x + 1)
    with Profile(str(tmp_path), first=100) as profile:
        ended = []
        for number in range(101, 101 + SKIPPED + TRACED + 3):
            with profile.step(number):
                result = add(jnp.float32(number))
            if profile.after(number, result):
                ended.append(number)
    assert ended == [100 + SKIPPED + TRACED]
    (trace,) = tmp_path.rglob("*.xplane.pb")
    assert trace.stat().st_size > 0


def test_a_trace_that_a_run_does_not_reach_the_end_of_is_closed(tmp_path):
    with Profile(str(tmp_path), first=0) as profile:
        assert not any(profile.after(number, None) for number in range(1, SKIPPED + 2))
        assert profile.running
    assert not profile.running and list(tmp_path.rglob("*.xplane.pb"))


def test_without_a_folder_nothing_is_traced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Profile(None, first=0) as profile:
        assert not any(profile.after(number, None) for number in range(1, 40))
    assert not list(tmp_path.iterdir())


def test_what_a_child_prints_is_json(capsys, monkeypatch):
    monkeypatch.setattr(train_step, "measured", lambda args: {"only": args.only})
    monkeypatch.setattr(sys, "argv", ["train_step", "--config", "x.py", "--only", "joint:2"])
    train_step.main()
    assert json.loads(capsys.readouterr().out) == {"only": "joint:2"}
