"""A graph of any runtime against the JAX model: pictures in and words out, or crops in and characters out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gemma3_jax.config import CANVAS_HEIGHT, ModelConfig
from gemma3_jax.decoding.lattice import collapse
from gemma3_jax.export.verify import (
    MAX_PROBABILITY,
    MAX_PX,
    Difference,
    compare_texts,
    sample_sheet,
)
from gemma3_jax.types import Spotted

CROPS = 16
SCORE_PX = 10.0  # px: of boxes on the same place those with like scores belong together


class Limits(NamedTuple):
    """How far a file may be from the model."""

    px: float = MAX_PX  # corners
    probability: float = MAX_PROBABILITY  # scores and characters
    words: float = 0.0  # share of the sheet's words that may be read otherwise


HALF = Limits(0.5, 0.3, 0.15)  # weights in float16
BYTES = Limits(2.0, 0.5, 0.2)  # weights in int8


class Shape(NamedTuple):
    """What a picture-to-words graph is run with."""

    height: int  # px
    width: int
    slots: int  # words
    columns: int  # of the strip a word is read in


def compare_spotter(
    run: Callable[[np.ndarray], Spotted],
    config: ModelConfig,
    variables: Any,
    shape: Shape,
    limits: Limits = Limits(),
) -> list[Difference]:
    """Boxes, characters and words of the sample sheet; `run` takes uint8 `[1, height, width, 3]`.

    Words come in whatever order, so each is compared with the one that lies nearest to it.
    """
    sheet = sample_sheet(shape[:2])[None]
    wanted, found = _words(_spot(config, variables, sheet, shape)), _words(run(sheet))
    spared = int(limits.words * len(wanted.quads))
    boxes, twin = _compare_boxes(wanted, found, limits)
    if not len(twin):
        return boxes
    characters = np.abs(wanted.token_probs - found.token_probs[twin]).max(axis=-1)
    texts = [[_text(tokens, config) for tokens in one.tokens] for one in (wanted, found)]
    return [
        *boxes,
        _worst("character probabilities", characters, spared, limits.probability),
        compare_texts(*texts, allowed=spared),
    ]


def compare_detector(
    run: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    config: ModelConfig,
    variables: Any,
    shape: Shape,
    limits: Limits = Limits(),
) -> list[Difference]:
    """Boxes of the sample sheet; `run` gives quads, scores and valid."""
    sheet = sample_sheet(shape[:2])[None]
    found = run(sheet)
    nothing = np.zeros_like(found["scores"])
    boxes = Spotted(found["quads"], found["scores"], nothing, nothing, found["valid"])
    wanted = _words(_spot(config, variables, sheet, shape))
    return _compare_boxes(wanted, _words(boxes), limits)[0]


def compare_recognizer(
    run: Callable[[np.ndarray, np.ndarray], np.ndarray],
    config: ModelConfig,
    variables: Any,
    width: int,
    limits: Limits = Limits(),
) -> list[Difference]:
    """Characters and texts of CROPS pieces of the sample sheet; `run` takes what `spotter.read_strips` takes."""
    import jax

    from gemma3_jax.model.spotter import read_strips

    strips, widths = sample_crops(width)
    wanted = np.asarray(jax.jit(read_strips, static_argnums=0)(config, variables, strips, widths))
    found = run(strips, widths)
    texts = [[_text(row.argmax(-1), config) for row in one] for one in (wanted, found)]
    far = float(np.abs(np.exp(wanted) - np.exp(found)).max())
    return [
        Difference("character probabilities of crops", far, limits.probability),
        compare_texts(*texts, allowed=int(limits.words * CROPS)),
    ]


def sample_crops(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of the sample sheet, uint8 `[CROPS, 32, width, 3]`, and how many px of each count."""
    sheet = sample_sheet()
    rows, columns = (np.arange(CROPS) * k for k in (CANVAS_HEIGHT, width))
    places = zip(rows, columns % (sheet.shape[1] - width), strict=True)
    strips = np.stack([sheet[y : y + CANVAS_HEIGHT, x : x + width] for y, x in places])
    return strips, np.linspace(width / 4, width, CROPS).astype(np.float32)


def _text(tokens: np.ndarray, config: ModelConfig) -> str:
    return config.alphabet.decode(collapse(tokens)[0])


def _spot(config: ModelConfig, variables: Any, sheet: np.ndarray, shape: Shape) -> Spotted:
    from gemma3_jax.model.spotter import spot

    return spot(variables, sheet, config=config, slots=shape.slots, columns=shape.columns)


def _words(found: Spotted) -> Spotted:
    """What is valid of the first picture."""
    valid = np.asarray(found.valid)[0].astype(bool)
    return Spotted(*(np.asarray(x)[0][valid] for x in found))


def _compare_boxes(
    wanted: Spotted, found: Spotted, limits: Limits
) -> tuple[list[Difference], np.ndarray]:
    """How boxes `[n, ..]` differ, and the index of the found one nearest to each wanted one; none where either has none."""
    n = len(wanted.quads)
    spared = int(limits.words * n)
    count = Difference(f"number of words ({n})", abs(n - len(found.quads)), spared)
    if not n or not len(found.quads):
        return [count], np.zeros(0, int)
    apart = np.abs(wanted.quads[:, None] - found.quads[None]).max(axis=(2, 3))
    scores = np.abs(wanted.scores[:, None] - found.scores[None])
    twin = (apart + SCORE_PX * scores).argmin(axis=1)
    differences = [
        count,
        _worst("corners, px", apart[np.arange(n), twin], spared, limits.px),
        _worst("scores", scores[np.arange(n), twin], spared, limits.probability),
    ]
    return differences, twin


def _worst(what: str, per_word: np.ndarray, spared: int, allowed: float) -> Difference:
    """The largest difference after the `spared` worst words."""
    what += f" (all words but {spared})" if spared else ""
    return Difference(what, float(np.sort(per_word)[-1 - spared]), allowed)
