"""Words of which a box has cut off an end: "RESTAURAN", "XPLOSIVE".

They are read surely as they are, so that no doubt has them looked at again. What gives them away is the picture, which goes on
beyond the box where no other word stands. There the word is read once more with that end farther out, and is the longer one
where that reading holds the old one and is as sure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gemma3_jax.decoding.boxes import sides, slice_quads, with_margin
from gemma3_jax.decoding.neighbours import room
from gemma3_jax.decoding.text import Decoded
from gemma3_jax.engine import Engine
from gemma3_jax.metrics.edit_distance import edit_distance
from gemma3_jax.metrics.words import letters_and_digits
from gemma3_jax.page import Word
from gemma3_jax.reading.crops import best_paths, decode_crops, look_again
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.strips import words_of
from gemma3_jax.reading.views import straightened

ROUNDS = 3  # a letter each
LIKELY = 0.5  # confidence from which it is a word that may be whole or not
# In parts of the height: how much farther, and how much free room beyond the end that takes.
FARTHER, FREE = 0.5, 0.6
MARGIN = (0.15, 0.1)  # of what is read then: at the ends; above and below
BARE = 0.1  # of the word's contrast: with less beyond its end there is nothing
AS_SURE = 0.995  # more is no surer
ACROSS, ALONG = np.linspace(0.15, 0.85, 8), np.linspace(0.05, 0.95, 24)  # where contrast is taken


def lengthened(
    engine: Engine, pixels: np.ndarray, words: Sequence[Word], options: ReadOptions
) -> list[Word]:
    """`words` of the picture uint8 `[h, w, 3]`, in order, whole those that a box had cut."""
    kept = list(words)
    ends = _open_ends(pixels, kept)
    for _ in range(ROUNDS):
        if not len(ends):
            break
        which, side = ends.T
        quads = _farther(np.stack([kept[i].quad for i in which]), side)
        seen = with_margin(quads.astype(np.float64), MARGIN)
        found = _read(engine, pixels, seen, [kept[i] for i in which], options)
        best: dict[int, int] = {}  # word -> end
        for k in sorted(found, key=lambda k: found[k].confidence):
            best[int(which[k])] = k
        some = list(best.values())
        scores = [kept[i].detection for i in best]
        longer = words_of([found[k] for k in some], quads[some], seen[some], scores)
        for i, word in zip(best, longer, strict=True):
            kept[i] = word
        ends = ends[some]
    return kept


def _read(
    engine: Engine,
    pixels: np.ndarray,
    seen: np.ndarray,
    words: Sequence[Word],
    options: ReadOptions,
) -> dict[int, Decoded]:
    """What `seen` `[n, 4, 2]` of the `words` say, by index, of those that hold the word and more and are as sure.

    Most hold no more at the first glance; the others are read, and in several views where they still do, as doubtful crops are.
    """
    crops = [straightened(pixels, quad) for quad in seen]
    glances = best_paths(engine, crops)
    some = [k for k, text in enumerate(glances) if _more(text, words[k], errors=1)]
    found = decode_crops(engine, [crops[k] for k in some], options)
    still = [(k, one) for k, one in zip(some, found, strict=True) if _more(one.text, words[k])]
    some, found = [k for k, _ in still], [one for _, one in still]
    look_again(engine, [crops[k] for k in some], found, seen[some], options)
    return {
        k: one
        for k, one in zip(some, found, strict=True)
        if _more(one.text, words[k]) and one.confidence >= min(words[k].confidence, AS_SURE)
    }


def _more(text: str, word: Word, errors: int = 0) -> bool:
    """Whether `text` is one word of more letters that holds those of `word`, but for some `errors`."""
    old, new = letters_and_digits(word.text), letters_and_digits(text)
    if " " in text or len(new) <= len(old):
        return False
    return edit_distance(old, new) <= len(new) - len(old) + errors


def _open_ends(pixels: np.ndarray, words: Sequence[Word]) -> np.ndarray:
    """Indices `[k, 2]` of words, and 0 for the left or 1 for the right end where one may go on."""
    likely = [i for i, word in enumerate(words) if word.confidence >= LIKELY and word.text]
    if not likely:
        return np.zeros((0, 2), int)
    every = np.stack([word.quad for word in words])
    quads = every[likely]
    height = sides(quads)[1]
    free = room(quads, every, np.arange(len(every)) == np.array(likely)[:, None])
    own = _contrast(pixels, quads)
    beyond = np.stack([_contrast(pixels, _beyond(quads, side)) for side in (0, 1)], axis=1)
    marked = beyond > BARE * own[:, None]
    which, side = np.nonzero((free >= FREE * height[:, None]) & marked)
    return np.stack([np.array(likely)[which], side], axis=1)


def _farther(quads: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Quads `[n, 4, 2]` of which the left (0) or right (1) end of each is FARTHER out."""
    width, height = sides(quads)
    more = FARTHER * height / np.maximum(width, 1e-6)
    return slice_quads(quads, np.stack([-more * (side == 0), 1 + more * (side == 1)], axis=1))


def _beyond(quads: np.ndarray, side: int) -> np.ndarray:
    """What `_farther` adds to each."""
    width, height = sides(quads)
    more = FARTHER * height / np.maximum(width, 1e-6)
    start = np.ones_like(more) if side else -more
    return slice_quads(quads, np.stack([start, start + more], axis=1))


def _contrast(pixels: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Standard deviation of the grey levels `[n]` within quads `[n, 4, 2]`, taken on a grid; the picture's edge goes on."""
    top = quads[:, None, 0] + ALONG[None, :, None] * (quads[:, None, 1] - quads[:, None, 0])
    bottom = quads[:, None, 3] + ALONG[None, :, None] * (quads[:, None, 2] - quads[:, None, 3])
    points = top[:, None] + ACROSS[None, :, None, None] * (bottom - top)[:, None]
    limit = np.array([pixels.shape[1] - 1, pixels.shape[0] - 1])
    x, y = np.moveaxis(np.clip(np.rint(points), 0, limit).astype(int), -1, 0)
    return pixels[y, x].mean(axis=-1).std(axis=(1, 2))
