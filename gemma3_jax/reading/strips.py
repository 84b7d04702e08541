"""What reading pages and reading crops share: static buckets, and log-probabilities to words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.decoding.boxes import sides, slice_quads
from gemma3_jax.decoding.text import Decoded, decode
from gemma3_jax.language.fusion import LOST, Fusion, Mode
from gemma3_jax.language.model import load
from gemma3_jax.page import Char, Word
from gemma3_jax.reading.options import ReadOptions

COLUMNS = (32, 64, 128)  # CTC columns of a strip: words up to 4:1, 8:1, 16:1 at their own aspect
# Twice as long as a strip is squeezed into it, as training does: of the 66 validation crops longer than 4:1 it reads 70 %
# so and 61 % on a longer strip (docs/training_log.md).
SQUEEZE = 2.0


def bucket_of(columns: np.ndarray) -> np.ndarray:
    """Index into COLUMNS of the shortest strip for words that would fill `columns` at their own aspect."""
    return np.minimum(np.searchsorted(COLUMNS, columns / SQUEEZE), len(COLUMNS) - 1)


def decode_with(
    charset: Charset,
    log_probs: np.ndarray,
    used: np.ndarray,
    options: ReadOptions,
    lost: float = LOST,
) -> list[Decoded]:
    """Text of strips `[n, t, v]` of which the first `used` columns count, as `options` say; `lost` as of `Fusion`."""
    fusion = _fusion(
        charset, options.language, options.language_model, options.words, options.keep, lost
    )
    return decode(log_probs, used, charset, options.beam_width, fusion)


@lru_cache(maxsize=8)
def _fusion(
    charset: Charset,
    mode: Mode,
    language_model: str | Path,
    words: tuple[str, ...],
    keep: tuple[str, ...],
    lost: float,
) -> Fusion | None:
    """Loading a model takes a tenth of a second: once per options, not once per picture."""
    if mode == "off":
        return None
    model = load(language_model)
    return Fusion(model.with_words(words) if words else model, charset, mode, keep, lost)


def words_of(
    decoded: Sequence[Decoded], quads: np.ndarray, seen: np.ndarray, scores: Sequence[float]
) -> list[Word]:
    """Words at `quads` `[n, 4, 2]`. `seen` are the quads that were read, of which the characters' spans are fractions; they are
    cut to the words' own."""
    if not decoded:
        return []
    quads = np.asarray(quads, np.float32)
    counts = [len(one.text) for one in decoded]
    grown = np.repeat(sides(seen)[0] / np.maximum(sides(quads)[0], 1e-6), counts)[:, None]
    spans = np.concatenate([one.spans for one in decoded])
    spans = np.clip((spans - 0.5) * grown + 0.5, 0, 1)
    slices = iter(slice_quads(np.repeat(quads, counts, axis=0), spans))
    return [
        Word(
            one.text,
            one.confidence,
            quad,
            tuple(map(Char, one.text, one.char_confidences, slices)),
            score,
            one.raw,
            one.reason,
            one.alternatives,
        )
        for one, quad, score in zip(decoded, quads, scores, strict=True)
    ]
