"""The ONNX Runtime engine: the JAX engine's answers at every size, count and angle; threads; where its files come from."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.decoding.lattice import collapse
from gemma3_jax.engine import JaxEngine
from gemma3_jax.model.detector import CORNER_SCALE
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.pretrained import load_pretrained, model_checksum, save_pretrained
from gemma3_jax.reading import ReadOptions

WHY = "the extra [export] is not installed"
pytest.importorskip("onnx", reason=WHY)
pytest.importorskip("onnxruntime", reason=WHY)

from gemma3_jax.engine_onnx import OnnxEngine  # noqa: E402
from gemma3_jax.export.files import write_files  # noqa: E402
from gemma3_jax.export.kept import exported_folder  # noqa: E402
from gemma3_jax.export.verify import compare_engines, some_quads  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A released model with random weights that takes a good many places for words."""
    variables = trained(seed=3)
    detector, head = (variables["params"][k] for k in ("detector", "recognizer"))
    detector["centre"]["bias"][:] = 0.5
    detector["centre"]["kernel"] *= (
        0.1  # scores of 1 are ties, and rounding decides which is a peak
    )
    detector["corners"]["kernel"] *= (
        0.1  # neighbouring cells see much the same box, as trained ones do
    )
    detector["corners"]["bias"][:] = np.array([-2, -1, 2, -1, 2, 1, -2, 1]) / CORNER_SCALE
    head["head"]["kernel"] *= 4  # and letters are told apart
    path = tmp_path_factory.mktemp("model")
    save_pretrained(path, SMALL, variables, half=False)
    return path


@pytest.fixture(scope="module")
def engine(model, tmp_path_factory) -> OnnxEngine:
    folder = tmp_path_factory.mktemp("onnx")
    config, variables = load_pretrained(model)
    write_files(folder, config, variables, model_checksum(model))
    return OnnxEngine(folder, config, variables, checksum=model_checksum(model), threads=1)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """uint8 pictures with structure at many scales."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (*shape[:-3], shape[-3] // 8, shape[-2] // 8, 3))
    fine = rng.integers(-40, 40, shape)
    return (coarse.repeat(8, -3).repeat(8, -2) + fine).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(64, 64), (96, 224), (320, 64)])
def test_every_number_is_that_of_jax(model, engine, size):
    """Boxes, texts at 32 places of all sizes and angles, and crops of eight widths."""
    differences = compare_engines(JaxEngine(*load_pretrained(model)), engine, noise(*size, 3))
    assert len(differences) == 6  # words were found, or there would be nothing to compare
    assert not [str(d) for d in differences if d.found > d.allowed]


def test_texts_are_those_of_jax_at_every_strip_length(model, engine):
    """Equal best paths, that is equal text, wherever the two best classes are not as good as equal."""
    jax_engine = JaxEngine(*load_pretrained(model))
    picture, quads = noise(1, 96, 224, 3), some_quads(96, 224)
    maps = [e.detect(picture, 512).features for e in (jax_engine, engine)]
    for columns in (20, 128):  # 20 do not fill the last window of the attention
        a, b = (e.read(m, quads, columns) for e, m in zip((jax_engine, engine), maps, strict=True))
        assert a.shape == b.shape == (1, 32, columns, 9)
        np.testing.assert_allclose(np.exp(a), np.exp(b), atol=2e-3)
        second, best = np.sort(np.exp(a[0]), axis=-1)[..., -2:].T
        clear = (best - second > 0.01).all(axis=0)
        texts = [[collapse(path)[0] for path in x[0, clear].argmax(axis=-1)] for x in (a, b)]
        assert clear.sum() > 5 and texts[0] == texts[1]


def test_pictures_of_a_batch_do_not_mix(engine):
    pictures = noise(3, 64, 96, 3)
    together = engine.detect(pictures, 64)
    quads = np.concatenate([some_quads(64, 96)] * 3)
    texts = engine.read(together.features, quads, 32)
    for i in range(3):
        alone = engine.detect(pictures[i : i + 1], 64)
        np.testing.assert_array_equal(alone.valid[0], together.valid[i])
        kept = alone.valid[0]
        np.testing.assert_allclose(alone.quads[0, kept], together.quads[i, kept], atol=1e-2)
        text = engine.read(alone.features, quads[:1], 32)[0]
        np.testing.assert_allclose(np.exp(text), np.exp(texts[i]), atol=1e-3)


@pytest.mark.parametrize("count", [0, 1, 31, 33, 70])
def test_a_word_reads_the_same_in_any_company(engine, count):
    """Words are read 32 at a time and padding is left out: neither shows, and padding says blank."""
    features = engine.detect(noise(1, 64, 96, 3), 16).features
    quads = np.tile(some_quads(64, 96), (1, 4, 1, 1))
    padded = np.zeros((1, 128, 4, 2), np.float32)
    padded[:, :count] = quads[:, :count]
    found = engine.read(features, padded, 32)
    assert found.shape == (1, 128, 32, 9)
    assert (found[:, count:].argmax(axis=-1) == 0).all()
    if count:
        alone = engine.read(features, quads[:, count - 1 : count], 32)
        np.testing.assert_allclose(np.exp(found[:, count - 1]), np.exp(alone[:, 0]), atol=1e-4)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_crops_read_the_same_beside_padding(model, engine, count):
    """Strips of no width at the end cost nothing and say blank; those before them read as JAX reads them, padding and all."""
    strips, widths = noise(8, 32, 128, 3), np.zeros(8, np.float32)
    widths[:count] = np.linspace(20, 128, count)
    found = engine.read_strips(strips, widths)
    assert found.shape == (8, 32, 9) and (found[count:].argmax(axis=-1) == 0).all()
    wanted = JaxEngine(*load_pretrained(model)).read_strips(strips, widths)
    np.testing.assert_allclose(np.exp(found[:count]), np.exp(wanted[:count]), atol=2e-3)


def test_more_slots_than_words_are_empty(engine):
    found = engine.detect(noise(1, 64, 64, 3), 512)
    assert found.quads.shape == (1, 512, 4, 2) and found.scores.shape == found.valid.shape == (
        1,
        512,
    )
    assert found.valid.any() and not found.valid[0, 256:].any()  # a 16 x 16 map has 256 cells


def test_threads_get_the_same_answers(engine):
    ocr = GemmaOCR(engine, ReadOptions(max_side=96, min_score=0.9))
    pictures = [noise(64 + 8 * k, 96, 3, seed=k) for k in range(4)]
    expected = [ocr.read(image).to_json() for image in pictures]
    assert any("text" in page for page in expected)
    with ThreadPoolExecutor(4) as pool:
        assert [page.to_json() for page in pool.map(ocr.read, pictures)] == expected


def test_a_batch_is_read_side_by_side_with_the_same_answers(engine, model, monkeypatch):
    """At the same time: each of two readers waits inside the network until the other is there too."""
    two = OnnxEngine(engine.folder, *load_pretrained(model), threads=2)
    assert two.alone().workers == 1 and two.alone().pool is None and two.alone() is two.alone()
    assert two.alone().alone() is two.alone()
    pictures = [noise(64 + 8 * k, 96, 3, seed=k) for k in range(4)]
    expected = [GemmaOCR(engine, ReadOptions(max_side=96, min_score=0.9)).read(x) for x in pictures]
    meeting, detect, met = threading.Barrier(2, timeout=20), OnnxEngine.detect, set()

    def meet(self, images, slots):
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            meeting.wait()
        return detect(self, images, slots)

    monkeypatch.setattr(OnnxEngine, "detect", meet)
    pages = GemmaOCR(two, ReadOptions(max_side=96, min_score=0.9)).read_batch(pictures)
    assert [page.to_json() for page in pages] == [page.to_json() for page in expected]
    assert any(page.words or page.unread for page in pages) and len(met) == 2


def test_files_are_built_once_into_the_cache(model, tmp_path, monkeypatch):
    monkeypatch.setenv("GEMMA3_CACHE", str(tmp_path))
    ocr = GemmaOCR.from_pretrained(model, backend="auto", threads=1)
    assert isinstance(ocr.engine, OnnxEngine) and ocr.engine.folder.is_relative_to(tmp_path)
    built = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.onnx")}
    again = GemmaOCR.from_pretrained(model, backend="onnx", threads=1)
    assert len(built) == 4 and {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.onnx")} == built
    crop = noise(32, 64, 3)
    assert again.recognize([crop])[0].text == ocr.recognize([crop])[0].text
    ocr.save_pretrained(tmp_path / "copy")  # it still has the weights it was made from
    jax.tree.map(np.testing.assert_allclose, ocr.variables, again.variables)


def test_a_model_brings_its_own_files_and_only_its_own(model, engine, tmp_path):
    config, variables = load_pretrained(model)
    for path in model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_files(tmp_path / "onnx", config, variables, model_checksum(model))
    assert exported_folder(tmp_path, config, variables) == tmp_path / "onnx"
    save_pretrained(tmp_path, SMALL, trained(seed=4), half=False)  # retrained, not exported
    with pytest.raises(ValueError, match=r"detector\.onnx was made from other weights.*export"):
        GemmaOCR.from_pretrained(tmp_path, backend="onnx")
    with pytest.raises(FileNotFoundError, match=r"detector\.onnx is not there"):
        OnnxEngine(tmp_path, config, variables)


def test_providers_choose_onnx_and_are_never_left_out_in_silence(model):
    engine = GemmaOCR.from_pretrained(model, providers=["CPUExecutionProvider"]).engine
    assert isinstance(engine, OnnxEngine)
    with pytest.raises(ValueError, match="no AbacusExecutionProvider in this ONNX Runtime, there"):
        GemmaOCR.from_pretrained(model, providers=["AbacusExecutionProvider"])
    with pytest.raises(ValueError, match=r"providers=.*need backend='onnx'"):
        GemmaOCR.from_pretrained(model, backend="jax", providers=["CPUExecutionProvider"])


def test_without_the_packages_auto_is_jax_and_onnx_says_what_to_install(
    model, tmp_path, monkeypatch
):
    monkeypatch.setenv("GEMMA3_CACHE", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(GemmaOCR.from_pretrained(model).engine, JaxEngine)
    with pytest.raises(ModuleNotFoundError, match=r"onnxruntime: pip install .gemma3_jax\""):
        GemmaOCR.from_pretrained(model, backend="onnx")
