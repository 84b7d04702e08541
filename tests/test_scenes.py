"""Training crops of real pictures: boxes follow the pixels, cut words, slots, determinism."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gemma3_jax.charset import Charset
from gemma3_jax.data.corpora import Annotation, Sample, rectangle
from gemma3_jax.data.cutting import cut, erase
from gemma3_jax.data.scenes import ScenePool, SceneSet, scene_batch


def grid(tmp_path: Path, texts: list[str], ignore: bool = False) -> Sample:
    """A white picture with rows of black 40 x 16 px words."""
    image = np.full((400, 600, 3), 255, np.uint8)
    words = []
    for i, text in enumerate(texts):
        x, y = 20 + 60 * (i % 9), 20 + 40 * (i // 9)
        image[y : y + 16, x : x + 40] = 0
        words.append(Annotation(rectangle(x, y, x + 40, y + 16), text, ignore))
    Image.fromarray(image).save(tmp_path / "grid.png")
    return Sample(tmp_path / "grid.png", words)


@pytest.fixture
def pool(tmp_path: Path) -> ScenePool:
    return ScenePool([SceneSet([grid(tmp_path, ["word"] * 81)])])


def sample_at(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    return image[points[:, 1].astype(int), points[:, 0].astype(int)].mean(axis=-1)


def test_shapes_and_types(pool: ScenePool) -> None:
    batch = scene_batch(pool, seed=0, step=0, batch=3, size=(96, 128), slots=16)
    assert batch.images.shape == (3, 96, 128, 3) and batch.images.dtype == np.uint8
    assert batch.quads.shape == (3, 16, 4, 2) and batch.quads.dtype == np.float32
    assert batch.labels.shape == (3, 16, 25) and batch.labels.dtype == np.int32
    assert batch.valid.dtype == batch.ignore.dtype == np.bool_


def test_quads_follow_scale_rotation_and_place(pool: ScenePool) -> None:
    """Just inside every corner it is dark, just outside it is light, whatever the transform."""
    batch = scene_batch(pool, seed=1, step=0, batch=12, size=(256, 256), slots=96)
    checked = 0
    for image, quads, labels in zip(batch.images, batch.quads, batch.labels, strict=True):
        for quad in quads[labels[:, 0] > 0]:
            outward = (quad - quad.mean(axis=0)) / 8
            reach = np.abs(outward).max(axis=1)
            if reach.min() < 1 or (quad + outward).min() < 1 or (quad + outward).max() > 255:
                continue
            inside, outside = sample_at(image, quad - outward), sample_at(image, quad + outward)
            if np.linalg.norm(quad[3] - quad[0]) > 16:
                assert (inside + 60 < outside).all()
                checked += 1
    assert checked > 30


def test_one_slot_depends_only_on_seed_step_and_its_number(pool: ScenePool) -> None:
    whole = scene_batch(pool, seed=5, step=7, batch=4, size=(64, 64))
    part = scene_batch(pool, seed=5, step=7, batch=2, size=(64, 64), first=2)
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_array_equal(a[2:], b)
    other = scene_batch(pool, seed=5, step=8, batch=4, size=(64, 64))
    assert (whole.images != other.images).any()


def test_cut_words_are_ignored_or_not_read(pool: ScenePool) -> None:
    batch = scene_batch(pool, seed=2, step=0, batch=16, size=(160, 160), slots=96)
    low = batch.quads.min(axis=2).clip(0, 160)
    high = batch.quads.max(axis=2).clip(0, 160)
    seen = (high - low).prod(axis=-1)
    whole = np.maximum(np.ptp(batch.quads, axis=2).prod(axis=-1), 1e-6)
    cut_off = batch.valid & (seen / whole < 0.65)  # of the bounding box: close to the area's share
    assert cut_off.any()
    assert batch.ignore[cut_off].all()
    assert not batch.labels[cut_off].any()
    entire = batch.valid & (seen / whole > 0.999) & ~batch.ignore
    assert (batch.labels[entire] > 0).any(axis=-1).all()


def test_words_that_cannot_be_labelled_are_found_but_not_read(tmp_path: Path) -> None:
    texts = ["☐", "x" * 30, "fine"]
    pool = ScenePool([SceneSet([grid(tmp_path, texts)], scales=(1.0, 1.0))])
    batch = scene_batch(pool, seed=0, step=0, batch=4, size=(500, 700))
    assert (batch.valid.sum(axis=1) == 3).all() and not batch.ignore.any()
    read = [[Charset().decode(row) for row in labels if row.any()] for labels in batch.labels]
    assert read == [["fine"]] * 4


def test_surplus_words_are_painted_over(tmp_path: Path) -> None:
    pool = ScenePool([SceneSet([grid(tmp_path, ["a"] * 18)], scales=(1.0, 1.0))])
    batch = scene_batch(pool, seed=0, step=0, batch=2, size=(500, 700), slots=5)
    assert (batch.valid.sum(axis=1) == 5).all()
    crop = np.full((20, 20, 3), 200, np.uint8)
    crop[8:12, 8:12] = 0
    assert (erase(crop.copy(), rectangle(6, 6, 14, 14)[None]) == 200).all()
    assert (erase(crop.copy(), rectangle(50, 50, 60, 60)[None]) == crop).all()


def test_do_not_cares_stay_do_not_care(tmp_path: Path) -> None:
    pool = ScenePool([SceneSet([grid(tmp_path, ["a"] * 9, ignore=True)])])
    batch = scene_batch(pool, seed=0, step=0, batch=4)
    assert batch.valid.any() and (batch.ignore == batch.valid).all() and not batch.labels.any()


def test_a_picture_without_words_gives_empty_slots(tmp_path: Path) -> None:
    pool = ScenePool([SceneSet([grid(tmp_path, [])])])
    assert not scene_batch(pool, seed=0, step=0, batch=2).valid.any()


def test_an_identity_cut_returns_the_pixels_and_grey_beyond_them() -> None:
    image = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    crop = cut(image, np.array([[1.0, 0, 0], [0, 1.0, 0]]), (35, 45))
    np.testing.assert_array_equal(crop[:30, :40], image)
    assert (crop[30:] == 127).all() and (crop[:, 40:] == 127).all()


def test_the_cache_forgets_but_does_not_change_what_is_cut(tmp_path: Path) -> None:
    sets = [SceneSet([grid(tmp_path, ["a"] * 20)])]
    kept, forgetful = ScenePool(sets), ScenePool(sets, cache_bytes=0)
    for a, b in zip(scene_batch(kept, 0, 0, 2), scene_batch(forgetful, 0, 0, 2), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match=r"every set needs a picture: \[0\]"):
        ScenePool([SceneSet([])])
