"""What is read: the validation parts by name, and folders of one's own in any format of `data.annotations`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gemma3_jax.data.corpora import SCENE_SETS, WORD_SETS, Sample, WordSample, rectangle
from gemma3_jax.imaging.load import load_image

WORD_NAMES = {
    "iiit5k-val": "iiit5k",
    "svt-val": "svt",
    "ic03-val": "ic03",
    "ic15-words-val": "ic15",
}
PAGE_NAMES = {"ic15-val": "ic15", "funsd-val": "funsd", "sroie-val": "sroie"}
ALL_NAMES = (*WORD_NAMES, *PAGE_NAMES)

# What is quoted for a set of whole pictures; `pages.FIGURES` computes each.
PAGE_FIGURES = {
    "ic15-val": ("e2e", "spotting", "lexicons", "detection", "deteval"),
    "funsd-val": ("bag", "word", "text", "detection", "deteval"),
    "sroie-val": ("bag", "text"),
}
OWN_FIGURES = ("e2e", "bag", "word", "text", "detection", "deteval")


@dataclasses.dataclass(frozen=True)
class WordSet:
    """Pictures of one word each."""

    name: str
    samples: list[WordSample]


@dataclasses.dataclass(frozen=True)
class PageSet:
    """Whole pictures, the figures quoted for them, and how their truth is to be taken."""

    name: str
    samples: list[Sample]
    figures: tuple[str, ...] = OWN_FIGURES
    fold_case: bool = False  # the truth is in capitals whatever the picture shows
    line_boxes: bool = False  # boxes are lines: no word has a place


def open_sets(
    names: Sequence[str], data_dir: str | Path, limit: int | None = None
) -> list[WordSet | PageSet]:
    """The sets in the order asked for, `all-val` standing for all of `ALL_NAMES`.

    A name may also be `FOLDER` or `NAME=FOLDER` with annotated pictures or a .tsv of crops. `limit` takes only the
    first pictures of each set.

    Raises:
        ValueError: naming what is neither. FileNotFoundError: naming the file of a public set that is missing.
    """
    asked = [known for name in names for known in (ALL_NAMES if name == "all-val" else (name,))]
    if unknown := [name for name in asked if name not in ALL_NAMES and _folder(name) is None]:
        choice = f"choose from {', '.join(ALL_NAMES)}, all-val, or name an annotated folder"
        raise ValueError(f"unknown sets {unknown}: {choice}")
    return [_first(open_set(name, data_dir), limit) for name in dict.fromkeys(asked)]


def open_set(name: str, data_dir: str | Path) -> WordSet | PageSet:
    """One set, see `open_sets`."""
    if name in WORD_NAMES:
        return WordSet(name, WORD_SETS[WORD_NAMES[name]](data_dir, "val"))
    if name in PAGE_NAMES:
        receipts = name == "sroie-val"
        samples = SCENE_SETS[PAGE_NAMES[name]](data_dir, "val")
        return PageSet(name, samples, PAGE_FIGURES[name], fold_case=receipts, line_boxes=receipts)
    folder = _folder(name)
    if folder is None:
        raise ValueError(f"unknown set {name!r}: choose from {', '.join(ALL_NAMES)}")
    return _own_set(name.partition("=")[0] if "=" in name else folder.name, folder)


def _own_set(name: str, folder: Path) -> WordSet | PageSet:
    from gemma3_jax.data.annotations import read_folder

    samples = read_folder(folder)
    if not samples:
        raise ValueError(f"{folder} holds no annotated picture: try gemma3-ocr validate {folder}")
    if not _are_crops(samples):
        return PageSet(name, samples)
    words = [(sample.image_path, sample.words[0]) for sample in samples]
    return WordSet(name, [WordSample(path, word.text) for path, word in words if not word.ignore])


def _are_crops(samples: Sequence[Sample]) -> bool:
    """Whether every picture is one word; that the box fills it is looked up for the first only."""
    if any(len(sample.words) != 1 or sample.words[0].quad[0].any() for sample in samples):
        return False
    height, width = load_image(samples[0].image_path).shape[:2]
    return np.array_equal(samples[0].words[0].quad, rectangle(0, 0, width, height))


def _folder(name: str) -> Path | None:
    """The folder that `FOLDER`, `NAME=FOLDER` or either with a .tsv file in the folder means."""
    path = Path(name.partition("=")[2] if "=" in name else name)
    if path.is_file() and path.suffix == ".tsv":
        if len(list(path.parent.glob("*.tsv"))) > 1:
            raise ValueError(f"{path.parent} holds several .tsv files: give each its own folder")
        path = path.parent
    return path if path.is_dir() else None


def _first(of: WordSet | PageSet, limit: int | None) -> WordSet | PageSet:
    return dataclasses.replace(of, samples=of.samples[:limit])
