"""One reader, some sets: their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gemma3_jax.evaluation.outcomes import Outcome
from gemma3_jax.evaluation.pages import measure_pages
from gemma3_jax.evaluation.readers import Reader
from gemma3_jax.evaluation.sets import (
    ALL_NAMES,
    PAGE_NAMES,
    WORD_NAMES,
    WordSet,
    open_set,
    open_sets,
)
from gemma3_jax.evaluation.words import Watch, measure_words, word_figures
from gemma3_jax.imaging.load import load_image


def evaluate(
    reader: Reader,
    sets: Sequence[str] = ALL_NAMES,
    data_dir: str | Path = "../shared/data",
    limit: int | None = None,
    progress: Watch | None = None,
) -> list[Outcome]:
    """Figures and mistakes per set, in the order asked for.

    `sets` are names or folders (`sets.open_sets`). Word pictures are read by `recognize`, whole pictures by `read_batch`
    with the reader's own thresholds. `limit` takes only the first pictures of each set; `progress(items, name)` yields
    the items.

    Raises:
        ValueError: for a set that is neither known nor a folder.
    """
    watch: Watch = progress or (lambda items, name: items)
    outcomes: list[Outcome] = []
    for one in open_sets(sets, data_dir, limit):
        if isinstance(one, WordSet):
            outcomes += measure_words(reader, one, watch)
        else:
            outcomes.append(measure_pages(reader, one, data_dir, watch))
    return outcomes


def evaluate_words(
    read: Callable[[list[np.ndarray]], list[str]],
    sets: Sequence[str] = tuple(WORD_NAMES),
    data_dir: str | Path = "../shared/data",
) -> dict[str, dict[str, float]]:
    """Figures of a bare word reader per set: accuracy, exact, one_minus_ned, cer, words.

    `read` takes a list of RGB crops uint8 [h, w, 3] of any size and gives one text each.

    Raises:
        ValueError: for a set that is not one of words.
    """
    figures = {}
    for name in sets:
        one = None if name in PAGE_NAMES else open_set(name, data_dir)
        if not isinstance(one, WordSet):
            raise ValueError(f"unknown word set {name!r}: choose from {', '.join(WORD_NAMES)}")
        reads = read([load_image(sample.image_path) for sample in one.samples])
        figures[name] = word_figures(one.samples, reads)
    return figures
