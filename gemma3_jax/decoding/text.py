"""Columns to characters: greedy or prefix-beam CTC decoding on the host, and how sure to be of the outcome.

Log-probabilities are float `[t, v]` natural logarithms; class 0 is the blank. The confidence of a word is the probability that
CTC itself gives its text: the sum over ALL alignments of the text with the columns (Graves et al. 2006, eq. 8), neither a
per-character mean, which flatters long words, nor the best path alone, which punishes wide ones. Words that a language model
was asked about have its confidence instead (`language.fusion`). The confidence of a character is its highest probability within
its own columns.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gemma3_jax.charset import BLANK, Charset
from gemma3_jax.decoding.beam import Prefix, beam_search
from gemma3_jax.decoding.lattice import Runs, alignments, collapse, log_likelihoods
from gemma3_jax.language.fusion import DOUBTFUL, LOST, Fusion, Reading
from gemma3_jax.page import Alternative

ALTERNATIVES, LEAST = 3, 0.01  # how many of a doubtful word are kept, and how likely they must be
# of the search for them where no language model is asked: a narrow one, it changes no reading
RIVALS, PRUNE = 4, 1e-2


@dataclasses.dataclass(frozen=True)
class Decoded:
    """A strip's text. `spans` float [l, 2]: where each character begins and ends, as fractions of the used columns."""

    text: str
    confidence: float
    char_confidences: tuple[float, ...]
    spans: np.ndarray
    raw: str  # of the best class per column
    reason: str = ""  # why the language model changed it
    alternatives: tuple[Alternative, ...] = ()


def decode(
    log_probs: np.ndarray,
    used: np.ndarray,
    charset: Charset,
    beam_width: int = 1,
    fusion: Fusion | None = None,
) -> list[Decoded]:
    """Text of strips `log_probs` [n, t, v], of which word i covers the first `used[i]` columns (a fraction is rounded up).

    `beam_width` 1 takes the best class per column, more searches prefixes; `fusion` may read doubtful words otherwise.
    """
    columns = max(int(np.ceil(used).max(initial=1)), 1)
    log_probs = mask_padding(np.asarray(log_probs[:, :columns], np.float32), used)
    greedy = [collapse(path) for path in log_probs.argmax(axis=-1)]
    texts = [ids for ids, _ in greedy]
    if beam_width > 1:
        texts = [beam_search(rows, beam_width)[0].ids for rows in log_probs]
    logs = log_likelihoods(log_probs, texts).tolist()
    readings = []
    for rows, ids, log, width in zip(log_probs, texts, logs, used, strict=True):
        own = rows[: max(int(np.ceil(width)), 1)]
        readings.append((fusion and fusion(own, ids, log)) or _by_pixels(own, ids, log))
    runs = _runs(log_probs, greedy, [reading.ids for reading in readings])
    return [
        Decoded(
            charset.decode(reading.ids),
            reading.confidence,
            tuple(best),
            spread(own, float(width)),
            charset.decode(raw),
            reading.reason,
            _others(reading, charset),
        )
        for reading, (raw, _), own, best, width in zip(
            readings, greedy, runs, _highest(log_probs, readings, runs), used, strict=True
        )
    ]


def _by_pixels(log_probs: np.ndarray, ids: Prefix, log_prob: float) -> Reading:
    """The reading `ids` of one strip `[t, v]` without a language model, a doubtful one with its rivals."""
    confidence = math.exp(min(log_prob, 0.0))
    if not LOST <= confidence < DOUBTFUL:
        return Reading(ids, confidence, "", {})
    found = beam_search(log_probs, RIVALS, prune=PRUNE)
    shares = {one.ids: math.exp(min(one.log_prob, 0.0)) for one in found if one.ids}
    return Reading(ids, confidence, "", shares)


def _runs(log_probs: np.ndarray, greedy: Sequence[Any], texts: Sequence[Prefix]) -> list[Runs]:
    """Columns of each character: where the best path has them, or the likeliest path that reads the text."""
    runs = [own for _, own in greedy]
    other = [i for i, ids in enumerate(texts) if ids != greedy[i][0]]
    if other:
        aligned = alignments(log_probs[other], [texts[i] for i in other])
        for i, own in zip(other, aligned, strict=True):
            runs[i] = own
    return runs


def _highest(
    log_probs: np.ndarray, readings: Sequence[Reading], runs: Sequence[Runs]
) -> list[list[float]]:
    """The highest probability of each character of each strip `[n, t, v]` within its columns."""
    counts = [len(own) for own in runs]
    places = np.array([place for own in runs for place in own], np.int64).reshape(-1, 2)
    ids = np.array([i for reading in readings for i in reading.ids], np.int64)
    rows = log_probs[np.repeat(np.arange(len(runs)), counts), :, ids]
    columns = np.arange(log_probs.shape[1])
    within = (columns >= places[:, :1]) & (columns < places[:, 1:])
    best = np.exp(np.where(within, rows, -np.inf).max(axis=1)).tolist()
    ends = np.cumsum(counts).tolist()
    return [best[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _others(reading: Reading, charset: Charset) -> tuple[Alternative, ...]:
    """The likeliest readings besides the one taken, likeliest first."""
    shares = reading.shares.items()
    rivals = [(share, ids) for ids, share in shares if ids != reading.ids and share >= LEAST]
    best = sorted(rivals, reverse=True)[:ALTERNATIVES]
    return tuple(Alternative(charset.decode(ids), share) for share, ids in best)


def mask_padding(log_probs: np.ndarray, used: np.ndarray) -> np.ndarray:
    """A copy of `[n, t, v]` whose columns past the word's end say "blank" for certain, so that they change no probability."""
    columns = np.arange(log_probs.shape[1])
    padding = columns >= np.ceil(np.asarray(used))[:, None]
    masked = np.where(padding[..., None], -np.inf, log_probs)
    masked[..., BLANK] = np.where(padding, 0.0, log_probs[..., BLANK])
    return masked


def spread(runs: Runs, used: float) -> np.ndarray:
    """Fractions `[l, 2]` of the used columns: CTC marks where a character peaks, so neighbours meet halfway between."""
    if len(runs) < 2:
        return np.array([[0.0, 1.0]] * len(runs)).reshape(-1, 2)
    centres = [(begin + end) / 2 for begin, end in runs]
    steps = sorted(b - a for a, b in itertools.pairwise(centres))
    pitch = (steps[(len(steps) - 1) // 2] + steps[len(steps) // 2]) / 2  # their median
    inner = [(a[1] + b[0]) / 2 for a, b in itertools.pairwise(runs)]
    edges = [centres[0] - pitch / 2, *inner, centres[-1] + pitch / 2]
    edges = [min(max(edge / used, 0.0), 1.0) for edge in edges]
    return np.array(list(itertools.pairwise(edges)))
