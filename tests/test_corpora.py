"""Readers of the public sets on miniature copies of their layouts; the cut of splits.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gemma3_jax.data import corpora

REAL = Path(__file__).parents[2] / "shared" / "data"


def put(path: Path, text: str | bytes = b"") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_a_quad_line_keeps_commas_of_the_text() -> None:
    word = corpora.parse_quad_line("0,1,2.5,3,4,5,6,7,1,250.00, or so", "gt.txt")
    assert word.text == "1,250.00, or so"
    assert not word.ignore
    np.testing.assert_array_equal(word.quad, [[0, 1], [2.5, 3], [4, 5], [6, 7]])
    assert word.quad.dtype == np.float32


@pytest.mark.parametrize("line", ["1,2,3,4,5,6,7,text", "1,2,3,4,5,6,7,x,text", "nothing"])
def test_a_broken_quad_line_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"gt_img_7\.txt: expected x1,y1.*found"):
        corpora.parse_quad_line(line, "gt_img_7.txt")


def test_icdar2015_scenes_are_cut_at_image_901_and_lose_their_byte_order_mark(
    tmp_path: Path,
) -> None:
    texts = tmp_path / "icdar2015/ch4_training_localization_transcription_gt"
    for number in (900, 901, 1000, 99):
        put(tmp_path / f"icdar2015/ch4_training_images/img_{number}.jpg")
        put(
            texts / f"gt_img_{number}.txt",
            "\ufeff0,0,9,0,9,9,0,9,###\r\n0,0,9,0,9,9,0,9,a,b\r\n\r\n",
        )
    train = corpora.icdar2015_scenes(tmp_path, "train")
    val = corpora.icdar2015_scenes(tmp_path, "val")
    assert [sample.image_path.stem for sample in train] == ["img_99", "img_900"]
    assert [sample.image_path.stem for sample in val] == ["img_901", "img_1000"]
    assert [(word.text, word.ignore) for word in val[0].words] == [("###", True), ("a,b", False)]


def test_icdar2015_words_lose_quotes_and_backslashes(tmp_path: Path) -> None:
    lines = ['\ufeffword_1.jpg, "[06]"', r'word_3960.jpg, "\"We"', 'word_3961.jpg, "a, b"']
    put(tmp_path / "icdar2015/ch4_training_word_images_gt/gt.txt", "\n".join(lines))
    train = corpora.icdar2015_words(tmp_path, "train")
    assert [(w.image_path.name, w.text) for w in train] == [
        ("word_1.jpg", "[06]"),
        ("word_3960.jpg", '"We'),
    ]
    assert [word.text for word in corpora.icdar2015_words(tmp_path, "val")] == ["a, b"]


def test_icdar2015_words_name_a_broken_line(tmp_path: Path) -> None:
    put(tmp_path / "icdar2015/ch4_training_word_images_gt/gt.txt", "word_1.jpg no quotes")
    with pytest.raises(ValueError, match=r"gt\.txt: expected word_N\.jpg.*no quotes"):
        corpora.icdar2015_words(tmp_path, "train")


def test_the_last_rows_of_a_labels_file_are_val(tmp_path: Path) -> None:
    rows = "".join(f"{i}.jpg\tword {i}\n" for i in range(257))
    put(tmp_path / "words/svt_train/labels.tsv", rows)
    train, val = corpora.svt_words(tmp_path, "train"), corpora.svt_words(tmp_path, "val")
    assert (len(train), len(val)) == (217, 40)
    assert val[0] == (tmp_path / "words/svt_train/217.jpg", "word 217")


def test_a_labels_row_without_a_tab_is_named(tmp_path: Path) -> None:
    put(tmp_path / "words/iiit5k_train/labels.tsv", "1.jpg You\n")
    with pytest.raises(ValueError, match="expected name<TAB>text, found"):
        corpora.iiit5k_words(tmp_path, "train")


def svt_xml(words_per_image: list[int]) -> str:
    box = '<taggedRectangle x="3" y="4" width="10" height="5"><tag>HOTEL</tag></taggedRectangle>'
    images = [
        f"<image><imageName>img/{i}.jpg</imageName><taggedRectangles>{box * count}"
        "</taggedRectangles></image>"
        for i, count in enumerate(words_per_image)
    ]
    return f'<?xml version="1.0"?><tagset>{"".join(images)}</tagset>'


def test_an_svt_photograph_with_a_val_word_is_val(tmp_path: Path) -> None:
    put(tmp_path / "svt/train.xml", svt_xml([5, 3, 39]))  # the last 40 words reach into image 1
    train, val = corpora.svt_scenes(tmp_path, "train"), corpora.svt_scenes(tmp_path, "val")
    assert [sample.image_path.name for sample in train] == ["0.jpg"]
    assert [sample.image_path.name for sample in val] == ["1.jpg", "2.jpg"]
    np.testing.assert_array_equal(train[0].words[0].quad, [[3, 4], [13, 4], [13, 9], [3, 9]])
    assert train[0].words[0].text == "HOTEL"


def test_funsd_boxes_without_text_are_not_cared_for(tmp_path: Path) -> None:
    words = [{"box": [1, 2, 5, 8], "text": " Date: "}, {"box": [0, 0, 3, 3], "text": ""}]
    for i in range(21):
        page = {"form": [{"words": words}, {"words": []}]}
        put(tmp_path / f"funsd/training_data/annotations/{i:03}.json", json.dumps(page))
    put(tmp_path / "funsd/training_data/images/000.png")
    (page,) = corpora.funsd_pages(tmp_path, "train")
    assert page.image_path == tmp_path / "funsd/training_data/images/000.png"
    assert [(word.text, word.ignore) for word in page.words] == [("Date:", False), ("", True)]
    assert len(corpora.funsd_pages(tmp_path, "val")) == 20


def test_sroie_lines(tmp_path: Path) -> None:
    for i in range(32):
        put(tmp_path / f"sroie/images/{i:03}.jpg")
        put(tmp_path / f"sroie/bbox/{i:03}.csv", "0,0,9,0,9,9,0,9,TOTAL, RM\r\n")
    train, val = corpora.sroie_receipts(tmp_path, "train"), corpora.sroie_receipts(tmp_path, "val")
    assert [sample.image_path.stem for sample in train] == ["000", "001"]
    assert (len(val), val[0].words[0].text) == (30, "TOTAL, RM")


@pytest.mark.parametrize("read", [*corpora.WORD_SETS.values(), *corpora.SCENE_SETS.values()])
def test_a_missing_folder_is_named(tmp_path: Path, read) -> None:
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}.* is not there: unpack"):
        read(tmp_path, "train")


def test_a_missing_truth_file_is_named(tmp_path: Path) -> None:
    put(tmp_path / "icdar2015/ch4_training_images/img_1.jpg")
    (tmp_path / "icdar2015/ch4_training_localization_transcription_gt").mkdir()
    with pytest.raises(FileNotFoundError, match=r"gt_img_1\.txt is not there"):
        corpora.icdar2015_scenes(tmp_path, "train")


@pytest.mark.skipif(not REAL.is_dir(), reason="the public sets are not beside this checkout")
def test_the_cut_is_the_one_of_splits_json() -> None:
    splits = json.loads((REAL / "splits.json").read_text())
    images = f"img_{corpora.IC15_FIRST_VAL_IMAGE}..img_1000"
    assert splits["icdar2015"]["val_images"] == images
    assert splits["icdar2015"]["val_words"] == f"word_{corpora.IC15_FIRST_VAL_WORD}..word_4468"
    for name, rows in corpora.VAL_ROWS.items():
        assert f"last {rows} " in splits[name]["val"]
    sizes = {name: len(read(REAL, "val")) for name, read in corpora.WORD_SETS.items()}
    assert sizes == {"iiit5k": 200, "svt": 40, "ic03": 100, "ic15": 508}
    scenes = corpora.icdar2015_scenes(REAL, "val")
    assert sum(not word.ignore for sample in scenes for word in sample.words) == 508
