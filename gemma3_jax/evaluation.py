"""Figures of a model on the validation parts of the public sets (`corpora`, `data/splits.json`).

Word pictures are read by `recognize`, whole pictures by `read_batch` with the model's own detection
threshold. Any reader can be measured: a function from pictures to texts, or an object with those
two calls.
"""

from __future__ import annotations

import dataclasses
import json as json_module
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gemma3_jax.data.corpora import SCENE_SETS, WORD_SETS, Annotation, Sample, WordSample
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.detection import Found, Truth, detection_scores, match
from gemma3_jax.metrics.documents import bag_of_words, tokens, word_scores_in_place
from gemma3_jax.metrics.end_to_end import end_to_end_scores, texts_match
from gemma3_jax.metrics.gallery import Mistake, write_gallery
from gemma3_jax.metrics.scores import Scores
from gemma3_jax.metrics.words import letters_and_digits, word_scores

WORD_NAMES = {
    "iiit5k-val": "iiit5k",
    "svt-val": "svt",
    "ic03-val": "ic03",
    "ic15-words-val": "ic15",
}
PAGE_NAMES = {"ic15-val": "ic15", "funsd-val": "funsd", "sroie-val": "sroie"}
ALL_NAMES = (*WORD_NAMES, *PAGE_NAMES)
AT_ONCE = 64  # crops per call of `recognize`; pages go one by one

Progress = Callable[[Sequence[Any], str], Iterator[Any]]


class Reader(Protocol):
    """What is measured; `GemmaOCR` is one."""

    def recognize(self, crops: list[np.ndarray], /) -> Sequence[Any]:
        """For each crop uint8 [h, w, 3] an object with `text` and `confidence`."""
        ...

    def read_batch(self, sources: list[np.ndarray], /) -> Sequence[Any]:
        """For each picture an object whose `words` have `text`, `quad` and `confidence`."""
        ...


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Figures of one set, by name (shares in 0..1 and counts), and the words that went wrong."""

    name: str
    figures: dict[str, float]
    mistakes: list[Mistake] = dataclasses.field(default_factory=list, repr=False)


def evaluate_words(
    read: Callable[[list[np.ndarray]], list[str]],
    sets: Sequence[str] = tuple(WORD_NAMES),
    data_dir: str | Path = "../shared/data",
) -> dict[str, dict[str, float]]:
    """Figures of a word reader per set: accuracy, exact, one_minus_ned, cer, words.

    `read` takes a list of RGB crops uint8 [h, w, 3] of any size and gives one text each.

    Raises:
        ValueError: for a set that is not one of `WORD_NAMES`.
    """
    figures = {}
    for name in sets:
        samples = _word_samples(name, data_dir)
        reads = read([load_image(sample.image_path) for sample in samples])
        figures[name] = _word_figures(samples, reads)
    return figures


def evaluate(
    reader: Reader,
    sets: Sequence[str] = ALL_NAMES,
    data_dir: str | Path = "../shared/data",
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Figures and mistakes per set, in the order asked for.

    `limit` takes only the first pictures of each set; `progress(items, name)` yields the items.

    Raises:
        ValueError: for a set that is not one of `ALL_NAMES`.
    """
    sets = ALL_NAMES if "all-val" in sets else sets
    if unknown := [name for name in sets if name not in ALL_NAMES]:
        raise ValueError(f"unknown sets {unknown}: choose from {', '.join(ALL_NAMES)} or all-val")
    watch = progress or (lambda items, name: iter(items))
    outcomes = []
    for name in sets:
        run = _evaluate_word_set if name in WORD_NAMES else _evaluate_page_set
        outcomes.append(run(reader, name, data_dir, limit, watch))
    return outcomes


def _evaluate_word_set(
    reader: Reader, name: str, data_dir: str | Path, limit: int | None, watch: Progress
) -> Outcome:
    samples = _word_samples(name, data_dir)[:limit]
    reads: list[str] = []
    mistakes: list[Mistake] = []
    groups = [samples[i : i + AT_ONCE] for i in range(0, len(samples), AT_ONCE)]
    for some in watch(groups, name):
        crops = [load_image(sample.image_path) for sample in some]
        for sample, crop, word in zip(some, crops, reader.recognize(crops), strict=True):
            reads.append(word.text)
            if letters_and_digits(word.text) != letters_and_digits(sample.text):
                source = sample.image_path.name
                mistakes.append(Mistake(crop, sample.text, word.text, word.confidence, source))
    return Outcome(name, _word_figures(samples, reads), mistakes)


def _evaluate_page_set(
    reader: Reader, name: str, data_dir: str | Path, limit: int | None, watch: Progress
) -> Outcome:
    samples = SCENE_SETS[PAGE_NAMES[name]](data_dir, "val")[:limit]
    pages: list[tuple[Truth, Found]] = []
    mistakes: list[Mistake] = []
    for sample in watch(samples, name):
        image = load_image(sample.image_path)
        words = list(reader.read_batch([image])[0].words)
        quads = np.array([word.quad for word in words], np.float32).reshape(-1, 4, 2)
        pages.append((_truth(sample.words), Found(quads, [word.text for word in words])))
        if name != "sroie-val":  # its boxes are lines: no word has a place
            mistakes += _misread(sample, image, pages[-1], [word.confidence for word in words])
    return Outcome(name, _page_figures(name, pages), mistakes)


def _page_figures(name: str, pages: list[tuple[Truth, Found]]) -> dict[str, float]:
    """The figures that are quoted for this set, each kind with its own prefix."""
    if name == "ic15-val":
        kinds = {
            "e2e": end_to_end_scores(pages),
            "spotting": end_to_end_scores(pages, word_spotting=True),
            "detection": detection_scores(pages),
        }
    else:
        fold = name == "sroie-val"  # its texts are upper-cased
        bags = [(tokens(t.texts, fold), tokens(f.texts, fold)) for t, f in pages]
        kinds = {"bag": bag_of_words(bags)}
        if name == "funsd-val":
            kinds |= {"word": word_scores_in_place(pages), "detection": detection_scores(pages)}
    figures = {f"{kind}_{key}": value for kind, s in kinds.items() for key, value in _shares(s)}
    return figures | {"images": float(len(pages))}


def _misread(
    sample: Sample, image: np.ndarray, page: tuple[Truth, Found], confidences: list[float]
) -> list[Mistake]:
    """Words found with another text, and words not found (confidence 0)."""
    truth, found = page
    pairs = dict(match(truth.quads, truth.ignore, found.quads).pairs)
    mistakes = []
    for i in np.flatnonzero(~truth.ignore).tolist():
        read = found.texts[pairs[i]] if i in pairs else ""
        if not texts_match(truth.texts[i], read):
            confidence = confidences[pairs[i]] if i in pairs else 0.0
            crop, text = _surroundings(image, truth.quads[i]), truth.texts[i]
            mistakes.append(Mistake(crop, text, read, confidence, sample.image_path.name))
    return mistakes


def _surroundings(image: np.ndarray, quad: np.ndarray) -> np.ndarray:
    low = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 4, 0)
    high = np.ceil(quad.max(axis=0)).astype(int) + 4
    cut = image[low[1] : high[1], low[0] : high[0]]
    return cut.copy() if cut.size else np.zeros((1, 1, 3), np.uint8)  # a view keeps the page


def _truth(words: list[Annotation]) -> Truth:
    quads = np.array([word.quad for word in words], np.float32).reshape(-1, 4, 2)
    ignore = np.array([word.ignore for word in words], bool)
    return Truth(quads, [word.text for word in words], ignore)


def _shares(s: Scores) -> list[tuple[str, float]]:
    return [("precision", s.precision), ("recall", s.recall), ("hmean", s.hmean)]


def _word_figures(samples: list[WordSample], reads: list[str]) -> dict[str, float]:
    figures = word_scores([sample.text for sample in samples], reads)
    return {key: float(value) for key, value in figures._asdict().items()}


def _word_samples(name: str, data_dir: str | Path) -> list[WordSample]:
    if name not in WORD_NAMES:
        raise ValueError(f"unknown word set {name!r}: choose from {', '.join(WORD_NAMES)}")
    return WORD_SETS[WORD_NAMES[name]](data_dir, "val")


def main(
    model: str = "gemma3-base",
    data: Path = Path("../shared/data"),
    sets: tuple[str, ...] = ("all-val",),
    limit: int | None = None,
    max_side: int = 1280,
    min_side: int = 0,
    json: Path | None = None,
    errors: Path | None = None,
) -> None:
    """Measure a model on validation sets and print a table.

    Args:
        model: a released model's name or a directory.
        data: folder of the public sets, see shared/DATA.md.
        sets: which sets, all-val for every one.
        limit: only the first pictures of each set.
        max_side: px of the long side at which pages are read.
        min_side: px that the short side of a page has at least (dense forms: 1500).
        json: also write the figures to this file.
        errors: also write a gallery of the worst mistakes (HTML) to this file.
    """
    from rich.console import Console
    from rich.progress import track

    from gemma3_jax.ocr import GemmaOCR

    reader = GemmaOCR.from_pretrained(model, max_side=max_side, min_side=min_side)
    outcomes = evaluate(reader, sets, data, limit, lambda items, name: iter(track(items, name)))
    Console().print(_table(model, outcomes))
    if json is not None:
        how = {"model": model, "max_side": max_side, "min_side": min_side, "limit": limit}
        figures = {outcome.name: outcome.figures for outcome in outcomes}
        json.write_text(json_module.dumps(how | {"sets": figures}, indent=1))
    if errors is not None:
        write_gallery(errors, {outcome.name: outcome.mistakes for outcome in outcomes})


def _table(model: str, outcomes: list[Outcome]) -> Any:
    from rich.table import Table

    table = Table("set", "figure", "value", title=f"{model} on validation parts")
    for outcome in outcomes:
        for row, (key, value) in enumerate(outcome.figures.items()):
            count = key in ("words", "images")
            shown = f"{value:.0f}" if count else f"{100 * value:.1f} %"
            last = row == len(outcome.figures) - 1
            table.add_row("" if row else outcome.name, key, shown, end_section=last)
    return table
