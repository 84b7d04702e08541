"""Figures of sets of word pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gemma3_jax.data.corpora import WordSample
from gemma3_jax.evaluation.outcomes import Judged, Outcome, bins_of
from gemma3_jax.evaluation.readers import Reader, Stopwatch
from gemma3_jax.evaluation.sets import WordSet
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.averages import IC13_CUTS, IC13_SHORT_CUT
from gemma3_jax.metrics.gallery import Mistake
from gemma3_jax.metrics.words import letters_and_digits, word_scores

AT_ONCE = 64  # crops per call of `recognize`

Watch = Callable[[Sequence[Any], str], Iterable[Any]]


def measure_words(reader: Reader, of: WordSet, watch: Watch) -> list[Outcome]:
    """The figures of a set; of `ic13-1015` also those of its well-known part `ic13-857`."""
    clock = Stopwatch(reader)
    reads: list[Any] = []
    mistakes: list[Mistake] = []
    groups = [of.samples[i : i + AT_ONCE] for i in range(0, len(of.samples), AT_ONCE)]
    for some in watch(groups, of.name):
        crops = [load_image(sample.image_path) for sample in some]
        words = clock.recognize(crops)
        mistakes += _misread(some, crops, words)
        reads += words
    outcomes = [_outcome(of.name, of.samples, reads, mistakes, clock.ms)]
    short_cut, long_cut = IC13_CUTS
    if of.name == long_cut:
        kept = [i for i, s in enumerate(of.samples) if len(s.text) >= IC13_SHORT_CUT]
        samples, some = [of.samples[i] for i in kept], [reads[i] for i in kept]
        outcomes.append(_outcome(short_cut, samples, some, [], None))
    return outcomes


def word_figures(samples: Sequence[WordSample], texts: Sequence[str]) -> dict[str, float]:
    """Accuracy, exact, one_minus_ned, cer and words of the texts read, one per sample."""
    figures = word_scores([sample.text for sample in samples], texts)
    return {key: float(value) for key, value in figures._asdict().items()}


def judge(rows: Iterable[tuple[str, str, float]]) -> list[Judged]:
    """Confidence and being right of (truth, read, confidence): letters and digits, case ignored.

    Truths without such a symbol are left out, as the accuracy leaves them out.
    """
    plain = [(letters_and_digits(t), letters_and_digits(r), c) for t, r, c in rows]
    return [(c, truth == read) for truth, read, c in plain if truth]


def _outcome(
    name: str,
    samples: Sequence[WordSample],
    reads: Sequence[Any],
    mistakes: list[Mistake],
    ms: float | None,
) -> Outcome:
    pairs = zip(samples, reads, strict=True)
    judged = judge((sample.text, word.text, word.confidence) for sample, word in pairs)
    figures = word_figures(samples, [word.text for word in reads])
    return Outcome(name, figures | {"ece": bins_of(judged).error}, mistakes, judged, ms=ms)


def _misread(
    samples: Sequence[WordSample], crops: Sequence[np.ndarray], words: Sequence[Any]
) -> Iterator[Mistake]:
    for sample, crop, word in zip(samples, crops, words, strict=True):
        if letters_and_digits(word.text) != letters_and_digits(sample.text):
            source = sample.image_path.name
            yield Mistake(crop, sample.text, word.text, word.confidence, source)
