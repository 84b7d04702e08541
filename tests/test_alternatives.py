"""What else a doubtful word may be: the next best readings with their probabilities, from decoding to JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.charset import Charset
from gemma3_jax.decoding.lattice import log_likelihoods
from gemma3_jax.decoding.text import ALTERNATIVES, LEAST, Decoded, decode
from gemma3_jax.language.fusion import Fusion
from gemma3_jax.language.model import load
from gemma3_jax.page import Alternative, Line, Page, Word

CHARSET = Charset()


def strip(*columns: dict[str, float]) -> np.ndarray:
    """Log-probabilities [1, t, v]: characters with their probabilities, a certain blank after each."""
    probs = np.full((2 * len(columns), CHARSET.size), 1e-9)
    for k, column in enumerate(columns):
        for character, p in column.items():
            probs[2 * k, CHARSET.encode(character)[0]] = p
        probs[2 * k + 1, 0] = 1.0
    return np.log(probs / probs.sum(-1, keepdims=True))[None]


def read(log_probs: np.ndarray, fusion: Fusion | None = None) -> Decoded:
    return decode(log_probs, np.array([float(log_probs.shape[1])]), CHARSET, fusion=fusion)[0]


def shown(decoded: Decoded) -> dict[str, float]:
    return {one.text: one.confidence for one in decoded.alternatives}


def test_of_pixels_by_hand():
    """Two digits in doubt: four readings, each the product of its digits."""
    word = read(strip({"1": 1.0}, {"2": 0.7, "7": 0.3}, {"5": 0.8, "6": 0.2}))
    assert (word.text, word.confidence) == ("125", pytest.approx(0.56, rel=1e-4))
    expected = {"175": 0.24, "126": 0.14, "176": 0.06}
    assert list(shown(word)) == list(expected)
    assert shown(word) == pytest.approx(expected, rel=1e-4)


def test_a_sure_word_has_none():
    assert read(strip({"1": 0.9, "7": 0.1}, {"2": 0.95, "3": 0.05})).alternatives == ()


def test_with_a_language_model_they_share_what_the_word_leaves():
    pixels = strip({"H": 1}, {"3": 0.6, "E": 0.4}, {"L": 1}, {"L": 1}, {"0": 0.6, "O": 0.4})
    word = read(pixels, Fusion(load(), CHARSET))
    assert word.text == "HELLO" and word.raw == "H3LL0"
    assert next(iter(shown(word))) == "HELL0"
    assert sum(shown(word).values()) + word.confidence == pytest.approx(1, abs=4 * LEAST)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_they_are_other_texts_in_order_as_likely_as_the_columns_say(seed):
    rng = np.random.default_rng(seed)
    digits = [CHARSET.encode(c)[0] for c in "0123"]
    logits = np.full((6, CHARSET.size), -30.0)
    logits[:, [0, *digits]] = rng.normal(0, 2, (6, len(digits) + 1))
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    word = read(logits[None])
    texts, chances = list(shown(word)), list(shown(word).values())
    assert word.text not in texts and len(texts) == len(set(texts)) <= ALTERNATIVES
    assert chances == sorted(chances, reverse=True) and all(p >= LEAST for p in chances)
    for text, chance in shown(word).items():
        true = np.exp(log_likelihoods(logits[None], [CHARSET.encode(text)])[0])
        assert chance <= true * (1 + 1e-6)  # a pruned search misses paths and invents none


def test_json_keeps_them_and_reads_pages_that_were_written_without():
    quad = np.array([[0, 0], [9, 0], [9, 5], [0, 5]], np.float32)
    word = Word("HELLO", 0.8, quad, alternatives=(Alternative("H3LL0", 0.15),))
    page = Page(20, 10, (Line((word,)),))
    entry = json.loads(page.to_json())
    assert entry["lines"][0]["words"][0]["alternatives"] == [{"text": "H3LL0", "confidence": 0.15}]
    assert Page.from_json(page.to_json()).words[0].alternatives == word.alternatives
    del entry["lines"][0]["words"][0]["alternatives"]
    assert Page.from_json(json.dumps(entry)).words[0].alternatives == ()
