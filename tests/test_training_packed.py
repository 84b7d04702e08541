"""A state as small files: what goes in comes out, and a bad file is named."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_run

from gemma3_jax import cli
from gemma3_jax.training import packed
from gemma3_jax.training.checkpoints import Checkpoints
from gemma3_jax.training.state import abstract_state

CONFIG = dataclasses.replace(toy_run.CONFIG, seed=3)
SMALL_PART = 20_000  # bytes


@pytest.fixture(scope="module")
def shapes():
    return abstract_state(CONFIG)


@pytest.fixture(scope="module")
def state(shapes):
    """Random numbers in a state of the network, at step 7."""
    rng = np.random.default_rng(0)
    filled = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), shapes)
    return filled._replace(step=jnp.array(7, jnp.int32))


@pytest.fixture
def run(tmp_path, state):
    """The folder of a run: an older state that was validated, and the newest."""
    workdir = tmp_path / "run"
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        checkpoints.save(state._replace(step=jnp.array(5, jnp.int32)), score=0.5)
        checkpoints.save(state)
    (workdir / "config.json").write_text(CONFIG.to_json())
    return workdir


def restored(workdir: Any, shapes: Any) -> Any:
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        return jax.device_get(checkpoints.restore(shapes))


def test_packed_and_unpacked_is_the_same_run(run, tmp_path, state, shapes):
    made = packed.pack(run, tmp_path / "pack", part_bytes=SMALL_PART)
    parts = sorted((tmp_path / "pack").glob("state.safetensors.*"))
    assert made.step == 7 and made.files == len(parts) > 2
    assert all(part.stat().st_size <= SMALL_PART for part in parts)
    assert packed.unpack(tmp_path / "pack", tmp_path / "other") == made
    jax.tree.map(np.testing.assert_array_equal, restored(tmp_path / "other", shapes), state)
    assert (tmp_path / "other" / "config.json").read_text() == CONFIG.to_json()


def test_the_parts_together_are_a_safetensors_file(run, tmp_path, state):
    from safetensors.numpy import load

    packed.pack(run, tmp_path / "pack", part_bytes=SMALL_PART)
    parts = sorted((tmp_path / "pack").glob("state.safetensors.*"))
    arrays = load(b"".join(part.read_bytes() for part in parts))
    np.testing.assert_array_equal(
        arrays["ema/params/recognizer/head/kernel"],
        state.ema["params"]["recognizer"]["head"]["kernel"],
    )


def test_rounded_moments_save_a_quarter_and_touch_nothing_else(run, tmp_path, state, shapes):
    whole = packed.pack(run, tmp_path / "whole")
    rounded = packed.pack(run, tmp_path / "rounded", moments="bfloat16")
    numbers = sum(leaf.size for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim)
    assert whole.bytes - rounded.bytes == pytest.approx(2 * numbers, abs=400)  # headers differ
    assert numbers == 2 * sum(leaf.size for leaf in jax.tree.leaves(state.params))
    packed.unpack(tmp_path / "rounded", tmp_path / "other")
    found = restored(tmp_path / "other", shapes)
    for name in ("step", "params", "ema", "batch_stats"):
        jax.tree.map(np.testing.assert_array_equal, getattr(found, name), getattr(state, name))
    for a, b in zip(*map(jax.tree.leaves, (found.opt_state, state.opt_state)), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2**-8)


def test_every_bad_part_is_named(run, tmp_path):
    folder = tmp_path / "pack"
    packed.pack(run, folder, part_bytes=SMALL_PART)
    (folder / "state.safetensors.001").unlink()
    damaged = folder / "state.safetensors.002"
    *others, last = damaged.read_bytes()
    damaged.write_bytes(bytes([*others, last ^ 1]))
    with pytest.raises(
        ValueError, match=r"missing: state\.safetensors\.001; damaged: state\.safetensors\.002; "
    ):
        packed.unpack(folder, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_nothing_is_overwritten(run, tmp_path):
    packed.pack(run, tmp_path / "pack")
    with pytest.raises(ValueError, match="another --output"):
        packed.pack(run, tmp_path / "pack")
    with pytest.raises(ValueError, match="another --workdir"):
        packed.unpack(tmp_path / "pack", run)


def test_the_command_line(run, tmp_path, capsys):
    out = str(tmp_path / "pack")
    assert cli.main(["checkpoint", "pack", str(run), "--output", out, "--best"]) == 0
    assert "step 5, 1 files" in capsys.readouterr().out
    assert cli.main(["checkpoint", "unpack", out, "--workdir", str(tmp_path / "other")]) == 0
    assert "goes on from step 5" in capsys.readouterr().out


def test_what_is_no_run_and_no_pack_is_said_in_a_line(tmp_path, capsys):
    nothing = str(tmp_path / "nothing")
    assert cli.main(["checkpoint", "pack", nothing, "--output", str(tmp_path / "p")]) == 1
    assert "is no run: it holds no config.json" in capsys.readouterr().err
    assert cli.main(["checkpoint", "unpack", nothing, "--workdir", str(tmp_path / "w")]) == 1
    assert "is no pack: it holds no manifest.json" in capsys.readouterr().err
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(ValueError, match="format 2, this program reads 1"):
        packed.unpack(tmp_path, tmp_path / "w")
    (tmp_path / "config.json").write_text(CONFIG.to_json())
    with pytest.raises(FileNotFoundError, match="holds no state yet"):
        packed.pack(tmp_path, tmp_path / "p")
