"""Word crops in an LMDB: pictures that are not files, and what is said when the package is not there."""

from __future__ import annotations

import builtins
import io
import pickle

import numpy as np
import pytest
from annotated import box, put_text, seen
from PIL import Image

from gemma3_jax.data.annotations import detect, lmdb_crops, read_folder, scan_folder, write_folder
from gemma3_jax.imaging.load import load_image

PIXELS = np.random.default_rng(0).integers(0, 255, (2, 20, 60, 3), np.uint8)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def database(tmp_path):
    """As create_lmdb_dataset.py writes it: entries counted from 1; the third has no label."""
    lmdb = pytest.importorskip("lmdb", reason="the package lmdb is not installed")
    entries = {
        "num-samples": b"3",
        "image-000000001": png(PIXELS[0]),
        "label-000000001": "Café".encode(),
        "image-000000002": png(PIXELS[1]),
        "label-000000002": b"two",
        "image-000000003": b"",
    }
    environment = lmdb.open(str(tmp_path / "MJ"), map_size=1 << 20)
    with environment.begin(write=True) as transaction:
        for key, value in entries.items():
            transaction.put(key.encode(), value)
    environment.close()
    return tmp_path


def test_crops_of_a_database(database):
    assert detect(database) == "lmdb"
    reading = scan_folder(database)
    assert [seen(sample) for sample in reading.samples] == [
        [("Café", False, box(0, 0, 60, 20))],
        [("two", False, box(0, 0, 60, 20))],
    ]
    assert reading.problems == [f"{database / 'MJ'}[3]: has no label"]
    for sample, pixels in zip(reading.samples, PIXELS, strict=True):
        np.testing.assert_array_equal(load_image(sample.image_path), pixels)


def test_crops_can_be_sent_to_another_process(database):
    sample = pickle.loads(pickle.dumps(scan_folder(database).samples[1]))
    np.testing.assert_array_equal(load_image(sample.image_path), PIXELS[1])


def test_crops_can_be_written_as_files(database, tmp_path):
    write_folder(scan_folder(database).samples, tmp_path / "files", "tsv")
    found = read_folder(tmp_path / "files")
    assert [sample.words[0].text for sample in found] == ["Café", "two"]
    np.testing.assert_array_equal(load_image(found[0].image_path), PIXELS[0])


def test_a_missing_package_is_one_clear_line(tmp_path, monkeypatch):
    put_text(tmp_path / "data.mdb", "")
    real = builtins.__import__

    def without(name, *rest):
        if name == "lmdb":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    lmdb_crops._environment.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"needs the package lmdb \(pip install lmdb\)"):
        scan_folder(tmp_path)
