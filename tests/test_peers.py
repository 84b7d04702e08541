"""The peers' adapters on answers in the peers' own formats, the cache, and the real programs where they are."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent.parent))  # benchmarks/ is no part of the package

from benchmarks.peer_engines import (
    CROP_HEIGHT,
    PeerWord,
    Tesseract,
    _enlarged,
    rapid_words,
    tesseract_words,
)
from benchmarks.peers import PEERS, Peer, open_peers
from gemma3_jax.evaluation import evaluate

TSV = """level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext
1\t1\t0\t0\t0\t0\t0\t0\t960\t640\t-1\t
5\t1\t1\t1\t1\t1\t10\t20\t30\t5\t96.5\t"Total
5\t1\t1\t1\t1\t2\t50\t20\t30\t5\t95.0\t\x20
5\t1\t1\t1\t1\t3\t90\t20\t10\t5\t0.0\t5.00
"""


def box(left: float, right: float, top: float = 0, bottom: float = 10) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def answer(*lines: tuple[str, float, list]) -> types.SimpleNamespace:
    """What RapidOCR returns: a line is (text, score, pieces)."""
    return types.SimpleNamespace(
        txts=tuple(line[0] for line in lines),
        scores=tuple(line[1] for line in lines),
        boxes=np.array([box(0, 100)] * len(lines)),
        word_results=tuple(tuple(line[2]) for line in lines if line[2]),
    )


def test_tesseract_words() -> None:
    first, second = tesseract_words(TSV)
    assert first == PeerWord('"Total', 0.965, box(10, 40, 20, 25))
    assert (second.text, second.confidence, second.quad[2]) == ("5.00", 0.0, [100.0, 25.0])


def test_a_word_gets_the_score_of_its_line() -> None:
    line = ("to go", 0.8, [("to", 0.1, box(0, 20)), ("go", 0.2, box(30, 50))])
    assert rapid_words(answer(line)) == [
        PeerWord("to", 0.8, box(0, 20)),
        PeerWord("go", 0.8, box(30, 50)),
    ]


def test_lines_of_single_characters_are_put_together_by_spaces() -> None:
    pieces = [(c, 0.5, box(10 * i, 10 * i + 8)) for i, c in enumerate("中ab")]
    words = rapid_words(answer(("中 ab", 0.9, pieces)))
    assert [(w.text, w.quad) for w in words] == [("中", box(0, 8)), ("ab", box(10, 28))]


def test_equal_lines_keep_their_own_boxes_and_a_line_without_pieces_its_own() -> None:
    lines = [
        ("to", 0.8, [("to", 0.1, box(0, 20))]),
        ("5", 0.7, []),
        ("to", 0.6, [("to", 0.1, box(60, 80))]),
    ]
    words = rapid_words(answer(*lines))
    assert [(w.text, w.confidence, w.quad[0][0]) for w in words] == [
        ("to", 0.8, 0),
        ("5", 0.7, 0),
        ("to", 0.6, 60),
    ]


def test_small_crops_are_enlarged_and_large_ones_kept() -> None:
    assert _enlarged(np.zeros((12, 20, 3), np.uint8)).shape == (CROP_HEIGHT, 80, 3)
    assert _enlarged(np.zeros((60, 20, 3), np.uint8)).shape == (60, 20, 3)


class CountingEngine:
    """Reads the grey level of a picture, and counts how often it is asked."""

    name = "counting-1.0"

    def __init__(self) -> None:
        self.asked = 0

    def read_crop(self, crop: np.ndarray) -> list[PeerWord]:
        self.asked += 1
        return [PeerWord(str(crop[0, 0, 0]), 0.5, [])]

    def read_page(self, picture: np.ndarray) -> list[PeerWord]:
        self.asked += 1
        if picture[0, 0, 0] == 13:
            raise RuntimeError("stopped")
        return [PeerWord("é", 1.0, box(0, 9)), PeerWord("b", 0.25, box(10, 19))]


def test_what_was_said_is_kept_and_replayed_with_its_time(tmp_path: Path) -> None:
    engine = CountingEngine()
    first = Peer(lambda: engine, tmp_path)
    picture, other = np.zeros((4, 6, 3), np.uint8), np.ones((4, 6, 3), np.uint8)
    said = first.read_batch([picture, other])
    again = Peer(lambda: engine, tmp_path).read_batch([picture, other])
    assert engine.asked == 2 and again == said
    assert again[0].words[0].text == "é" and again[0].seconds > 0
    first.read_batch([picture.reshape(6, 4, 3)])  # the same bytes, another picture
    assert engine.asked == 3
    (word,) = first.recognize([other])
    assert (word.text, engine.asked) == ("1", 4) and word.seconds > 0
    assert Peer(lambda: engine, tmp_path).recognize([other]) == [word] and engine.asked == 4


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    engine = CountingEngine()
    peer = Peer(lambda: engine, tmp_path)
    bad = np.full((4, 6, 3), 13, np.uint8)
    with pytest.raises(RuntimeError, match="stopped"):
        peer.read_batch([np.zeros((4, 6, 3), np.uint8), bad])
    assert len(list(tmp_path.rglob("*.json"))) == 1 and not list(tmp_path.rglob("*.part"))


def test_a_peer_goes_through_the_same_metrics(tmp_path: Path) -> None:
    crops = tmp_path / "crops"
    crops.mkdir()
    for i in (7, 8):
        Image.new("RGB", (20, 10), (i, i, i)).save(crops / f"{i}.png")
    (crops / "labels.tsv").write_text("7.png\t7\n8.png\t9\n")
    (outcome,) = evaluate(Peer(CountingEngine, tmp_path / "cache"), [str(crops)], tmp_path)
    assert outcome.figures["accuracy"] == 0.5


def test_missing_peers_are_named_with_the_way_to_get_them(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    readers, missing = open_peers(PEERS, tmp_path)
    assert readers == {} and len(missing) == 3
    assert missing[0] == "rapidocr-v6 is left out: pip install rapidocr onnxruntime"
    with pytest.raises(ValueError, match=r"unknown peers \['abbyy'\]: choose from rapidocr-v6"):
        open_peers(["abbyy"])


def drawn() -> np.ndarray:
    image = Image.new("RGB", (420, 420), "white")
    ImageDraw.Draw(image).text((20, 180), "HELLO world", "black", ImageFont.load_default(48))
    return np.asarray(image)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_tesseract_itself() -> None:
    words = Tesseract().read_page(drawn())
    assert [word.text for word in words] == ["HELLO", "world"]
    assert words[0].quad[1][0] < words[1].quad[0][0]


@pytest.mark.parametrize("version", ["v6", "v4"])
def test_rapidocr_itself(version: str, tmp_path: Path) -> None:
    readers, missing = open_peers([f"rapidocr-{version}"], tmp_path)
    if missing:
        pytest.skip(missing[0])
    page = readers[f"rapidocr-{version}"].read_batch([drawn()])[0]
    assert page.words[0].text == "HELLO"
    assert "".join(word.text for word in page.words[1:]) == "world"  # v4 cuts after the wide w
    left, right = (np.array(word.quad) for word in page.words[:2])
    assert left[:, 0].max() <= right[:, 0].min() + 5
    crop = drawn()[170:250, : int(left[:, 0].max() + right[:, 0].min()) // 2]
    (word,) = readers[f"rapidocr-{version}"].recognize([crop])
    assert word.text == "HELLO" and 0.5 < word.confidence <= 1
