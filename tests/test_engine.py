"""The JAX engine behind the reader, with a small untrained network: contracts, round trip, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest
from small_model import SMALL

from gemma3_jax.decoding.boxes import columns_used
from gemma3_jax.model.spotter import init_variables
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.pretrained import save_pretrained


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A released model with random weights."""
    path = tmp_path_factory.mktemp("model")
    save_pretrained(path, SMALL, jax.device_get(init_variables(SMALL, jax.random.key(1))))
    return path


@pytest.fixture(scope="module")
def ocr(folder) -> GemmaOCR:
    return GemmaOCR.from_pretrained(folder, backend="jax")


def crops(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (20 + k, 40 + 9 * k, 3), np.uint8) for k in range(count)]


def test_detect_and_read_keep_the_contract(ocr):
    images = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
    found = ocr.engine.detect(images, 8)
    assert found.quads.shape == (1, 8, 4, 2) and found.scores.shape == found.valid.shape == (1, 8)
    assert ((found.scores >= 0) & (found.scores <= 1)).all() and found.valid.dtype == bool
    quads = np.zeros((1, 2, 4, 2), np.float32)
    quads[0] = [[[8, 8], [72, 8], [72, 24], [8, 24]], [[5, 40], [90, 38], [90, 46], [5, 48]]]
    for columns in (32, 64):
        log_probs = ocr.engine.read(found.features, quads, columns)
        assert log_probs.shape == (1, 2, columns, 9) and log_probs.dtype == np.float32
        assert np.exp(log_probs).sum(axis=-1) == pytest.approx(1.0, abs=1e-5)
        for row, used in zip(log_probs[0], columns_used(quads[0], columns), strict=True):
            # what the host takes for padding the network takes for padding too
            assert (row[int(np.ceil(used)) :].argmax(axis=-1) == 0).all()


def test_recognize_does_not_depend_on_company(ocr):
    """A crop reads the same alone, among eight and among sixty-four: padding and batching change nothing."""
    together = ocr.recognize(crops(12))
    for crop, word in zip(crops(12)[:3], together, strict=False):
        alone = ocr.recognize([crop])[0]
        assert alone.text == word.text
        assert alone.confidence == pytest.approx(word.confidence, rel=1e-3)


def test_saved_model_reads_the_same(ocr, tmp_path):
    ocr.save_pretrained(tmp_path / "copy")
    again = GemmaOCR.from_pretrained(tmp_path / "copy", backend="jax")
    assert [w.text for w in again.recognize(crops(3))] == [w.text for w in ocr.recognize(crops(3))]


def test_threads_get_the_same_answers(ocr):
    """Twelve reads in four threads: a stateless engine mixes nothing up."""
    pictures = [np.full((60, 90, 3), 20 * k, np.uint8) for k in range(12)]
    for k, image in enumerate(pictures):
        image[20:40, 10 : 30 + 4 * k] = 255
    expected = [ocr.read(image).to_json() for image in pictures]
    with ThreadPoolExecutor(4) as pool:
        assert [page.to_json() for page in pool.map(ocr.read, pictures)] == expected


def test_a_damaged_file_of_weights_is_refused(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(ValueError, match="SHA-256"):
        GemmaOCR.from_pretrained(tmp_path)
