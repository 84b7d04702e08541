"""Miniature copies of the layouts in which owners publish their sets, and what is read back of them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gemma3_jax.data.corpora.build import corpus, load, words_of

Files = dict[str, bytes | str]


def picture(shade: int = 0, kind: str = "JPEG", size: tuple[int, int] = (20, 10)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(buffer, kind)
    return buffer.getvalue()


def put_zip(path: Path, files: Mapping[str, bytes | str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def put_tar(path: Path, files: Mapping[str, bytes | str]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            content = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def counts(monkeypatch: pytest.MonkeyPatch, name: str, **halves: int) -> None:
    """Miniatures hold fewer examples than the owner publishes."""
    set_name, task = name.split("/")
    builder = type(corpus(name, "unused"))
    monkeypatch.setattr(builder, "COUNTS", {**builder.COUNTS, task: halves})
    assert builder.name == set_name


def rows(name: str, split: str, data: Path) -> list[dict[str, Any]]:
    source = load(name, split, data)
    return [source[index] for index in range(len(source))]


def check_words(found: dict[str, Any], expected: list[tuple[list, str, bool]]) -> None:
    words = words_of(found)
    assert [(w.quad.tolist(), w.text, w.ignore) for w in words] == expected
    assert all(word.quad.dtype == np.float32 for word in words)


def texts(values: Any) -> list[str]:
    return [value.decode() for value in values]


QUAD = [[0, 1], [9, 1], [9, 5], [0, 5]]
SLANTED = [[282.5, 104], [347, 104.25], [348, 115], [283, 115]]
GT_2015 = "\ufeff0,1,9,1,9,5,0,5,###\r\n282.5,104,347,104.25,348,115,283,115,1,250.00, or so\r\n"
WORDS_2015 = [(QUAD, "###", True), (SLANTED, "1,250.00, or so", False)]


def put_icdar2015(root: Path) -> None:
    photographs = {f"img_{n}.jpg": picture(n) for n in (10, 2)}
    truths = {"gt_img_2.txt": GT_2015, "gt_img_10.txt": "\ufeff0,1,9,1,9,5,0,5,caf\u00e9"}
    lexicons = {f"voc_img_{n}.txt": f"\ufeffWORD{n}\r\nCAF\u00c9\r\n" for n in (2, 10)}
    for half, truth in (
        ("training", "ch4_training_localization_transcription_gt"),
        ("test", "Challenge4_Test_Task1_GT"),
    ):
        put_zip(root / f"ch4_{half}_images.zip", photographs)
        put_zip(root / f"{truth}.zip", truths)
        put_zip(root / f"ch4_{half}_vocabularies_per_image.zip", lexicons)
        (root / f"ch4_{half}_vocabulary.txt").write_text(f"\ufeff{half}\r\nother\r\n")
    (root / "GenericVocabulary.txt").write_text("# words of others\nalpha\nbeta\n")


def put_funsd(root: Path) -> None:
    words = [{"box": [1, 2, 5, 8], "text": " Date: "}, {"box": [0, 0, 3, 3], "text": ""}]
    page = json.dumps({"form": [{"words": words}, {"words": []}]})
    files: Files = {"__MACOSX/dataset/._training_data": b"\0"}
    for folder in ("training_data", "testing_data"):
        files[f"dataset/{folder}/annotations/0001.json"] = page
        files[f"dataset/{folder}/images/0001.png"] = picture(3, "PNG")
    put_zip(root / "dataset.zip", files)
