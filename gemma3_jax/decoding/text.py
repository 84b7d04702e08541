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
from collections.abc import Sequence

import numpy as np

from gemma3_jax.charset import BLANK, Charset
from gemma3_jax.decoding.beam import beam_search
from gemma3_jax.language.fusion import Fusion


@dataclasses.dataclass(frozen=True)
class Decoded:
    """A strip's text. `spans` float [l, 2]: where each character begins and ends, as fractions of the used columns."""

    text: str
    confidence: float
    char_confidences: tuple[float, ...]
    spans: np.ndarray
    raw: str  # of the best class per column
    reason: str = ""  # why the language model changed it


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
    log_probs = mask_padding(np.asarray(log_probs, np.float32), used)
    greedy = [collapse(path)[0] for path in log_probs.argmax(axis=-1)]
    texts = greedy
    if beam_width > 1:
        texts = [beam_search(rows, beam_width)[0].ids for rows in log_probs]
    logs = log_likelihoods(log_probs, texts).tolist()
    results = []
    for rows, ids, first, log, width in zip(log_probs, texts, greedy, logs, used, strict=True):
        raw, reason = charset.decode(first), ""
        confidence = float(np.exp(min(log, 0.0)))
        reading = fusion(rows[: max(int(np.ceil(width)), 1)], ids, log) if fusion else None
        if reading is not None:
            ids, confidence, reason = reading
        runs = _runs(rows, ids)
        best = [float(np.exp(rows[a:b, i].max())) for (a, b), i in zip(runs, ids, strict=True)]
        spans = spread(runs, float(width))
        results.append(Decoded(charset.decode(ids), confidence, tuple(best), spans, raw, reason))
    return results


def _runs(log_probs: np.ndarray, ids: tuple[int, ...]) -> list[tuple[int, int]]:
    """Columns [begin, end) of each character: where the best path has them, or the likeliest path that reads `ids`."""
    greedy, runs = collapse(log_probs.argmax(axis=-1))
    return runs if greedy == ids else align(log_probs, ids)


def mask_padding(log_probs: np.ndarray, used: np.ndarray) -> np.ndarray:
    """A copy of `[n, t, v]` whose columns past the word's end say "blank" for certain, so that they change no probability."""
    columns = np.arange(log_probs.shape[1])
    padding = columns >= np.ceil(np.asarray(used))[:, None]
    masked = np.where(padding[..., None], -np.inf, log_probs)
    masked[..., BLANK] = np.where(padding, 0.0, log_probs[..., BLANK])
    return masked


def collapse(path: Sequence[int] | np.ndarray) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """Class ids of a path without repeats and blanks, and the run of columns [begin, end) each comes from."""
    ids, runs, column = [], [], 0
    for token, group in itertools.groupby(np.asarray(path).tolist()):
        length = sum(1 for _ in group)
        if token != BLANK:
            ids.append(token)
            runs.append((column, column + length))
        column += length
    return tuple(ids), runs


def align(log_probs: np.ndarray, ids: Sequence[int]) -> list[tuple[int, int]]:
    """The run of columns [begin, end) of each id on the likeliest path `[t, v]` that reads `ids` (Viterbi).

    Raises:
        ValueError: when the text does not fit into the columns (doubled letters need a blank between them).
    """
    states = _with_blanks(ids)
    skip = _may_skip(states)
    t = len(log_probs)
    score = np.full((t, len(states)), -np.inf)
    came = np.zeros((t, len(states)), np.int64)
    score[0, :2] = log_probs[0, states[:2]]
    for column in range(1, t):
        options = _three_ways(score[column - 1], skip)
        came[column] = options.argmax(axis=0)
        score[column] = options.max(axis=0) + log_probs[column, states]
    state = len(states) - 1
    if len(states) > 1 and score[-1, -2] > score[-1, -1]:
        state -= 1
    if score[-1, state] == -np.inf:
        raise ValueError(f"{len(ids)} characters do not fit into {t} columns")
    path = [state]
    for column in range(t - 1, 0, -1):
        state -= int(came[column, state])
        path.append(state)
    visited = np.array(path[::-1])
    columns = [np.flatnonzero(visited == 2 * i + 1) for i in range(len(ids))]
    return [(int(own[0]), int(own[-1]) + 1) for own in columns]


def log_likelihoods(log_probs: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """log P(text | columns), float64 `[n]`, of strips `[n, t, v]`: the CTC forward recursion, all words at once."""
    longest = max((len(ids) for ids in texts), default=0)
    states = np.full((len(texts), 2 * longest + 1), BLANK)
    for row, ids in zip(states, texts, strict=True):
        row[1 : 2 * len(ids) : 2] = ids
    emitted = np.take_along_axis(log_probs, states[:, None, :], axis=2).astype(np.float64)
    skip = _may_skip(states)
    alpha = np.full(states.shape, -np.inf)
    alpha[:, :2] = emitted[:, 0, :2]
    for column in range(1, log_probs.shape[1]):
        ways = _three_ways(alpha, skip)
        alpha = np.logaddexp(np.logaddexp(ways[0], ways[1]), ways[2]) + emitted[:, column]
    ends = 2 * np.array([len(ids) for ids in texts], np.int64)
    rows = np.arange(len(texts))
    last_character = np.where(ends > 0, alpha[rows, np.maximum(ends - 1, 0)], -np.inf)
    return np.logaddexp(alpha[rows, ends], last_character)


def spread(runs: Sequence[tuple[int, int]], used: float) -> np.ndarray:
    """Fractions `[l, 2]` of the used columns: CTC marks where a character peaks, so neighbours meet halfway between."""
    if len(runs) < 2:
        return np.array([[0.0, 1.0]] * len(runs)).reshape(-1, 2)
    centres = [(begin + end) / 2 for begin, end in runs]
    pitch = float(np.median(np.diff(centres)))
    inner = [(a[1] + b[0]) / 2 for a, b in itertools.pairwise(runs)]
    edges = [centres[0] - pitch / 2, *inner, centres[-1] + pitch / 2]
    edges = np.clip(np.array(edges) / used, 0.0, 1.0)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _with_blanks(ids: Sequence[int]) -> np.ndarray:
    states = np.full(2 * len(ids) + 1, BLANK)
    states[1::2] = ids
    return states


def _may_skip(states: np.ndarray) -> np.ndarray:
    """bool, as `states`: the blank before this state may be left out (a character after a different one)."""
    earlier = np.concatenate([np.full_like(states[..., :2], BLANK), states[..., :-2]], axis=-1)
    earlier = earlier[..., : states.shape[-1]]
    return (states != BLANK) & (states != earlier)


def _three_ways(score: np.ndarray, skip: np.ndarray) -> np.ndarray:
    """`[3, .., s]`: the scores of staying, of stepping from the state before, and of skipping the blank between."""
    none = np.full_like(score[..., :2], -np.inf)
    one = np.concatenate([none[..., :1], score[..., :-1]], axis=-1)
    two = np.concatenate([none, score[..., :-2]], axis=-1)[..., : score.shape[-1]]
    return np.stack([score, one, np.where(skip, two, -np.inf)])
