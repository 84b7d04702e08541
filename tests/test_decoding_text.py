"""CTC decoding against the definition: every path of a tiny table, enumerated."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_beam import plain_beam

from gemma3_jax.charset import Charset
from gemma3_jax.decoding.beam import beam_search
from gemma3_jax.decoding.lattice import alignments, collapse, log_likelihoods
from gemma3_jax.decoding.text import decode, mask_padding, spread


def table(seed: int, t: int, v: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, 2, (t, v))
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def by_hand(path: tuple[int, ...]) -> tuple[int, ...]:
    """The collapse of the CTC paper: drop repeats, then blanks."""
    kept = [p for i, p in enumerate(path) if i == 0 or p != path[i - 1]]
    return tuple(p for p in kept if p != 0)


def enumerate_texts(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """P(text) of every text, by summing over all v^t paths."""
    t, v = log_probs.shape
    total: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(v), repeat=t):
        total[by_hand(path)] += math.exp(sum(log_probs[i, p] for i, p in enumerate(path)))
    return total


def bigram(opinion: np.ndarray):
    """A language model of pairs of classes `[v, v]`, natural logarithms."""
    worth = np.exp(opinion).tolist()
    return lambda prefix: worth[prefix[-1] if prefix else 0]


cases = given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 4))


@cases
@settings(max_examples=25, deadline=None)
def test_likelihood_is_the_sum_over_all_paths(seed, t, v):
    log_probs = table(seed, t, v)
    expected = enumerate_texts(log_probs)
    texts = list(expected)
    found = log_likelihoods(np.repeat(log_probs[None], len(texts), 0), texts)
    assert np.exp(found) == pytest.approx([expected[text] for text in texts], rel=1e-9)
    assert np.exp(found).sum() == pytest.approx(1.0)


@cases
@settings(max_examples=25, deadline=None)
def test_wide_beam_is_exact(seed, t, v):
    log_probs = table(seed, t, v)
    expected = sorted(enumerate_texts(log_probs).items(), key=lambda item: -item[1])
    found = beam_search(log_probs, width=4000, prune=0)
    assert [math.exp(h.log_prob) for h in found] == pytest.approx([p for _, p in expected])
    assert found[0].ids == expected[0][0] and all(h.bonus == 0 for h in found)


@cases
@settings(max_examples=25, deadline=None)
def test_wide_beam_with_a_language_model_is_exact(seed, t, v):
    log_probs = table(seed, t, v)
    rng = np.random.default_rng(seed)
    opinion = -rng.exponential(2, (v, v))

    def score(text: tuple[int, ...], p: float) -> float:
        return math.log(p) + sum(opinion[pair] for pair in itertools.pairwise((0, *text)))

    expected = max(score(text, p) for text, p in enumerate_texts(log_probs).items())
    best = beam_search(log_probs, 4000, bigram(opinion), prune=0)[0]
    assert best.log_prob + best.bonus == pytest.approx(expected)


@given(
    st.integers(0, 10_000),
    st.integers(1, 12),
    st.integers(2, 9),
    st.integers(1, 8),
    st.sampled_from([0, 1e-3, 1e-2, 0.1]),
    st.sampled_from([1.0, 3.0]),
)
@settings(max_examples=80, deadline=None)
def test_shortcuts_change_no_hypothesis(seed, t, v, width, prune, sharpness):
    """However narrow and pruned: the same texts in the same order, with the same numbers, as the textbook's loop."""
    log_probs = sharpness * table(seed, t, v)
    log_probs -= np.logaddexp.reduce(log_probs, axis=-1, keepdims=True)
    opinion = 1 - np.random.default_rng(seed).exponential(2, (v, v))

    def bonus(text: tuple[int, ...]) -> float:
        return sum(opinion[pair] for pair in itertools.pairwise((0, *text)))

    expected = plain_beam(log_probs, width, bonus, prune)
    found = beam_search(log_probs, width, bigram(opinion), prune)
    assert [h.ids for h in found] == list(expected)
    numbers = [(h.log_prob, h.bonus) for h in found]
    np.testing.assert_allclose(numbers, list(expected.values()), rtol=1e-9, atol=1e-9)


def test_long_and_impossible_columns():
    """P of a long strip is far below the smallest float; where no class is possible there is no text."""
    log_probs = np.repeat(table(1, 1, 40) - 5.0, 300, axis=0)
    found = beam_search(log_probs, 4)[0]
    exact = log_likelihoods(log_probs[None], [found.ids])[0]
    assert 1.03 * exact < found.log_prob <= exact < -1500
    log_probs[100] = -np.inf
    assert beam_search(log_probs, 4) == []


@cases
@settings(max_examples=25, deadline=None)
def test_alignment_is_the_likeliest_path(seed, t, v):
    log_probs = table(seed, t, v)
    best: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for path in itertools.product(range(v), repeat=t):
        score = sum(log_probs[i, p] for i, p in enumerate(path))
        if score > best.get(by_hand(path), (-math.inf, ()))[0]:
            best[by_hand(path)] = (score, path)
    texts = list(best)
    found = alignments(np.repeat(log_probs[None], len(texts), 0), texts)
    assert found == [collapse(path)[1] for _, path in best.values()]


def test_alignment_refuses_what_does_not_fit():
    assert alignments(table(0, 3, 3)[None], [(1, 1)]) == [[(0, 1), (2, 3)]]
    with pytest.raises(ValueError, match="2 characters do not fit into 2 columns"):
        alignments(np.stack([table(0, 2, 3)] * 2), [(1, 2), (1, 1)])
    impossible = log_likelihoods(np.stack([table(0, 2, 3)] * 2), [(1, 2), (1, 1)])
    assert np.isfinite(impossible[0]) and impossible[1] == -np.inf


def test_collapse_by_hand():
    ids, runs = collapse([0, 3, 3, 0, 3, 2, 0, 0])
    assert ids == (3, 3, 2)
    assert runs == [(1, 3), (4, 5), (5, 6)]
    assert collapse([0, 0]) == ((), [])


def test_beam_adds_paths_that_greedy_cannot():
    """Graves 2006, figure 4: blank is best in both columns (0.6), yet "a" has 1 - 0.36 = 0.64."""
    log_probs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))
    charset = Charset("a")
    assert decode(log_probs[None], np.array([2.0]), charset)[0].text == ""
    one = decode(log_probs[None], np.array([2.0]), charset, beam_width=4)[0]
    assert (one.text, one.raw) == ("a", "")
    assert one.confidence == pytest.approx(0.64)


def test_padding_changes_nothing():
    """A strip whose last columns are padding says what the same strip without them says, whatever stands there."""
    log_probs = table(3, 6, 4)[None]
    short = decode(log_probs[:, :4], np.array([4.0]), Charset("abc"))[0]
    padded = decode(log_probs, np.array([3.2]), Charset("abc"))[0]
    assert (padded.text, padded.char_confidences) == (short.text, short.char_confidences)
    assert padded.confidence == pytest.approx(short.confidence)
    masked = mask_padding(log_probs, np.array([3.2]))
    assert masked[0, 4:, 0].tolist() == [0.0, 0.0] and np.isneginf(masked[0, 4:, 1:]).all()


def test_batch_of_different_lengths_equals_one_by_one():
    log_probs = np.stack([table(seed, 8, 5) for seed in range(12)])
    used = np.linspace(1, 8, 12)
    together = decode(log_probs, used, Charset("abcd"))
    for row, width, one in zip(log_probs, used, together, strict=True):
        alone = decode(row[None], width[None], Charset("abcd"))[0]
        assert alone.text == one.text and alone.confidence == pytest.approx(one.confidence)


def test_spans_meet_halfway_and_stay_inside():
    spans = spread([(1, 2), (5, 6), (9, 10)], used=12.0)
    assert spans * 12 == pytest.approx(np.array([[0, 3.5], [3.5, 7.5], [7.5, 11.5]]))
    assert spread([(3, 4)], used=8.0).tolist() == [[0.0, 1.0]]
    assert spread([], used=8.0).shape == (0, 2)


def test_refuses_a_beam_of_nothing():
    with pytest.raises(ValueError, match="width"):
        beam_search(table(0, 2, 2), width=0)
