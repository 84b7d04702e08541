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
from gemma3_jax.reading.crops import decode_crops, look_again
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.strips import words_of
from gemma3_jax.reading.views import USUAL, page_views, straightened, vote

# Confidences between which a word of a page is read again. Of 692 words below the lower one, a third of the doubtful ones, 6
# were kept and right afterwards, 19 kept and wrong (100 photographs and 20 forms of the validation sets).
HOPELESS, SURE = 0.3, 0.85
ROUNDS = slice(0, 1), slice(1, None)  # of a word's views
AGREED = 0.6  # mean confidence at which views that agree need no more views
# Confidences between which a word is then read as a crop is, and how much of its own the reading that replaces it must have.
LEAST, CLEAR, AS_SURE = 0.05, 0.8, 0.8


def read_again(
    engine: Engine, pixels: np.ndarray, words: Sequence[Word], options: ReadOptions
) -> list[Word]:
    """`words` of the picture uint8 `[h, w, 3]`, in order; of the doubtful ones the reading that their views agree on."""
    doubtful = [i for i, word in enumerate(words) if HOPELESS <= word.confidence < SURE]
    if not doubtful:
        return list(words)
    quads = np.stack([word.quad for word in words])
    views = dict(zip(doubtful, page_views(quads[doubtful], room(quads)[doubtful]), strict=True))
    readings: dict[int, list[Decoded]] = {i: [] for i in doubtful}
    for these in ROUNDS:
        asked = [i for i in doubtful if not _settled(words[i], readings[i])]
        crops = [straightened(pixels, quad) for i in asked for quad in views[i][these]]
        decoded = iter(decode_crops(engine, crops, options))
        for i in asked:
            readings[i] += [next(decoded) for _ in views[i][these]]
    return _elected(words, readings, views)


def read_as_crops(
    engine: Engine, pixels: np.ndarray, words: Sequence[Word], options: ReadOptions
) -> list[Word]:
    """`words` of the picture uint8 `[h, w, 3]`, in order, those still in doubt as crops of them are read: seen as leaning,
    sheared and lying, and looked for once more in the crop (`reading.crops`)."""
    kept = list(words)
    doubtful = [i for i, word in enumerate(words) if LEAST <= word.confidence < CLEAR]
    if not doubtful:
        return kept
    every = np.stack([word.quad for word in words])
    quads = every[doubtful]
    seen = with_fair_margin(quads, room(every)[doubtful], USUAL)
    crops = [straightened(pixels, quad) for quad in seen]
    decoded = decode_crops(engine, crops, options)
    look_again(engine, crops, decoded, seen.copy(), options)
    scores = [words[i].detection for i in doubtful]
    for i, word in zip(doubtful, words_of(decoded, quads, seen, scores), strict=True):
        if word.text.strip() and word.confidence > AS_SURE * words[i].confidence:
            kept[i] = word
    return kept


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
