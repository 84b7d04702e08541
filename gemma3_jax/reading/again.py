"""A second reading of doubtful words, from the picture's own pixels.

The page was scaled for the network; a word cut out at its full resolution, straightened and laid into a strip of its own often
reads better, and several such views vote (`reading.views`). The first view settles most words: where it reads what the page
read and both are sure, the others are not asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from statistics import mean

import numpy as np

from gemma3_jax.decoding.neighbours import room, with_fair_margin
from gemma3_jax.decoding.text import Decoded
from gemma3_jax.engine import Engine
from gemma3_jax.page import Word
from gemma3_jax.reading.crops import decode_crops
from gemma3_jax.reading.located import located_views
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.presence import LIKELY
from gemma3_jax.reading.strips import words_of
from gemma3_jax.reading.views import USUAL, page_views, placed, straightened, vote

# Confidences between which a word of a page is read again. Of 692 words below the lower one, a third of the doubtful ones, 6
# were kept and right afterwards, 19 kept and wrong (100 photographs and 20 forms of the validation sets).
HOPELESS, SURE = 0.3, 0.85
ROUNDS = slice(0, 1), slice(1, None)  # of a word's views
AGREED = 0.6  # mean confidence at which views that agree need no more views
# Confidences between which a word that is likely there (`reading.presence`) is then looked for in a crop of it.
LEAST, CLEAR = 0.02, 0.8


def read_again(
    engine: Engine,
    pixels: np.ndarray,
    words: Sequence[Word],
    options: ReadOptions,
    search: bool = False,
) -> list[Word]:
    """`words` of the picture uint8 `[h, w, 3]`, in order; of the doubtful ones the reading that their views agree on.

    With `search` those still in doubt are looked for once more where they are.
    """
    if not words:
        return []
    doubtful = [i for i, word in enumerate(words) if HOPELESS <= word.confidence < SURE]
    quads = np.stack([word.quad for word in words])
    views = dict(zip(doubtful, page_views(quads[doubtful], room(quads)[doubtful]), strict=True))
    readings: dict[int, list[Decoded]] = {i: [] for i in doubtful}
    for these in ROUNDS:
        asked = [i for i in doubtful if not _settled(words[i], readings[i])]
        crops = [straightened(pixels, quad) for i in asked for quad in views[i][these]]
        decoded = iter(decode_crops(engine, crops, options))
        for i in asked:
            readings[i] += [next(decoded) for _ in views[i][these]]
    kept = _elected(words, readings, views)
    if search:
        _searched(engine, pixels, kept, readings, views, options)
        kept = _elected(words, readings, views)
    return kept


def _searched(
    engine: Engine,
    pixels: np.ndarray,
    words: Sequence[Word],
    readings: dict[int, list[Decoded]],
    views: dict[int, np.ndarray],
    options: ReadOptions,
) -> None:
    """Add to `readings` and `views` what the detector finds in crops of those of `words` that are in doubt and likely there.

    `words` are as they were elected so far. A box that is off, or leans otherwise than the word, is put right there.
    """
    asked = [i for i, word in enumerate(words) if _worth_searching(word, options)]
    if not asked:
        return
    every = np.stack([word.quad for word in words])
    around = with_fair_margin(every[asked], room(every)[asked], USUAL)
    crops = [straightened(pixels, quad) for quad in around]
    for i, crop, box, own in zip(asked, crops, around, located_views(engine, crops), strict=True):
        found = [placed(quad, box, crop.shape[1], crop.shape[0]) for quad in own]
        known = views[i][: len(readings[i])] if i in readings else np.zeros((0, 4, 2))
        views[i] = np.concatenate([known, np.reshape(found, (-1, 4, 2))])
        readings.setdefault(i, [])
    fresh = {i: views[i][len(readings[i]) :] for i in asked}
    cuts = [straightened(pixels, quad) for own in fresh.values() for quad in own]
    decoded = iter(decode_crops(engine, cuts, options))
    for i, own in fresh.items():
        readings[i] += [next(decoded) for _ in own]


def _worth_searching(word: Word, options: ReadOptions) -> bool:
    there = options.presence.of(word.confidence, word.detection, len(word.text))
    return LEAST <= word.confidence < CLEAR and there >= LIKELY


def _settled(word: Word, readings: Sequence[Decoded]) -> bool:
    """Whether all views so far read what the page read, and on the whole were sure of it."""
    seen = [word, *readings]
    texts = {one.text.casefold() for one in seen}
    return len(seen) > 1 and len(texts) == 1 and mean(one.confidence for one in seen) >= AGREED


def _elected(
    words: Sequence[Word], readings: dict[int, list[Decoded]], views: dict[int, np.ndarray]
) -> list[Word]:
    """`words`, those that were read again as the vote of their `readings`, by index as their `views` `[m, 4, 2]`, has them."""
    kept = list(words)
    changed: list[tuple[int, Decoded, np.ndarray]] = []
    for i, own in readings.items():
        texts = [words[i].text, *(one.text for one in own)]
        winner, sure = vote(texts, [words[i].confidence, *(one.confidence for one in own)])
        if winner == 0:
            kept[i] = dataclasses.replace(words[i], confidence=sure)
        else:
            reading = dataclasses.replace(own[winner - 1], confidence=sure)
            changed.append((i, reading, views[i][winner - 1]))
    if changed:
        places, elected, seen = zip(*changed, strict=True)
        quads = np.stack([words[i].quad for i in places])
        scores = [words[i].detection for i in places]
        for i, word in zip(places, words_of(elected, quads, np.stack(seen), scores), strict=True):
            kept[i] = word
    return kept
