"""When a language model may change a reading, and when it must not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_beam import plain_beam

from gemma3_jax.charset import Charset
from gemma3_jax.decoding.lattice import collapse, log_likelihoods
from gemma3_jax.decoding.text import decode
from gemma3_jax.language.fusion import LOST, Fusion, Mode, may_change
from gemma3_jax.language.model import load

CHARSET = Charset()


def strip(*columns: dict[str, float]) -> np.ndarray:
    """Log-probabilities [1, t, v]: characters with their probabilities, a blank between each two columns."""
    probs = np.full((2 * len(columns), CHARSET.size), 1e-6)
    for k, column in enumerate(columns):
        probs[2 * k, 0] = 1e-6
        for character, p in column.items():
            probs[2 * k, CHARSET.encode(character)[0]] = p
        probs[2 * k + 1, 0] = 1.0
    return np.log(probs / probs.sum(-1, keepdims=True))[None]


def read(log_probs: np.ndarray, mode: Mode = "auto", **options):
    fusion = Fusion(load(), CHARSET, mode, **options)
    return decode(log_probs, np.array([float(log_probs.shape[1])]), CHARSET, fusion=fusion)[0]


def doubtful(text: str, better: str, p: float = 0.6) -> np.ndarray:
    """Pixels that say `text`, and `better` where the two differ with what is left of `p`."""
    pairs = zip(text, better, strict=True)
    return strip(*({a: p, b: 1 - p} if a != b else {a: 0.99} for a, b in pairs))


def test_hello_where_the_pixels_allow_it():
    word = read(doubtful("H3LL0", "HELLO"))
    assert (word.text, word.raw) == ("HELLO", "H3LL0")
    assert word.reason.startswith("language +")
    assert 0.5 < word.confidence < 1
    assert len(word.char_confidences) == len(word.spans) == 5


def test_not_where_the_pixels_are_sure():
    assert read(doubtful("H3LL0", "HELLO", p=1 - 1e-5)).text == "H3LL0"
    assert read(doubtful("H3LL0", "HELLO", p=1 - 1e-5), mode="on").text == "H3LL0"


def test_not_where_the_pixels_are_lost():
    rows, ids = doubtful("H3LL0", "HELLO")[0], tuple(CHARSET.encode("H3LL0"))
    above, below = math.log(LOST * 1.01), math.log(LOST * 0.99)
    auto, on = (Fusion(load(), CHARSET, mode) for mode in ("auto", "on"))
    reading = auto(rows, ids, above)
    assert reading and CHARSET.decode(reading.ids) == "HELLO"
    assert auto(rows, ids, below) is None
    assert on(rows, ids, below) is not None
    assert Fusion(load(), CHARSET, lost=0.0)(rows, ids, below) is not None


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("H3110-X2", "HELLO-X2"),
        ("12.50", "12.SO"),
        ("B00B", "BOOB"),
        ("me@h0me.org", "me@home.org"),
        ("www.h0me.uk", "www.home.uk"),
        ("2024-11-23", "2O24-11-23"),
        ("SN5521", "SNSS21"),
    ],
)
def test_serials_prices_and_addresses_are_left_alone(text, better):
    for mode in ("auto", "on"):
        word = read(doubtful(text, better), mode)
        assert (word.text, word.reason) == (text, "")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("H3LL0", True),
        ("don't", True),
        ("Hello!", True),
        ("A", False),
        ("A4", False),
        ("H3110-X2", False),
        ("naïve", False),  # a letter that this model has never seen
        ("a@b", False),
        ("10:30pm", False),
    ],
)
def test_what_looks_like_a_word(text, word):
    assert may_change(text, "abcdefghijklmnopqrstuvwxyz") is word


def test_switches():
    pixels = doubtful("HELL0", "HELLO")
    assert read(pixels, "off").text == "HELL0"
    assert read(pixels, "auto").text == read(pixels, "on").text == "HELLO"
    assert read(pixels, keep=("^HELL",)).text == "HELL0"
    sure = doubtful("HELL0", "HELLO", p=0.9)  # P(text) = 0.86: only "on" asks
    assert read(sure, "auto").text == "HELL0"
    assert read(sure, "on").text == "HELLO"


def test_a_word_of_the_user_wins():
    pixels = doubtful("HALLO", "HULLO", p=0.8)
    plain, taught = (Fusion(m, CHARSET, "on") for m in (load(), load().with_words(["Hullo"])))
    used = np.array([float(pixels.shape[1])])
    assert decode(pixels, used, CHARSET, fusion=plain)[0].text == "HALLO"
    assert decode(pixels, used, CHARSET, fusion=taught)[0].text == "HULLO"


def test_confidence_is_the_share_of_the_fused_scores():
    """Two letters in doubt: four readings, their scores by hand."""
    model, pixels = load(), doubtful("HALL", "HULK")
    word = read(pixels, "on")
    shares = {"A": 0.6, "U": 0.4}, {"L": 0.6, "K": 0.4}
    scores = {}
    for a, p in shares[0].items():
        for b, q in shares[1].items():
            text = f"H{a}L{b}"
            scores[text] = np.log(p * q) + 0.35 * model.log_prob(text) + 4.0
    best = max(scores, key=lambda text: scores[text])
    expected = 1 / sum(np.exp(score - scores[best]) for score in scores.values())
    assert word.text == best
    assert word.confidence == pytest.approx(expected, rel=0.02)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_reading_is_the_best_of_pixels_and_language(seed):
    rng = np.random.default_rng(seed)
    letters = [CHARSET.encode(c)[0] for c in "abeot01"]
    logits = np.full((8, CHARSET.size), -12.0)
    logits[:, [0, *letters]] = rng.normal(0, 2, (8, len(letters) + 1))
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    word = decode(logits[None], np.array([8.0]), CHARSET, fusion=Fusion(load(), CHARSET, "on"))[0]
    plain = decode(logits[None], np.array([8.0]), CHARSET)[0]
    assert word.raw == plain.text

    def score(text):
        pixels = log_likelihoods(logits[None], [CHARSET.encode(text)])[0]
        return pixels + 0.35 * load().log_prob(text) + len(text)

    if word.reason:
        assert score(word.text) > score(plain.text)
    else:
        assert word.text == plain.text


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.floats(1.0, 2.5))
def test_readings_are_those_of_the_textbook_search(seed, spread):
    """Texts and shares, with terms of the language model asked one by one and the beam search written out in logarithms."""
    rng, model = np.random.default_rng(seed), load()
    letters = [CHARSET.encode(c)[0] for c in "abeotBH1-"]
    logits = np.full((10, CHARSET.size), -9.0)
    logits[:, [0, *letters]] = rng.normal(0, spread, (10, len(letters) + 1))
    log_probs = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    ids = collapse(log_probs.argmax(axis=-1))[0]
    log_prob = float(log_likelihoods(log_probs[None], [ids])[0])
    reading = Fusion(model, CHARSET, "on")(log_probs, ids, log_prob)
    if reading is None:
        return

    def bonus(text: tuple[int, ...]) -> float:
        said = CHARSET.decode(text)
        terms = [model.next_log_probs(said[:k], c)[0] for k, c in enumerate(said)]
        return 0.35 * sum(terms) + len(said)

    kept = {text: mass for text, (mass, _) in plain_beam(log_probs, 8, bonus, 1e-3).items() if text}
    scores = {
        text: mass + 0.35 * model.log_prob(CHARSET.decode(text)) + len(text)
        for text, mass in (kept | {ids: log_prob}).items()
    }
    best = max(scores, key=lambda text: scores[text])
    whole = sum(math.exp(score - scores[best]) for score in scores.values())
    assert reading.ids == best
    nothing = math.prod(math.exp(row[0]) for row in log_probs)  # a blank in every column
    assert reading.confidence == pytest.approx((1 - nothing) / whole, abs=1e-9)
    assert set(reading.shares) == set(scores)
    crop = Fusion(model, CHARSET, "on", lost=0.0)(
        log_probs, ids, log_prob
    )  # holds a word for certain
    assert crop and crop.ids == best and crop.confidence == pytest.approx(1 / whole, abs=1e-9)
