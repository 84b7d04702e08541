"""The public sets as they lie unpacked on disk, each cut into the project's train and val parts.

The cut is written down once for all in `data/splits.json` beside the sets; the constants here
repeat it and a test compares the two where the data is at hand. Development figures are quoted on
"val", so nothing of it may reach training. Texts are returned as the files have them: case,
punctuation and accents kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from gemma3_jax.data.corpora.formats import (
    lines,
    parse_form,
    parse_named_texts,
    parse_quads,
    parse_tagset,
)
from gemma3_jax.data.corpora.samples import Annotation, Sample, WordSample

Split = Literal["train", "val"]
T = TypeVar("T")

IC15_FIRST_VAL_IMAGE = 901  # splits.json: img_901..img_1000
IC15_FIRST_VAL_WORD = 3961  # splits.json: word_3961..word_4468
VAL_ROWS = {"iiit5k_train": 200, "svt_train": 40, "icdar2003_train": 100, "funsd": 20, "sroie": 30}


def icdar2015_scenes(data_dir: str | Path, split: Split) -> list[Sample]:
    """Street photographs of ICDAR 2015 incidental scene text (900 train, 100 val), by number."""
    images = _folder(data_dir, "icdar2015/ch4_training_images")
    texts = _folder(data_dir, "icdar2015/ch4_training_localization_transcription_gt")
    samples = []
    for path in sorted(images.glob("img_*.jpg"), key=_number):
        if (_number(path) >= IC15_FIRST_VAL_IMAGE) == (split == "val"):
            samples.append(Sample(path, _quad_file(texts / f"gt_{path.stem}.txt")))
    return _some(samples, images, "img_*.jpg")


def icdar2015_words(data_dir: str | Path, split: Split) -> list[WordSample]:
    r"""Word crops of ICDAR 2015 (3960 train, 508 val), quotes stripped and `\"` undone."""
    folder = _folder(data_dir, "icdar2015/ch4_training_word_images_gt")
    path = folder / "gt.txt"
    return [
        WordSample(folder / name, text)
        for name, text in parse_named_texts(_read(path), str(path))
        if (_number(Path(name)) >= IC15_FIRST_VAL_WORD) == (split == "val")
    ]


def iiit5k_words(data_dir: str | Path, split: Split) -> list[WordSample]:
    """Word crops of the IIIT 5K-word training set (1800 train, 200 val)."""
    return _labels_tsv(data_dir, "iiit5k_train", split)


def svt_words(data_dir: str | Path, split: Split) -> list[WordSample]:
    """Word crops of the Street View Text training set (217 train, 40 val)."""
    return _labels_tsv(data_dir, "svt_train", split)


def icdar2003_words(data_dir: str | Path, split: Split) -> list[WordSample]:
    """Word crops of the ICDAR 2003 training set (860 train, 100 val)."""
    return _labels_tsv(data_dir, "icdar2003_train", split)


def svt_scenes(data_dir: str | Path, split: Split) -> list[Sample]:
    """Street View Text photographs. Only some words are boxed: an unboxed word is NOT background.

    The word crops are the boxes in file order: a photograph with any of the val crops is in val.
    """
    path = _folder(data_dir, "svt") / "train.xml"
    every: list[tuple[int, Sample]] = []
    seen = 0
    for image in parse_tagset(_present(path).read_bytes(), str(path)):
        seen += len(image.words)
        every.append((seen, Sample(path.parent / image.image_name, image.words)))
    first_val = seen - VAL_ROWS["svt_train"]
    return [sample for last, sample in every if (last > first_val) == (split == "val")]


def funsd_pages(data_dir: str | Path, split: Split) -> list[Sample]:
    """Scanned forms of FUNSD with upright word boxes (129 train, 20 val); no text: do not care."""
    folder = _folder(data_dir, "funsd/training_data/annotations")
    images = _folder(data_dir, "funsd/training_data/images")
    samples = []
    for path in _cut(sorted(folder.glob("*.json")), VAL_ROWS["funsd"], split):
        words = parse_form(_read(path), str(path))
        samples.append(Sample(images / f"{path.stem}.png", words))
    return _some(samples, folder, "*.json")


def sroie_receipts(data_dir: str | Path, split: Split) -> list[Sample]:
    """Receipts of SROIE 2019 (170 train, 30 val). The boxes are LINES, not words.

    Texts are upper-cased whatever the receipt shows: their case teaches nothing.
    """
    images, boxes = _folder(data_dir, "sroie/images"), _folder(data_dir, "sroie/bbox")
    paths = _cut(sorted(images.glob("*.jpg")), VAL_ROWS["sroie"], split)
    return _some([Sample(p, _quad_file(boxes / f"{p.stem}.csv")) for p in paths], images, "*.jpg")


WORD_SETS: dict[str, Callable[[str | Path, Split], list[WordSample]]] = {
    "iiit5k": iiit5k_words,
    "svt": svt_words,
    "ic03": icdar2003_words,
    "ic15": icdar2015_words,
}
SCENE_SETS: dict[str, Callable[[str | Path, Split], list[Sample]]] = {
    "ic15": icdar2015_scenes,
    "svt": svt_scenes,
    "funsd": funsd_pages,
    "sroie": sroie_receipts,
}


def _labels_tsv(data_dir: str | Path, name: str, split: Split) -> list[WordSample]:
    path = _folder(data_dir, f"words/{name}") / "labels.tsv"
    rows = [line.split("\t", 1) for line in lines(_read(path))]
    if wrong := [row for row in rows if len(row) != 2]:
        raise ValueError(f"{path}: expected name<TAB>text, found {wrong[0]!r}")
    samples = [WordSample(path.parent / name, text) for name, text in rows]
    return _cut(samples, VAL_ROWS[name], split)


def _quad_file(path: Path) -> list[Annotation]:
    return parse_quads(_read(path), str(path))


def _cut(items: Sequence[T], val_rows: int, split: Split) -> list[T]:
    return list(items[-val_rows:] if split == "val" else items[:-val_rows])


def _number(path: Path) -> int:
    return int(path.stem.rsplit("_", 1)[1])


def _folder(data_dir: str | Path, name: str) -> Path:
    folder = Path(data_dir) / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there: unpack the set to get it")
    return folder


def _read(path: Path) -> str:
    return _present(path).read_text(
        encoding="utf-8-sig"
    )  # ICDAR's files begin with a byte-order mark


def _present(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: the set is incomplete, unpack it again")
    return path


def _some(samples: list[Sample], folder: Path, pattern: str) -> list[Sample]:
    if not samples:
        raise FileNotFoundError(
            f"{folder} has no {pattern}: the set is incomplete, unpack it again"
        )
    return samples
