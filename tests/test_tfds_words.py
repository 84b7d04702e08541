"""TFDS builders of word crops on miniature copies of the owners' layouts: build, read back, compare."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from published_sets import Files, counts, picture, put_tar, put_zip, rows, texts

from gemma3_jax.data.corpora.build import build
from gemma3_jax.data.corpora.published import MissingFiles

pytest.importorskip("tensorflow_datasets", reason="TFDS is in the extra [train]")
pytest.importorskip("importlib_resources", reason="TFDS needs it; it is in the extra [train]")


@pytest.mark.parametrize(
    ("name", "train", "test", "truth"),
    [
        (
            "icdar2015/words",
            "ch4_training_word_images_gt.zip",
            "ch4_test_word_images_gt.zip",
            "Challenge4_Test_Task3_GT.txt",
        ),
        (
            "icdar2013/words",
            "Challenge2_Training_Task3_Images_GT.zip",
            "Challenge2_Test_Task3_Images.zip",
            "Challenge2_Test_Task3_GT.txt",
        ),
    ],
)
def test_robust_reading_words(
    name: str, train: str, test: str, truth: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = '\ufeffword_1.png, "a, b"\r\nword_2.png, "\\"We\\\\"\r\n'
    crops: Files = {f"word_{n}.png": picture(n, "PNG") for n in (1, 2)}
    put_zip(tmp_path / train, {**crops, "gt.txt": listed, "coords.txt": "word_1.png,0,0"})
    put_zip(tmp_path / test, {**crops, "coords.txt": "word_1.png,0,0"})
    (tmp_path / truth).write_text(listed, newline="")
    counts(monkeypatch, name, train=2, test=2)
    build(name, tmp_path, tmp_path / "built")
    for split in ("train", "test"):
        found = rows(name, split, tmp_path / "built")
        assert [row["text"].decode() for row in found] == ["a, b", '"We\\']
        assert [row["image"] for row in found] == list(crops.values())


def put_iiit5k(path: Path, damage: dict[str, bytes | str | None] | None = None) -> None:
    """The owner's archive; `damage` replaces a .mat file, "cut" shortens it, None removes it."""
    scipy_io = pytest.importorskip("scipy.io")
    files: Files = {}
    for half in ("train", "test"):
        names = [f"{half}/1009_1.png", f"{half}/1009_2.png"]
        files |= {f"IIIT5K/{name}": picture(k, "PNG") for k, name in enumerate(names)}
        cells = np.empty(3, object)
        cells[:] = ["YOU", "GO", "A"]
        struct = np.empty((1, 2), [(f, object) for f in ("ImgName", "chars", "charBB")])
        data = np.empty(
            (1, 2), [(f, object) for f in ("ImgName", "GroundTruth", "smallLexi", "mediumLexi")]
        )
        for k, (name, text) in enumerate(zip(names, ("You", "2"), strict=True)):
            struct[0, k] = (name, text, np.ones((len(text), 4)))
            data[0, k] = (name, text.upper(), cells, cells[:2])
        for mat, content in ((f"{half}CharBound", struct), (f"{half}data", data)):
            buffer = io.BytesIO()
            scipy_io.savemat(buffer, {mat: content})
            files[f"IIIT5K/{mat}.mat"] = buffer.getvalue()
    for name, content in (damage or {}).items():
        whole = files.pop(f"IIIT5K/{name}")
        if content is not None:
            files[f"IIIT5K/{name}"] = whole[: len(whole) // 2] if content == "cut" else content
    put_tar(path, files)


def test_iiit5k_keeps_case_and_lexicons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_iiit5k(tmp_path / "IIIT5K-Word_V3.0.tar.gz")
    counts(monkeypatch, "iiit5k/words", train=2, test=2)
    build("iiit5k", tmp_path, tmp_path / "built")
    found = rows("iiit5k", "test", tmp_path / "built")
    assert [row["text"] for row in found] == [b"You", b"2"]
    assert [row["image"] for row in found] == [picture(0, "PNG"), picture(1, "PNG")]
    assert texts(found[0]["lexicon"]) == ["YOU", "GO", "A"]
    assert texts(found[0]["lexicon/medium"]) == ["YOU", "GO"]


def test_iiit5k_names_a_missing_mat_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_iiit5k(tmp_path / "IIIT5K-Word_V3.0.tar.gz", {"testCharBound.mat": None})
    counts(monkeypatch, "iiit5k/words", test=3000)
    with pytest.raises(MissingFiles, match=r"no testCharBound\.mat: .*3000 crops.*cvit\.iiit"):
        build("iiit5k", tmp_path, tmp_path / "built")


@pytest.mark.parametrize("damage", [b"", b"no mat file" * 50, "cut"])
def test_iiit5k_names_a_damaged_mat_file(
    damage: bytes | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_iiit5k(tmp_path / "IIIT5K-Word_V3.0.tar.gz", {"testdata.mat": damage})
    counts(monkeypatch, "iiit5k/words", test=2)
    with pytest.raises(ValueError, match=r"testdata\.mat holds no MATLAB struct.*cvit\.iiit"):
        build("iiit5k", tmp_path, tmp_path / "built")


def test_svtp_and_cute80_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crop = "13_15_0_par.jpg"
    put_zip(
        tmp_path / "svtp.zip",
        {"svtp/gt.txt": f"{crop} WYNDHAM\n", f"svtp/par1/{crop}": picture(9)},
    )
    put_tar(tmp_path / "timage.tar.gz", {"timage/001.jpg": picture(8)})
    (tmp_path / "test_label.txt").write_text("timage/001.jpg RONALDO 1 RONALDO\n")
    for name, text, shade in (("svtp/words", b"WYNDHAM", 9), ("cute80/words", b"RONALDO", 8)):
        counts(monkeypatch, name, test=1)
        build(name, tmp_path, tmp_path / "built")
        (row,) = rows(name, "test", tmp_path / "built")
        assert (row["text"], row["image"]) == (text, picture(shade))
