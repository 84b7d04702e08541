"""What may be wrong with boxes and texts, and what that does to training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT
from gemma3_jax.data.corpora import Annotation
from gemma3_jax.data.pipeline.texts import TextRule
from gemma3_jax.data.real import MIN_PX_PER_CHAR
from gemma3_jax.decoding.boxes import sides
from gemma3_jax.metrics.polygons import inside_fractions, overlaps

TINY_PX, SMALL_PX = 2.0, 8.0  # shorter side: nothing to see; height: hard to read without enlarging
INSIDE = 0.5  # of a box: with less of it in the picture there is nothing to read
OVER_EDGE_PX = 1.0  # annotators' tools round
TWICE_IOU = 0.8  # two boxes of one word

Severity = Literal["error", "warning"]

# What each kind of fault does to training: an error spoils it, a warning is worth a look.
CONSEQUENCES: dict[str, tuple[Severity, str]] = {
    "unusable annotation": ("error", "is left out, with its picture"),
    "unreadable picture": ("error", "stops or is left out"),
    "box outside": ("error", "more than half of it is not in the picture"),
    "tiny box": ("error", f"a side under {TINY_PX:.0f} px: nothing to see"),
    "crossed box": ("error", "its sides cross: corners in a wrong order"),
    "mirrored box": ("error", "corners run counter-clockwise: read as in a mirror"),
    "contradiction": ("error", "two texts for one place"),
    "leak": ("error", "the same picture is in the other folder: figures would flatter"),
    "one text only": ("error", "classes.txt or labels hold a category, not transcriptions?"),
    "nothing to read": ("error", "no word has a text to learn"),
    "near leak": ("warning", "looks like a picture of the other folder: see for yourself"),
    "same picture": ("warning", "counts twice"),
    "near-duplicate": ("warning", "two versions of one picture? See for yourself"),
    "duplicate box": ("warning", "the same word boxed twice"),
    "over the edge": ("warning", "sticks out of the picture"),
    "small box": ("warning", f"under {SMALL_PX:.0f} px high: hard to read"),
    "narrow box": ("warning", "too narrow for its text: vertical, or a wrong text?"),
    "outside the charset": ("warning", "found but not learnt to be read"),
    "too long": ("warning", "found but not learnt to be read"),
    "several words": ("warning", "has a space: the detector learns one box per word"),
    "no words": ("warning", "teaches that nothing in it is text"),
    "not annotated": ("warning", "no annotation speaks of it: not used"),
}


class Fault(NamedTuple):
    """Something wrong; `kind` is a key of CONSEQUENCES, `where` a file, `word` the word's number in its picture."""

    kind: str
    where: str
    what: str
    word: int | None = None

    @property
    def severity(self) -> Severity:
        """Whether it spoils training."""
        return CONSEQUENCES[self.kind][0]


def box_faults(words: list[Annotation], size: tuple[int, int], where: str) -> Iterator[Fault]:
    """Faults of the boxes of one picture of `size` (width, height), px; do-not-care boxes may be tiny or small."""
    quads = np.array([word.quad for word in words], np.float64).reshape(-1, 4, 2)
    width, height = sides(quads)
    inside = inside_fractions(quads, *size)
    beyond = np.maximum(-quads, quads - np.array(size)).max(axis=(1, 2), initial=-np.inf)
    crossed, mirrored = _crossed(quads), _signed_areas(quads) < 0
    for i, word in enumerate(words):
        narrow = width[i] * CANVAS_HEIGHT < MIN_PX_PER_CHAR * len(word.text) * height[i]
        shape = f"{word.text!r} is {width[i]:.1f}x{height[i]:.1f} px"
        kinds = {
            "tiny box": not word.ignore and min(width[i], height[i]) < TINY_PX,
            "crossed box": crossed[i],
            "mirrored box": mirrored[i],
            "box outside": inside[i] < INSIDE and min(width[i], height[i]) > 0,
            "over the edge": beyond[i] > OVER_EDGE_PX,
            "narrow box": not word.ignore and narrow,
            "small box": not word.ignore and height[i] < SMALL_PX,
        }
        kind = next((kind for kind, found in kinds.items() if found), None)  # the worst says it all
        if kind is not None:
            (left, top), (right, bottom) = quads[i].min(axis=0), quads[i].max(axis=0)
            place = f"x {left:.0f} to {right:.0f}, y {top:.0f} to {bottom:.0f}"
            yield Fault(kind, where, f"{shape}, {place}", i)
    yield from _twice(words, quads, where)


def text_faults(words: list[Annotation], rule: TextRule, where: str, crop: bool) -> Iterator[Fault]:
    """Faults of the texts of one picture, do-not-care words aside; a crop, which nothing has to be found in, may be a line."""
    for i, word in enumerate(words):
        if word.ignore:
            continue
        verdict = rule.judge(word.text)[1]
        if verdict == "outside":
            unknown = rule.charset.unknown(word.text)
            yield Fault("outside the charset", where, f"{word.text!r} has {unknown!r}", i)
        elif verdict == "long":
            what = f"{word.text!r} has {len(word.text)} characters, {rule.max_label} can be learnt"
            yield Fault("too long", where, what, i)
        elif " " in word.text and not crop:
            yield Fault("several words", where, repr(word.text), i)


def _twice(words: list[Annotation], quads: np.ndarray, where: str) -> Iterator[Fault]:
    shared = np.triu(overlaps(quads, quads)[1], 1) if len(quads) else np.zeros((0, 0))
    for i, j in np.argwhere(shared >= TWICE_IOU).tolist():
        first, second = words[i], words[j]
        differ = first.text != second.text and not (first.ignore or second.ignore)
        kind = "contradiction" if differ else "duplicate box"
        yield Fault(kind, where, f"{first.text!r} and {second.text!r} on one place", j)


def _crossed(quads: np.ndarray) -> np.ndarray:
    """bool [n]: two opposite sides cross."""
    a, b, c, d = np.moveaxis(quads, 1, 0)
    return _segments_cross(a, b, c, d) | _segments_cross(b, c, d, a)


def _segments_cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """bool [n]: a-b and c-d [n, 2] meet in a point that is inside both."""
    apart = _turn(a, b, c) * _turn(a, b, d), _turn(c, d, a) * _turn(c, d, b)
    return (apart[0] < 0) & (apart[1] < 0)


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """[n]: twice the signed area of the triangles, positive when clockwise on the screen."""
    first, second = b - a, c - a
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def _signed_areas(quads: np.ndarray) -> np.ndarray:
    a, b, c, d = np.moveaxis(quads, 1, 0)
    return (_turn(a, b, c) + _turn(a, c, d)) / 2
