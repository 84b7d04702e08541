"""A second reading of doubtful words, from the picture's own pixels.

The page was scaled for the network; a word cut out at its full resolution, straightened and laid into a strip of its own often
reads better, and several such views vote (`reading.views`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from gemma3_jax.decoding.neighbours import room
from gemma3_jax.engine import Engine
from gemma3_jax.page import Word
from gemma3_jax.reading.crops import decode_crops
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.strips import words_of
from gemma3_jax.reading.views import page_views, straightened, vote

# Confidences between which a word of a page is read again. Of 692 words below the lower one, a third of the doubtful ones, 6
# were kept and right afterwards, 19 kept and wrong (100 photographs and 20 forms of the validation sets).
HOPELESS, SURE = 0.3, 0.85


def read_again(
    engine: Engine, pixels: np.ndarray, words: Sequence[Word], options: ReadOptions
) -> list[Word]:
    """`words` of the picture uint8 `[h, w, 3]`, in order; of the doubtful ones the reading that their views agree on."""
    kept = list(words)
    doubtful = [i for i, word in enumerate(words) if HOPELESS <= word.confidence < SURE]
    if not doubtful:
        return kept
    quads = np.stack([word.quad for word in words])
    views = page_views(quads[doubtful], room(quads)[doubtful])
    crops = [straightened(pixels, quad) for quad in views.reshape(-1, 4, 2)]
    decoded = iter(decode_crops(engine, crops, options))
    changed = []
    for i, quads in zip(doubtful, views, strict=True):
        old, readings = words[i], [next(decoded) for _ in quads]
        texts = [old.text, *(one.text for one in readings)]
        winner, sure = vote(texts, [old.confidence, *(one.confidence for one in readings)])
        if winner == 0:
            kept[i] = dataclasses.replace(old, confidence=sure)
        else:
            reading = dataclasses.replace(readings[winner - 1], confidence=sure)
            changed.append((i, reading, quads[winner - 1]))
    if changed:
        places, readings, seen = zip(*changed, strict=True)
        quads = np.stack([words[i].quad for i in places])
        scores = [words[i].detection for i in places]
        for i, word in zip(places, words_of(readings, quads, np.stack(seen), scores), strict=True):
            kept[i] = word
    return kept
