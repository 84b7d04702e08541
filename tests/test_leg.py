"""What travels with a leg of a run: light pictures under their old names, packs, the state; and back."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_run
from PIL import Image

from gemma3_jax.data.light_copy import light_copy
from gemma3_jax.data.packs import load_backgrounds, save_backgrounds
from gemma3_jax.data.word_pack import WordPack, load_pack, save_pack
from gemma3_jax.training import leg
from gemma3_jax.training.checkpoints import Checkpoints
from gemma3_jax.training.packed import load_state
from gemma3_jax.training.state import abstract_state

KIB = 1024


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight soft pictures of 160 x 120 px in two kinds of file, and their annotations."""
    rng = np.random.default_rng(0)
    root = tmp_path / "data"
    for name in (*leg.SETS, "wordlists"):
        (root / name).mkdir(parents=True)
    for number in range(8):
        coarse = Image.fromarray(rng.integers(0, 255, (30, 40), dtype=np.uint8)).convert("RGB")
        folder = root / (leg.SETS[0] if number % 2 else "funsd")
        coarse.resize((160, 120)).save(folder / f"{number}.{'jpg' if number % 2 else 'png'}")
        (folder / f"{number}.txt").write_text(f"0,0,9,9,word {number}")
    for name in ("splits.json", *(f"wordlists/{name}" for name in leg.WORDLISTS)):
        (root / name).write_text(name)
    return root


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_light_copy_has_the_same_files_and_nearly_the_same_pictures(data, tmp_path):
    quality = light_copy(data, leg.SETS, tmp_path / "light", 200 * KIB)
    assert quality == 80  # the budget is wide
    names = {path.relative_to(data) for name in leg.SETS for path in (data / name).rglob("*")}
    assert {p.relative_to(tmp_path / "light") for p in (tmp_path / "light").rglob("*.*")} == names
    for path in names:
        before, after = data / path, tmp_path / "light" / path
        if path.suffix == ".txt":
            assert after.read_bytes() == before.read_bytes()
        else:
            with Image.open(before) as a, Image.open(after) as b:
                assert b.format == "WEBP" and b.size == a.size
                assert np.abs(np.asarray(a, int) - np.asarray(b, int)).mean() < 8


def test_a_smaller_budget_costs_quality_and_is_kept(data, tmp_path):
    most = (
        size_of(tmp_path / "light") if light_copy(data, leg.SETS, tmp_path / "light", 10**9) else 0
    )
    quality = light_copy(data, leg.SETS, tmp_path / "lighter", most // 2)
    assert quality < 80 and size_of(tmp_path / "lighter") <= most // 2


def test_too_small_a_budget_and_a_missing_folder_are_said(data, tmp_path):
    with pytest.raises(ValueError, match=r"8 pictures take about 0 MiB.*0 MiB are left"):
        light_copy(data, leg.SETS, tmp_path / "light", 1 * KIB)
    with pytest.raises(FileNotFoundError, match="svt"):
        light_copy(data, ["svt"], tmp_path / "light", 10**9)
    assert not (tmp_path / "light").exists()


def test_backgrounds_travel_with_a_little_loss(tmp_path):
    slope = np.linspace(0, 200, 256).astype(np.uint8)
    patches = np.tile(slope[None, None, :, None], (200, 64, 1, 3))
    patches[150:] = 90
    save_backgrounds(tmp_path / "exact.npz", patches)
    save_backgrounds(tmp_path / "light.npz", patches, 85)
    np.testing.assert_array_equal(load_backgrounds(tmp_path / "exact.npz"), patches)
    light = load_backgrounds(tmp_path / "light.npz")
    assert light.shape == patches.shape and np.abs(light.astype(int) - patches).max() <= 4


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "atlas.npz").write_bytes(b"atlas")
    save_backgrounds(folder / "backgrounds.npz", np.full((3, 64, 256, 3), 7, np.uint8))
    words = WordPack(
        np.full((4, 32, 128, 3), 9, np.uint8),
        np.full(4, 128, np.int32),
        np.ones((4, 25), np.int32),
        np.zeros(4, np.int8),
    )
    for name in ("words_train.npz", "words_val.npz"):
        save_pack(words, folder / name)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run at step 2."""
    state = jax.tree.map(lambda x: jnp.ones(x.shape, x.dtype), abstract_state(toy_run.CONFIG))
    with Checkpoints(tmp_path / "run" / "checkpoints") as checkpoints:
        checkpoints.save(state._replace(step=jnp.array(2, jnp.int32)))
    (tmp_path / "run" / "config.json").write_text(toy_run.CONFIG.to_json())
    return tmp_path / "run"


def test_a_leg_goes_out_and_comes_home(data, cache, run, tmp_path):
    sizes = leg.pack_leg(tmp_path / "leg", data, cache, run, mib=1.0)
    assert set(sizes) == {"cache", "data", "state", "scenes' quality"}
    assert size_of(tmp_path / "leg") < 2**20
    assert len(load_pack(tmp_path / "leg" / "cache" / "words_train.npz")) == 4
    leg.home(tmp_path / "leg" / "state", tmp_path / "back")
    config, state = load_state(tmp_path / "back")
    assert int(state.step) == 2 and config == toy_run.CONFIG
    assert (tmp_path / "back" / "model" / "model.safetensors").exists()


def test_a_leg_overwrites_nothing_and_names_what_was_not_built(data, cache, tmp_path):
    (cache / "atlas.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks atlas\.npz: python -m gemma3_jax"):
        leg.pack_leg(tmp_path / "leg", data, cache)
    (tmp_path / "leg").mkdir()
    with pytest.raises(FileExistsError, match="choose another --folder"):
        leg.pack_leg(tmp_path / "leg", data, cache)
