"""The measuring harness with readers whose figures are known beforehand."""

from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gemma3_jax.evaluation import evaluate, evaluate_words

WORDS = [f"Word{i}" for i in range(40)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """SVT words whose grey level is their number, one ICDAR photograph, SROIE receipts."""
    folder = tmp_path / "words/svt_train"
    folder.mkdir(parents=True)
    for i in range(40):
        Image.new("RGB", (20, 10), (i, i, i)).save(folder / f"{i}.png")
    rows = [f"{i}.png\t{word}" for i, word in enumerate(WORDS)]
    (folder / "labels.tsv").write_text("\n".join(rows))
    scenes = tmp_path / "icdar2015"
    (scenes / "ch4_training_images").mkdir(parents=True)
    Image.new("RGB", (100, 60)).save(scenes / "ch4_training_images/img_901.jpg")
    texts = scenes / "ch4_training_localization_transcription_gt"
    texts.mkdir()
    lines = ["0,0,40,0,40,10,0,10,Hotel", "0,20,40,20,40,30,0,30,Bar!", "50,0,90,0,90,30,50,30,###"]
    (texts / "gt_img_901.txt").write_text("\n".join(lines))
    for i in range(30):
        for kind in ("images", "bbox"):
            (tmp_path / "sroie" / kind).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (50, 50)).save(tmp_path / f"sroie/images/{i:03}.jpg")
        (tmp_path / f"sroie/bbox/{i:03}.csv").write_text("0,0,9,0,9,9,0,9,TOTAL 5.00\n")
    return tmp_path


def word(text: str, x: float = 0, y: float = 0) -> types.SimpleNamespace:
    quad = np.array([[x, y], [x + 40, y], [x + 40, y + 10], [x, y + 10]], np.float32)
    return types.SimpleNamespace(text=text, confidence=0.75, quad=quad)


class KnownReader:
    """Reads the grey level of a crop; gives the same words for every page."""

    def __init__(self, *words: types.SimpleNamespace) -> None:
        self.words = words

    def recognize(self, crops: list[np.ndarray]) -> list[types.SimpleNamespace]:
        numbers = [int(crop[0, 0, 0]) for crop in crops]
        return [word("wrong" if i < 10 else WORDS[i].lower()) for i in numbers]

    def read_batch(self, sources: list[np.ndarray]) -> list[types.SimpleNamespace]:
        return [types.SimpleNamespace(words=self.words) for _ in sources]


def test_word_sets(data: Path) -> None:
    (outcome,) = evaluate(KnownReader(), ["svt-val"], data)
    assert outcome.figures["accuracy"] == 0.75  # case ignored
    assert outcome.figures["exact"] == 0.0
    assert outcome.figures["words"] == 40
    assert [m.truth for m in outcome.mistakes] == WORDS[:10]
    assert (outcome.mistakes[3].picture == 3).all()


def test_a_bare_word_reader_gets_the_same_figures(data: Path) -> None:
    reader = KnownReader()
    figures = evaluate_words(
        lambda crops: [w.text for w in reader.recognize(crops)], ["svt-val"], data
    )
    (outcome,) = evaluate(reader, ["svt-val"], data)
    assert figures == {"svt-val": outcome.figures}


def test_photographs(data: Path) -> None:
    reader = KnownReader(word("hotel"), word("Car", 0, 20), word("noise", 50, 5))
    (outcome,) = evaluate(reader, ["ic15-val"], data)
    figures = outcome.figures
    assert figures["detection_hmean"] == 1.0  # the box on the do-not-care region is not counted
    assert (figures["e2e_precision"], figures["e2e_recall"]) == (0.5, 0.5)
    assert figures["images"] == 1
    assert [(m.truth, m.read, m.confidence) for m in outcome.mistakes] == [("Bar!", "Car", 0.75)]


def test_receipts_ignore_case_and_places(data: Path) -> None:
    (outcome,) = evaluate(KnownReader(word("Total")), ["sroie-val"], data, limit=4)
    assert (outcome.figures["bag_precision"], outcome.figures["bag_recall"]) == (1.0, 0.5)
    assert outcome.figures["images"] == 4


def test_a_page_on_which_nothing_was_found(data: Path) -> None:
    (outcome,) = evaluate(KnownReader(), ["ic15-val"], data)
    assert outcome.figures["e2e_hmean"] == 0.0
    assert [(m.truth, m.read) for m in outcome.mistakes] == [("Hotel", ""), ("Bar!", "")]


def test_progress_sees_every_set(data: Path) -> None:
    seen = []

    def watch(items, name):
        seen.append((name, len(items)))
        return iter(items)

    evaluate(KnownReader(), ["svt-val", "sroie-val"], data, progress=watch)
    assert seen == [("svt-val", 1), ("sroie-val", 30)]


def test_an_unknown_set_is_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown sets \['ic13'\]: choose from iiit5k-val"):
        evaluate(KnownReader(), ["ic13"], tmp_path)
    with pytest.raises(ValueError, match="unknown word set 'ic15-val'"):
        evaluate_words(lambda crops: [], ["ic15-val"], tmp_path)
