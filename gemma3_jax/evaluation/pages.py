"""Figures of sets of whole pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.data.corpora import Annotation, Sample
from gemma3_jax.decoding.order import reading_order
from gemma3_jax.evaluation.lexicons import lexicon_scores
from gemma3_jax.evaluation.outcomes import Boxed, Outcome, bins_of, shares
from gemma3_jax.evaluation.readers import Reader, Stopwatch
from gemma3_jax.evaluation.sets import PageSet
from gemma3_jax.evaluation.words import Watch, judge
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.detection import Found, Truth, detection_scores, excused, match
from gemma3_jax.metrics.deteval import deteval_scores
from gemma3_jax.metrics.documents import bag_of_words, error_rates, tokens, word_scores_in_place
from gemma3_jax.metrics.end_to_end import end_to_end_scores, texts_match
from gemma3_jax.metrics.gallery import Mistake
from gemma3_jax.metrics.polygons import overlaps

Page = tuple[Truth, Found]
OF_BOXES = (
    "detection",
    "deteval",
)  # figures that count unread words too: they do not look at texts
Figures = Callable[[PageSet, list[Page]], dict[str, float]]


def measure_pages(reader: Reader, of: PageSet, data_dir: str | Path, watch: Watch) -> Outcome:
    """The figures that are quoted for a set, each kind with its own prefix; pages are read one by one."""
    clock = Stopwatch(reader)
    pages: list[Page] = []  # what was read
    places: list[Page] = []  # and what was found besides
    boxed: list[Boxed] = []
    mistakes: list[Mistake] = []
    matched: list[tuple[str, str, float]] = []
    for sample in watch(of.samples, of.name):
        image = load_image(sample.image_path)
        page = clock.read_batch([image])[0]
        words = list(page.words)
        every = [*words, *getattr(page, "unread", ())]  # peers have none
        truth = _truth(sample.words)
        pages.append((truth, _found(words)))
        places.append((truth, _found(every)))
        if not of.line_boxes:
            boxed += _boxed(truth, every)
            met = list(_met(*pages[-1], [word.confidence for word in words]))
            matched += [(t, r, c) for _, t, r, c in met if r is not None]
            mistakes += _mistakes(sample, image, pages[-1][0], met)
    figures = {
        name: value
        for kind in of.figures
        for name, value in FIGURES[kind](of, places if kind in OF_BOXES else pages).items()
    }
    notes: tuple[str, ...] = ()
    if "lexicons" in of.figures:
        of_lexicons, notes = lexicon_scores(of, pages, data_dir)
        figures |= of_lexicons
    judged = None if of.line_boxes else judge(matched)
    figures |= {} if judged is None else {"ece": bins_of(judged).error}
    return Outcome(
        of.name, figures | {"images": float(len(pages))}, mistakes, judged, boxed, clock.ms, notes
    )


def _bag(of: PageSet, pages: list[Page]) -> dict[str, float]:
    bags = [(tokens(t.texts, of.fold_case), tokens(f.texts, of.fold_case)) for t, f in pages]
    return shares("bag", bag_of_words(bags))


def _text(of: PageSet, pages: list[Page]) -> dict[str, float]:
    """Error rates of the whole text. Both sides are put in the order of `decoding.order`: reading is judged, not ordering."""
    texts = []
    for truth, found in pages:
        shared, _ = overlaps(truth.quads[truth.ignore], found.quads)
        true = _ordered(truth.quads, truth.texts, ~truth.ignore)
        read = _ordered(found.quads, found.texts, ~excused(shared, found.quads))
        texts.append((tokens(true, of.fold_case), tokens(read, of.fold_case)))
    return error_rates(texts)._asdict()


def _ordered(quads: np.ndarray, texts: Sequence[str], counted: np.ndarray) -> list[str]:
    """The texts of the `counted` [n] words in reading order."""
    words = [texts[i] for i in np.flatnonzero(counted).tolist()]
    blocks = reading_order(quads[counted], words)
    return [words[i] for block in blocks for line in block for i in line]


FIGURES: dict[str, Figures] = {
    "e2e": lambda of, pages: shares("e2e", end_to_end_scores(pages)),
    "spotting": lambda of, pages: shares("spotting", end_to_end_scores(pages, word_spotting=True)),
    "lexicons": lambda of, pages: {},  # needs the data folder: `measure_pages` adds them
    "detection": lambda of, pages: shares("detection", detection_scores(pages)),
    "deteval": lambda of, pages: shares("deteval", deteval_scores(pages)),
    "bag": _bag,
    "word": lambda of, pages: shares("word", word_scores_in_place(pages)),
    "text": _text,
}


def _truth(words: Sequence[Annotation]) -> Truth:
    quads = np.array([word.quad for word in words], np.float32).reshape(-1, 4, 2)
    ignore = np.array([word.ignore for word in words], bool)
    return Truth(quads, [word.text for word in words], ignore)


def _found(words: Sequence[Any]) -> Found:
    quads = np.array([word.quad for word in words], np.float32).reshape(-1, 4, 2)
    return Found(quads, [word.text for word in words])


def _boxed(truth: Truth, words: Sequence[Any]) -> Iterator[Boxed]:
    """The boxes that count, where the reader says how sure it is that each holds a word."""
    quads = _found(words).quads
    met = {j for _, j in match(truth.quads, truth.ignore, quads).pairs}
    pardoned = excused(overlaps(truth.quads[truth.ignore], quads)[0], quads)
    for j, word in enumerate(words):
        if hasattr(word, "detection") and not pardoned[j]:
            yield Boxed(word.confidence, word.detection, len(word.text), j in met)


def _met(
    truth: Truth, found: Found, confidences: Sequence[float]
) -> Iterator[tuple[int, str, str | None, float]]:
    """Per true word its index, its text, what was read in its place (None: nothing) and how sure that was."""
    pairs = dict(match(truth.quads, truth.ignore, found.quads).pairs)
    for i in np.flatnonzero(~truth.ignore).tolist():
        j = pairs.get(i)
        read, sure = (None, 0.0) if j is None else (found.texts[j], confidences[j])
        yield i, truth.texts[i], read, sure


def _mistakes(
    sample: Sample, image: np.ndarray, truth: Truth, met: Sequence[tuple[int, str, Any, float]]
) -> Iterator[Mistake]:
    for i, text, read, sure in met:
        if not texts_match(text, read or ""):
            crop = _surroundings(image, truth.quads[i])
            yield Mistake(crop, text, read or "", sure, sample.image_path.name)


def _surroundings(image: np.ndarray, quad: np.ndarray) -> np.ndarray:
    low = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 4, 0)
    high = np.ceil(quad.max(axis=0)).astype(int) + 4
    cut = image[low[1] : high[1], low[0] : high[0]]
    return cut.copy() if cut.size else np.zeros((1, 1, 3), np.uint8)  # a view keeps the page
