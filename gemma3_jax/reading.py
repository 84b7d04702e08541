"""From pixels to words with any engine: detect first, then read no more slots than there are words, in static buckets."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.config import CANVAS_HEIGHT, COLUMN_PX
from gemma3_jax.decoding.boxes import (
    columns_used,
    plausible,
    sides,
    slice_quads,
    suppress,
    with_margin,
)
from gemma3_jax.decoding.order import reading_order
from gemma3_jax.decoding.text import Decoded, decode
from gemma3_jax.engine import Engine
from gemma3_jax.imaging.resize import SizePolicy, plan, resize, to_picture, windows
from gemma3_jax.language.fusion import Fusion, Mode
from gemma3_jax.language.model import load
from gemma3_jax.page import Char, Line, Word

SLOTS = (32, 128, 512)  # words read at once
COLUMNS = (32, 64, 128)  # CTC columns of a strip: words up to 4:1, 8:1, 16:1 at their own aspect
# Twice as long as a strip is squeezed into it, as training does: of the 66 validation crops longer than 4:1 it reads 70 %
# so and 61 % on a longer strip (docs/training_log.md).
SQUEEZE = 2.0
CROPS_AT_ONCE = (1, 8, 64)
MIN_PICTURE_PX = 6  # no letter is told from another with less


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How to read. Sizes: see `SizePolicy`.

    `min_score` drops boxes and `min_confidence` words below it (0..1, on top of the model's own detection threshold);
    `beam_width` over 1 searches prefixes instead of taking the best class per column. `language` says which words a language
    model may read otherwise: doubtful ones ("auto"), all that look like words ("on") or none ("off"); `language_model` is a
    name or a file of `gemma3-ocr lm build`; `words` are more words to know, `keep` regular expressions of texts to leave alone.
    """

    max_side: int = 1280
    min_side: int = 0
    scale: float | None = None
    min_score: float = 0.0
    min_confidence: float = 0.0
    beam_width: int = 1
    language: Mode = "auto"
    language_model: str | Path = "english"
    words: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("min_score", "min_confidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} must be in 0..1")
        if self.beam_width < 1:
            raise ValueError(f"{self.beam_width=} must be at least 1")
        if self.language not in typing.get_args(Mode):
            raise ValueError(f"{self.language=} is not one of {', '.join(typing.get_args(Mode))}")
        for name in ("words", "keep"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _ = self.sizes

    @property
    def sizes(self) -> SizePolicy:
        return SizePolicy(self.max_side, self.min_side, self.scale)


def find_words(
    engine: Engine, pixels: np.ndarray, options: ReadOptions
) -> tuple[list[Word], list[str]]:
    """The words of an RGB picture uint8 `[h, w, 3]`, quads in its pixels and in no particular order, and warnings."""
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_PICTURE_PX:
        reason = f"{width}x{height} px is too small to hold text (at least {MIN_PICTURE_PX})"
        return [], [reason]
    where = plan(height, width, options.sizes)
    words: list[Word] = []
    warnings: list[str] = []
    full = 0
    for origin, window in zip(where.origins, windows(pixels, where), strict=True):
        place = partial(to_picture, origin=origin, where=where, height=height, width=width)
        found, was_full = _read_window(engine, window, options, place)
        words += found
        full += was_full
    if full:
        warnings.append(
            f"more than {SLOTS[-1]} words: the faintest were left out; read the page in parts"
        )
    if len(where.origins) > 1 and words:
        quads = np.stack([word.quad for word in words])
        size = np.sqrt(np.prod(sides(quads), axis=0))  # a whole word wins over its cut-off half
        words = [words[i] for i in suppress(quads, size * [w.detection for w in words])]
    return words, warnings


def _read_window(
    engine: Engine,
    window: np.ndarray,
    options: ReadOptions,
    place: Callable[[np.ndarray], np.ndarray],
) -> tuple[list[Word], bool]:
    """Words of one window, their quads put in `place` in the picture, and whether every slot was taken."""
    features, quads, scores, valid = engine.detect(window[None], SLOTS[-1])
    quads, scores, valid = quads[0], scores[0], valid[0]
    chosen = np.flatnonzero(valid & plausible(quads) & (scores >= options.min_score))
    words = []
    seen = with_margin(quads)
    for columns, members in _by_columns(seen[chosen]):
        for start, stop, slots in chunks(len(members), SLOTS):
            some = chosen[members[start:stop]]
            padded = np.zeros((1, slots, 4, 2), np.float32)
            padded[0, : len(some)] = seen[some]
            log_probs = engine.read(features, padded, columns)[0, : len(some)]
            decoded = _decode(engine, log_probs, columns_used(seen[some], columns), options)
            found = zip(
                decoded, place(quads[some]), place(seen[some]), scores[some].tolist(), strict=True
            )
            words += [_word(*one) for one in found]
    kept = [w for w in words if w.text.strip() and w.confidence >= options.min_confidence]
    return kept, bool(valid.all())


def _by_columns(quads: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Indices of the quads per bucket of strip columns, only the buckets that have any."""
    bucket = _bucket(columns_used(quads, round(SQUEEZE * COLUMNS[-1])))
    return [(COLUMNS[k], np.flatnonzero(bucket == k)) for k in np.unique(bucket)]


def _bucket(columns: np.ndarray) -> np.ndarray:
    """Index into COLUMNS of the shortest strip for words that would fill `columns` at their own aspect."""
    return np.minimum(np.searchsorted(COLUMNS, columns / SQUEEZE), len(COLUMNS) - 1)


def chunks(count: int, buckets: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """(start, stop, bucket) pieces of `count` things, ascending `buckets` of static size: none is left half empty but the
    smallest, so that 150 words are read as 128 + 32 and not as 512."""
    start = 0
    while start < count:
        left = count - start
        bucket = next((b for b in buckets if b >= left and left > b / 2), 0)
        bucket = bucket or max((b for b in buckets if b <= left), default=buckets[0])
        yield start, min(start + bucket, count), bucket
        start += bucket


def read_crops(engine: Engine, crops: Sequence[np.ndarray], options: ReadOptions) -> list[Word]:
    """The text of RGB crops uint8 `[h, w, 3]`, each a word or a line, in order; `quad` is the crop's own outline.

    A crop with nothing to read gives a word with empty text and its confidence that it is empty.
    """
    strips = [_strip(crop) for crop in crops]
    bucket = np.array([_bucket(_natural_columns(crop)) for crop in crops], np.int64)
    words: dict[int, Word] = {}
    for k in np.unique(bucket):
        members = np.flatnonzero(bucket == k)
        for start, stop, slots in chunks(len(members), CROPS_AT_ONCE):
            some = members[start:stop].tolist()
            canvas, widths = _canvas([strips[i] for i in some], slots, COLUMNS[k] * COLUMN_PX)
            log_probs = engine.read_strips(canvas, widths)[: len(some)]
            decoded = _decode(engine, log_probs, widths[: len(some)] / COLUMN_PX, options)
            for i, one in zip(some, decoded, strict=True):
                height, width = crops[i].shape[:2]
                outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
                words[i] = _word(one, outline, outline, 1.0)
    return [words[i] for i in range(len(crops))]


def _strip(crop: np.ndarray) -> np.ndarray:
    """The crop 32 px high, its aspect kept until its strip is full."""
    natural = _natural_columns(crop)
    columns = max(2.0, min(natural, COLUMNS[_bucket(natural)]))
    return resize(crop, CANVAS_HEIGHT, round(columns * COLUMN_PX))


def _natural_columns(crop: np.ndarray) -> Any:
    """CTC columns of the crop at its own aspect, not rounded."""
    return np.float64(CANVAS_HEIGHT * crop.shape[1] / crop.shape[0] / COLUMN_PX)


def _canvas(strips: list[np.ndarray], slots: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [slots, 32, width, 3] and used widths float32 [slots]; the rest repeats the last column, as in training."""
    canvas = np.zeros((slots, CANVAS_HEIGHT, width, 3), np.uint8)
    widths = np.full(slots, 2 * COLUMN_PX, np.float32)
    for row, strip in enumerate(strips):
        widths[row] = strip.shape[1]
        canvas[row] = np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), "edge")
    return canvas, widths


def _decode(
    engine: Engine, log_probs: np.ndarray, used: np.ndarray, options: ReadOptions
) -> list[Decoded]:
    fusion = _fusion(
        engine.charset, options.language, options.language_model, options.words, options.keep
    )
    return decode(log_probs, used, engine.charset, options.beam_width, fusion)


@lru_cache(maxsize=8)
def _fusion(
    charset: Charset,
    mode: Mode,
    language_model: str | Path,
    words: tuple[str, ...],
    keep: tuple[str, ...],
) -> Fusion | None:
    """Loading a model takes a tenth of a second: once per options, not once per picture."""
    if mode == "off":
        return None
    model = load(language_model)
    return Fusion(model.with_words(words) if words else model, charset, mode, keep)


def _word(decoded: Decoded, quad: np.ndarray, seen: np.ndarray, score: float) -> Word:
    """`seen` is the quad that was read, of which the characters' spans are fractions; they are cut to the word's own."""
    grown = sides(seen)[0] / np.maximum(sides(quad)[0], 1e-6)
    slices = slice_quads(quad, np.clip((decoded.spans - 0.5) * grown + 0.5, 0, 1))
    chars = zip(decoded.text, decoded.char_confidences, slices, strict=True)
    return Word(
        decoded.text,
        decoded.confidence,
        np.asarray(quad, np.float32),
        tuple(Char(*char) for char in chars),
        score,
        decoded.raw,
        decoded.reason,
    )


def lay_out(words: Sequence[Word]) -> tuple[Line, ...]:
    """Words in reading order: lines with block numbers."""
    blocks = reading_order(np.array([w.quad for w in words]), [w.text for w in words])
    return tuple(
        Line(tuple(words[i] for i in line), number)
        for number, block in enumerate(blocks)
        for line in block
    )
