"""The measuring harness with readers whose figures are known beforehand."""

from __future__ import annotations

import io
import json
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gemma3_jax.data.corpora import Annotation, Sample, rectangle
from gemma3_jax.evaluation import Settings, evaluate, evaluate_words
from gemma3_jax.evaluation.lexicons import find_lexicons
from gemma3_jax.evaluation.outcomes import Outcome
from gemma3_jax.evaluation.readers import Stopwatch
from gemma3_jax.evaluation.report import as_json, gallery, notes, table
from gemma3_jax.evaluation.sets import PageSet

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
    assert outcome.figures["ece"] == pytest.approx(0.0)  # 75 % sure, 75 % right
    assert [m.truth for m in outcome.mistakes] == WORDS[:10]
    assert (outcome.mistakes[3].picture == 3).all()


def test_a_bare_word_reader_gets_the_same_figures(data: Path) -> None:
    reader = KnownReader()
    figures = evaluate_words(
        lambda crops: [w.text for w in reader.recognize(crops)], ["svt-val"], data
    )
    (outcome,) = evaluate(reader, ["svt-val"], data)
    assert figures["svt-val"].items() <= outcome.figures.items()


def test_photographs(data: Path) -> None:
    reader = KnownReader(word("hotel"), word("Car", 0, 20), word("noise", 50, 5))
    (outcome,) = evaluate(reader, ["ic15-val"], data)
    figures = outcome.figures
    assert figures["detection_hmean"] == 1.0  # the box on the do-not-care region is not counted
    assert (figures["e2e_precision"], figures["e2e_recall"]) == (0.5, 0.5)
    assert figures["deteval_hmean"] == 1.0
    # "Car" is one edit from "Bar", which the set's own lexicon holds: both words are right with it.
    assert figures["e2e_weak_hmean"] == figures["e2e_strong_hmean"] == 1.0
    assert figures["ece"] == pytest.approx(0.25)  # of the two words that have a place one is right
    assert "e2e_generic_hmean" not in figures and len(outcome.notes) == 3
    assert figures["images"] == 1
    assert [(m.truth, m.read, m.confidence) for m in outcome.mistakes] == [("Bar!", "Car", 0.75)]


def test_unread_words_count_where_texts_do_not(data: Path) -> None:
    """One word read, one found and not read, one on what need not be found, one nowhere."""
    unread = [word("?", 0, 20), word("?", 50, 5), word("?", 50, 40)]
    for i, one in enumerate(unread):
        one.detection = 0.6 + i / 10

    class Doubting(KnownReader):
        def read_batch(self, sources):
            pages = super().read_batch(sources)
            return [types.SimpleNamespace(words=p.words, unread=unread) for p in pages]

    (outcome,) = evaluate(Doubting(word("Hotel")), ["ic15-val"], data)
    figures = outcome.figures
    assert (figures["e2e_precision"], figures["e2e_recall"]) == (1.0, 0.5)
    assert figures["detection_recall"] == 1.0
    assert figures["detection_precision"] == pytest.approx(2 / 3)
    boxes = [(round(box.detection, 1), box.word) for box in outcome.boxed]
    assert boxes == [(0.6, True), (0.8, False)]


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


def test_the_text_of_a_receipt_is_compared_in_reading_order(data: Path) -> None:
    reader = KnownReader(word("5.00", 45), word("Total", 0))
    (outcome,) = evaluate(reader, ["sroie-val"], data, limit=1)
    assert outcome.figures["cer"] == outcome.figures["wer"] == 0.0
    assert "ece" not in outcome.figures  # lines, not words, have places there


def photographs(*texts: list[str]) -> PageSet:
    words = [[Annotation(rectangle(0, 0, 9, 9), text) for text in some] for some in texts]
    return PageSet("own", [Sample(Path(f"img_{i}.jpg"), some) for i, some in enumerate(words)])


def test_lexicons_made_from_the_truth(tmp_path: Path) -> None:
    """Words of three letters and more; a strong one has the picture's own words and up to 100 in all."""
    others = [f"w{a}{b}" for a in "abcdefghijkl" for b in "abcdefghijkl"]
    found = find_lexicons(photographs(["(Hotel)", "to", "24h"], others), tmp_path)
    strong, farthest = found.kinds["strong"]
    assert strong[0].words[0] == "HOTEL" and [len(one) for one in strong] == [100, 144]
    assert {*strong[0].words[1:]} <= {word.upper() for word in others} and farthest == 1
    assert len(found.kinds["weak"][0][0]) == 145
    assert "generic" not in found.kinds
    assert [note.split(":")[0] for note in found.notes] == ["own"] * 3
    again = find_lexicons(photographs(["(Hotel)", "to", "24h"], others), tmp_path)
    assert again.kinds["strong"][0][0].words == strong[0].words


def test_official_lexicons_are_used_where_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "vocabularies"
    folder.mkdir()
    for i in range(2):
        (folder / f"voc_img_{i}.txt").write_text(f"\ufeffOwn{'ab'[i]}\r\nOther\r\n", "utf-8")
    (folder / "ch4_test_vocabulary.txt").write_text("Weak\n")
    (folder / "GenericVocabulary.txt").write_text("Generic\n")
    found = find_lexicons(photographs(["Hotel"], ["Bar"]), tmp_path)
    assert [one.words for one in found.kinds["strong"][0]] == [("OWNA", "OTHER"), ("OWNB", "OTHER")]
    assert found.kinds["weak"][0][0].words == ("WEAK",)
    assert found.kinds["generic"][0][1].words == ("GENERIC",) and found.kinds["generic"][1] is None
    assert found.notes == ()


def test_a_folder_of_crops_of_ones_own(tmp_path: Path) -> None:
    for i, text in enumerate(WORDS[8:13]):
        Image.new("RGB", (20, 10), (i + 8,) * 3).save(tmp_path / f"{text}.png")
    (tmp_path / "labels.tsv").write_text("".join(f"{text}.png\t{text}\n" for text in WORDS[8:13]))
    for name in (f"mine={tmp_path}", f"mine={tmp_path / 'labels.tsv'}"):
        (outcome,) = evaluate(KnownReader(), [name], tmp_path)
        assert outcome.name == "mine"
        assert outcome.figures["words"] == 5 and outcome.figures["accuracy"] == 0.6


def test_ic13_comes_in_both_cuts(tmp_path: Path) -> None:
    texts = ["ab", *WORDS[11:15]]
    for i, text in enumerate(texts):
        Image.new("RGB", (20, 10), (i + 10,) * 3).save(tmp_path / f"{text}.png")
    (tmp_path / "labels.tsv").write_text("".join(f"{text}.png\t{text}\n" for text in texts))
    whole, long = evaluate(KnownReader(), [f"ic13-1015={tmp_path}"], tmp_path)
    assert (whole.name, whole.figures["words"], whole.figures["accuracy"]) == ("ic13-1015", 5, 0.8)
    assert (long.name, long.figures["words"], long.figures["accuracy"]) == ("ic13-857", 4, 1.0)


def test_a_folder_of_annotated_pictures_of_ones_own(tmp_path: Path) -> None:
    Image.new("RGB", (100, 60)).save(tmp_path / "img_1.jpg")
    lines = ["0,0,40,0,40,10,0,10,Hotel", "0,20,40,20,40,30,0,30,Bar", "60,0,90,0,90,9,60,9,###"]
    (tmp_path / "gt_img_1.txt").write_text("\n".join(lines) + "\n")
    (outcome,) = evaluate(KnownReader(word("Hotel")), [str(tmp_path)], tmp_path)
    assert outcome.name == tmp_path.name
    assert outcome.figures["word_precision"] == 1.0 and outcome.figures["word_recall"] == 0.5
    assert outcome.figures["wer"] == 0.5


def test_the_first_call_is_no_part_of_the_speed() -> None:
    class Timed(KnownReader):
        def recognize(self, crops: list[np.ndarray]) -> list[types.SimpleNamespace]:
            return [types.SimpleNamespace(text="", confidence=1.0, seconds=c.mean()) for c in crops]

    clock = Stopwatch(Timed())
    clock.recognize([np.full((2, 2), 90.0)])
    assert clock.ms is None
    clock.recognize([np.full((2, 2), 1.0), np.full((2, 2), 3.0)])  # 2 s each on average
    clock.recognize([np.full((2, 2), 4.0)])
    assert clock.ms == pytest.approx(3000)
    real = Stopwatch(KnownReader())
    for _ in range(2):
        real.read_batch([np.zeros((2, 2, 3), np.uint8)])
    assert real.ms is not None and 0 < real.ms < 100


def outcome(name: str, ms: float | None = None, **figures: float) -> Outcome:
    return Outcome(name, figures, ms=ms, notes=("note",))


def test_the_table_puts_readers_side_by_side() -> None:
    from rich.console import Console

    kinds = {"e2e_precision": 0.5, "e2e_recall": 0.25, "e2e_hmean": 1 / 3}
    results = {
        "ours": [outcome("ic15-val", 12.34, **kinds, images=2)],
        "peer": [outcome("ic15-val", None, **dict.fromkeys(kinds, 0.0), images=2)],
    }
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(table(results, "title"))
    shown = console.export_text()
    rows = [[c.strip() for c in line.split("│")[1:-1]] for line in shown.splitlines()]
    assert ["ic15-val", "e2e P/R/H", "50.0/25.0/33.3", "0.0/0.0/0.0"] in rows
    assert ["", "images", "2", "2"] in rows and ["", "ms", "12.3", ""] in rows
    assert notes(results)[0] == "note" and len(notes(results)) == 2


def test_json_and_gallery_of_an_evaluation(data: Path, tmp_path: Path) -> None:
    outcomes = evaluate(KnownReader(word("hotel")), ["svt-val", "ic15-val"], data)
    saved = json.loads(json.dumps(as_json(outcomes)))
    assert saved["sets"]["svt-val"]["accuracy"] == 0.75 and saved["six_sets"] == {}
    assert len(saved["notes"]) == 3
    gallery(tmp_path / "e.html", outcomes)
    assert (tmp_path / "e.html").read_text("utf-8").count("<svg") == 2


def test_config_is_short_for_a_model() -> None:
    assert Settings(config="tiny").model == "gemma3-tiny"
    assert Settings().model == Settings(config="base").model == "gemma3-base"
    with pytest.raises(ValueError, match="--config base means gemma3-base, but --model is mine"):
        Settings(model="mine", config="base")
