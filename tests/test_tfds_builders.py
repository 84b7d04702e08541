"""TFDS builders on miniature copies of the owners' layouts: build, read back, compare."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from published_sets import (
    QUAD,
    WORDS_2015,
    Files,
    check_words,
    counts,
    picture,
    put_funsd,
    put_icdar2015,
    put_zip,
    rows,
    texts,
)

from gemma3_jax.data.corpora import rectangle
from gemma3_jax.data.corpora.build import build, corpus

pytest.importorskip("tensorflow_datasets", reason="TFDS is in the extra [train]")
pytest.importorskip("importlib_resources", reason="TFDS needs it; it is in the extra [train]")


def test_icdar2015_localisation_keeps_bom_commas_and_do_not_care_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_icdar2015(tmp_path)
    counts(monkeypatch, "icdar2015/localisation", train=2, test=2)
    build("icdar2015/localisation", tmp_path, tmp_path / "built")
    for split in ("train", "test"):
        first, second = rows("icdar2015/localisation", split, tmp_path / "built")
        assert first["image/filename"] == b"img_2.jpg"  # the owner's order, not img_10 first
        assert first["image"] == picture(2)  # the owner's bytes, not recoded
        check_words(first, WORDS_2015)
        check_words(second, [(QUAD, "caf\u00e9", False)])
    builder: Any = corpus("icdar2015/localisation", tmp_path / "built")
    decoded = builder.as_data_source(split="test")
    np.testing.assert_array_equal(decoded[0]["image"], np.full((10, 20, 3), 2, np.uint8))


def test_icdar2015_end_to_end_adds_the_three_lexicons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_icdar2015(tmp_path)
    counts(monkeypatch, "icdar2015/end-to-end", train=2, test=2)
    build("icdar2015/end-to-end", tmp_path, tmp_path / "built")
    first, second = rows("icdar2015/end-to-end", "test", tmp_path / "built")
    check_words(first, WORDS_2015)
    assert texts(first["lexicon"]) == ["WORD2", "CAF\u00c9"]
    assert texts(second["lexicon"]) == ["WORD10", "CAF\u00c9"]
    metadata = corpus("icdar2015/end-to-end", tmp_path / "built").info.metadata
    assert metadata is not None
    assert metadata["train"] == {"weak": ["training", "other"], "generic": ["alpha", "beta"]}
    assert metadata["test"]["weak"] == ["test", "other"]


def test_icdar2013_localisation_reads_blanks_and_commas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_zip(tmp_path / "Challenge2_Training_Task12_Images.zip", {"100.jpg": picture()})
    put_zip(
        tmp_path / "Challenge2_Training_Task1_GT.zip",
        {"gt_100.txt": '158 128 411 181 "Footpath"\r\n443 128 501 169 "\\"To, 5\\""\r\n'},
    )
    put_zip(tmp_path / "Challenge2_Test_Task12_Images.zip", {"img_1.jpg": picture()})
    put_zip(
        tmp_path / "Challenge2_Test_Task1_GT.zip",
        {"gt_img_1.txt": '38, 43, 920, 215, "Tiredness"\r\n275, 264, 665, 450, "###"\r\n'},
    )
    counts(monkeypatch, "icdar2013/localisation", train=1, test=1)
    build("icdar2013/localisation", tmp_path, tmp_path / "built")
    (train,) = rows("icdar2013/localisation", "train", tmp_path / "built")
    (test,) = rows("icdar2013/localisation", "test", tmp_path / "built")
    first = [[158, 128], [411, 128], [411, 181], [158, 181]]
    second = [[443, 128], [501, 128], [501, 169], [443, 169]]
    check_words(train, [(first, "Footpath", False), (second, '"To, 5"', False)])
    first = [[38, 43], [920, 43], [920, 215], [38, 215]]
    second = [[275, 264], [665, 264], [665, 450], [275, 450]]
    check_words(test, [(first, "Tiredness", False), (second, "###", True)])


def tagset(name: str, lexicon: str = "", boxes: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?><tagset><image>'
        f"<imageName>{name}</imageName>{lexicon}<taggedRectangles>{boxes}</taggedRectangles>"
        "</image></tagset>"
    )


BOX = (
    '<taggedRectangle x="3.0" y="2.0" width="10.0" height="5.0" offset="0.0" rotation="0.0">'
    "<tag>Caf\u00e9</tag></taggedRectangle>"
)
BOXED = [([[3, 2], [13, 2], [13, 7], [3, 7]], "Caf\u00e9", False)]


def test_icdar2003_scenes_and_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = "apanar_06.08.2002/IMG_1261.JPG"
    listed = '<imagelist><image file="word/1/1.jpg" tag="R&amp;D" /></imagelist>'
    for half, boxes in (("Train", BOX), ("Test", "")):  # a photograph may hold no word
        xml = tagset(image, boxes=boxes).encode("latin-1")
        top = f"SceneTrial{half}"
        files: Files = {f"{top}/{image}": picture(), f"{top}/words.xml": xml}
        put_zip(tmp_path / f"Trial{half}/scene.zip", files)
        put_zip(
            tmp_path / f"Trial{half}/word.zip", {"word.xml": listed, "word/1/1.jpg": picture(7)}
        )
    counts(monkeypatch, "icdar2003/localisation", train=1, test=1)
    counts(monkeypatch, "icdar2003/words", train=1, test=1)
    build("icdar2003/localisation", tmp_path, tmp_path / "built")
    build("icdar2003/words", tmp_path, tmp_path / "built")
    (train,) = rows("icdar2003/localisation", "train", tmp_path / "built")
    (test,) = rows("icdar2003/localisation", "test", tmp_path / "built")
    check_words(train, BOXED)
    check_words(test, [])
    (word,) = rows("icdar2003/words", "test", tmp_path / "built")
    assert (word["text"], word["image"]) == (b"R&D", picture(7))


def test_svt_scenes_and_cut_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (10, 20, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")  # lossless, so that the crop can be compared
    outside = BOX.replace('x="3.0"', 'x="15.0"')  # reaches 5 px over the right side
    xml = tagset("img/14_03.jpg", "<lex>LIVING,ROOM</lex>", BOX + outside).encode("latin-1")
    files: Files = {"svt1/train.xml": xml, "svt1/test.xml": xml}
    put_zip(tmp_path / "svt.zip", {**files, "svt1/img/14_03.jpg": buffer.getvalue()})
    counts(monkeypatch, "svt/localisation", train=1, test=1)
    counts(monkeypatch, "svt/words", train=2, test=2)
    build("svt/localisation", tmp_path, tmp_path / "built")
    build("svt/words", tmp_path, tmp_path / "built")
    (scene,) = rows("svt/localisation", "test", tmp_path / "built")
    over = ([[15, 2], [25, 2], [25, 7], [15, 7]], "Caf\u00e9", False)
    check_words(scene, [*BOXED, over])
    assert texts(scene["lexicon"]) == ["LIVING", "ROOM"]
    whole, cut = rows("svt/words", "test", tmp_path / "built")
    np.testing.assert_array_equal(Image.open(io.BytesIO(whole["image"])), pixels[2:7, 3:13])
    np.testing.assert_array_equal(Image.open(io.BytesIO(cut["image"])), pixels[2:7, 15:20])
    assert whole["text"].decode() == "Caf\u00e9"
    assert whole["image/filename"] == b"img/14_03.jpg#0"


def test_cute80_lines_from_the_owners_polygons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    polygon = '<line x="1 5 9 8" y="7 2 3 9"/>'
    again = polygon.replace('x="1 ', 'x="0 ')
    xml = (
        f"<set><image><name>Image001.jpg</name>{polygon}</image>"
        f"<image><name>Image001.jpg</name>{again}</image></set>"
    )
    files: Files = {"CUTE80/image001.JPG": picture(), "Groundtruth/GroundTruth.xml": xml}
    put_zip(tmp_path / "CUTE80_Dataset.zip", {f"CUTE80_Dataset/{k}": v for k, v in files.items()})
    counts(monkeypatch, "cute80/localisation", test=1)
    build("cute80/localisation", tmp_path, tmp_path / "built")
    (row,) = rows("cute80/localisation", "test", tmp_path / "built")
    check_words(
        row,
        [(rectangle(1, 2, 9, 9).tolist(), "", False), (rectangle(0, 2, 9, 9).tolist(), "", False)],
    )


def test_funsd_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_funsd(tmp_path)
    counts(monkeypatch, "funsd/localisation", train=1, test=1)
    build("funsd", tmp_path, tmp_path / "built")
    for split in ("train", "test"):
        (page,) = rows("funsd", split, tmp_path / "built")
        boxes = [rectangle(1, 2, 5, 8).tolist(), rectangle(0, 0, 3, 3).tolist()]
        check_words(page, [(boxes[0], "Date:", False), (boxes[1], "", True)])
        assert page["image/filename"].decode().endswith("images/0001.png")


def test_sroie_receipts_without_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "0,1,9,1,9,5,0,5,"
    train: Files = {
        "X1.jpg": picture(1),
        "X1.txt": (line + "TOTAL, \u00a35").encode("latin-1"),
        "X1(1).jpg": picture(1),
        "X1(1).txt": line,
    }
    top = "0325updated.task1train(626p)"
    put_zip(tmp_path / f"{top}-20210105T1-001.zip", {f"{top}/{k}": v for k, v in train.items()})
    put_zip(tmp_path / "task1&2_test(361p).zip", {"fulltext_test(361p)/X2.jpg": picture(2)})
    folder = tmp_path / "text.task1_2-test（361p)"  # unpacked is as good as packed
    folder.mkdir()
    (folder / "X2.txt").write_text(line + "CASH\n", newline="")
    counts(monkeypatch, "sroie/localisation", train=1, test=1)
    build("sroie", tmp_path, tmp_path / "built")
    (first,) = rows("sroie", "train", tmp_path / "built")
    (second,) = rows("sroie", "test", tmp_path / "built")
    check_words(first, [(QUAD, "TOTAL, \u00a35", False)])
    check_words(second, [(QUAD, "CASH", False)])
