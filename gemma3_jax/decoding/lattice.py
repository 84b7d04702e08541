"""A text against the columns: how likely it is, and where its characters are. All words of a batch at once.

The states of a text of l characters are its ids with a blank before, between and after them, 2 l + 1 in all; a path stays in a
state, steps to the next, or skips the blank between two different characters (Graves et al. 2006, section 4.1).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from gemma3_jax.charset import BLANK

Runs = list[tuple[int, int]]  # columns [begin, end) of each character


def log_likelihoods(log_probs: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """log P(text | columns), float64 `[n]`, of strips `[n, t, v]`: the CTC forward recursion.

    Probabilities are multiplied as shares of the likeliest class of their column, so that they do not vanish.
    """
    best = np.maximum(log_probs.max(axis=-1), np.finfo(np.float32).min).astype(np.float64)
    emitted, allowed, ends = _lattice(log_probs, texts)
    shares = np.exp(emitted - best[..., None])
    alpha, (stay, step, skip) = _first(shares, 0.0)
    for column in range(1, shares.shape[1]):
        alpha[:, 2:] = (stay + step + skip * allowed) * shares[:, column]
    rows = np.arange(len(texts))
    with np.errstate(divide="ignore"):  # a text that does not fit
        return np.log(stay[rows, ends] + step[rows, ends]) + best.sum(axis=1)


def alignments(log_probs: np.ndarray, texts: Sequence[Sequence[int]]) -> list[Runs]:
    """The runs of the characters on the likeliest path through each of the strips `[n, t, v]` that reads its text (Viterbi).

    Raises:
        ValueError: when a text does not fit into the columns (doubled letters need a blank between them).
    """
    emitted, allowed, ends = _lattice(log_probs, texts)
    forbidden = np.where(allowed, 0.0, -np.inf)
    score, (stay, step, skip) = _first(emitted, -np.inf)
    came = []
    for column in range(1, emitted.shape[1]):
        ways = np.stack([stay, step, skip + forbidden])
        came.append(ways.argmax(axis=0))
        score[:, 2:] = ways.max(axis=0) + emitted[:, column]
    rows = np.arange(len(texts))
    state = ends - (step[rows, ends] > stay[rows, ends])
    for ids, reached in zip(texts, stay[rows, state], strict=True):
        if reached == -np.inf:
            raise ValueError(f"{len(ids)} characters do not fit into {emitted.shape[1]} columns")
    path = [state]
    for back in reversed(came):
        state = state - back[rows, state]
        path.append(state)
    visited = np.stack(path[::-1], axis=1).tolist()
    return [[(a, b) for state, a, b in _stretches(row) if state % 2] for row in visited]


def collapse(path: Sequence[int] | np.ndarray) -> tuple[tuple[int, ...], Runs]:
    """Class ids of a path without repeats and blanks, and the run of columns that each comes from."""
    letters = [one for one in _stretches(np.asarray(path).tolist()) if one[0] != BLANK]
    return tuple([i for i, _, _ in letters]), [(begin, end) for _, begin, end in letters]


def _stretches(values: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(value, begin, end) of each stretch of equal values."""
    end = 0
    for value, group in itertools.groupby(values):
        begin, end = end, end + len(list(group))
        yield value, begin, end


def _lattice(
    log_probs: np.ndarray, texts: Sequence[Sequence[int]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log P `[n, t, s]` of the states, whether each may be skipped to `[n, s]`, and each text's last state `[n]`."""
    ends = 2 * np.array([len(ids) for ids in texts], np.int64)
    states = np.full((len(texts), int(ends.max(initial=0)) + 1), BLANK)
    for row, ids in zip(states, texts, strict=True):
        row[1 : 2 * len(ids) : 2] = ids
    emitted = np.take_along_axis(log_probs, states[:, None, :], axis=2).astype(np.float64)
    skipped = np.pad(states, ((0, 0), (2, 0)))[:, :-2]
    allowed = (states != BLANK) & (states != skipped)
    return emitted, allowed, ends


def _first(emitted: np.ndarray, never: float) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Scores `[n, 2 + s]` after the first column, two states that `never` are in front, and the three places to come from."""
    score = np.full((emitted.shape[0], emitted.shape[2] + 2), never)
    score[:, 2:4] = emitted[:, 0, :2]
    return score, (score[:, 2:], score[:, 1:-1], score[:, :-2])
