"""The n-gram model against a plain re-computation of Kneser-Ney, and what the words around it add."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.cli import main
from gemma3_jax.language.build import build, read_counts
from gemma3_jax.language.estimate import estimate
from gemma3_jax.language.model import LanguageModel, load, save

WORDS = {"banana": 3, "band": 2, "ban": 5, "an": 1, "nab": 1, "cab": 4, "dab": 1, "cad": 2}


def kneser_ney(words: dict[str, int], order: int, context: str, symbol: str) -> float:
    """Chen and Goodman 1999, eq. 24 to 26, counted with dictionaries; `^` is the edge of a word."""
    alphabet = "^" + "".join(sorted(set("".join(words))))
    grams = Counter()
    for word, n in words.items():
        text = "^" * (order - 1) + word + "^"
        for i in range(len(text) - order + 1):
            grams[text[i : i + order]] += n
    counts = {order: grams}
    for length in range(order - 1, 0, -1):
        before = defaultdict(set)
        for gram in counts[length + 1]:
            before[gram[1:]].add(gram[0])
        counts[length] = Counter({gram: len(left) for gram, left in before.items()})

    def discounts(length: int) -> list[float]:
        n = [sum(c == k for c in counts[length].values()) for k in (1, 2, 3, 4)]
        y = n[0] / max(n[0] + 2 * n[1], 1)
        raw = [k - (k + 1) * y * n[k] / max(n[k - 1], 1) for k in (1, 2, 3)]
        return [min(max(d, 0.1), 0.9 * k) for k, d in enumerate(raw, 1)]

    def p(h: str, c: str) -> float:
        lower = p(h[1:], c) if h else 1 / len(alphabet)
        table = counts[len(h) + 1]
        followers = [table[h + a] for a in alphabet if table[h + a]]
        if not followers:
            return lower
        d = discounts(len(h) + 1)
        freed = sum(min(d[min(n, 3) - 1], n) for n in followers)
        n = table[h + c]
        kept = max(n - d[min(n, 3) - 1], 0) if n else 0
        return (kept + freed * lower) / sum(followers)

    return p(context, symbol)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_estimate_is_modified_kneser_ney(order):
    model = estimate(WORDS, order)
    letters = "^" + model.alphabet
    contexts = ["", "a", "^b", "an", "^^b", "ban", "nan", "^^^", "zzz"]
    for context in contexts:
        kept = context[max(len(context) - order + 1, 0) :]
        if any(c not in letters for c in kept):
            continue
        row = model.row(tuple(letters.index(c) for c in context if c in letters))
        expected = [kneser_ney(WORDS, order, kept, c) for c in letters]
        np.testing.assert_allclose(np.exp(row), expected, rtol=2e-5, err_msg=context)


texts = st.dictionaries(st.text("abcd", min_size=1, max_size=6), st.integers(1, 9), min_size=1)


@settings(max_examples=30, deadline=None)
@given(texts, st.integers(1, 4), st.floats(0, 5), st.lists(st.integers(0, 3), max_size=5))
def test_every_context_sums_to_one_however_much_is_pruned(words, order, prune, context):
    model = estimate(words, order, alphabet="abcd", prune=prune)
    assert np.exp(model.row(tuple(context))).sum() == pytest.approx(1.0, abs=1e-5)


def test_pruning_drops_entries_and_little_likelihood():
    full, small = estimate(WORDS, 4), estimate(WORDS, 4, prune=2.0)
    size = [sum(len(o.symbols) for o in model.orders) for model in (full, small)]
    assert size[1] < 0.8 * size[0]
    loss = [sum(n * m.log_prob(w) for w, n in WORDS.items()) for m in (full, small)]
    assert 0 <= loss[0] - loss[1] < 2.0 * (size[0] - size[1])


def test_terms_of_the_search_sum_to_the_spelt_word():
    model = LanguageModel(estimate(WORDS, 3), {})
    for text in ("ban", "Ban", "BANANA", "cab"):
        terms = [model.next_log_probs(text[:i], text[i])[0] for i in range(len(text))]
        end = model.chars.row(model.chars.context(model.chars.encode(text) or []))[0]
        spelt = model.log_prob(text) - math.log(0.5)  # no listed words: half the mass is lost
        assert sum(terms) + end == pytest.approx(spelt)


@settings(max_examples=40, deadline=None)
@given(st.text("abndcABN 0-4é", max_size=7))
def test_terms_of_all_characters_are_those_of_one_after_the_other(prefix):
    """By the rules: the letter after its run, its case, and what is no letter ends the word before it."""
    model, characters = LanguageModel(estimate(WORDS, 3), {}), "abAB09-é"
    run = prefix[len(prefix.rstrip("abndcABNDC")) :].lower()
    row = model.chars.row(model.chars.context([model.chars.alphabet.index(c) + 1 for c in run]))
    shouted = len(prefix) >= 2 and prefix[-2:].isupper()

    def expected(c: str) -> float:
        if c.isdigit():
            digit = -4.6 if not prefix else -7.0 if prefix[-1].isalpha() else -2.6
            return digit + (row[0] if run else 0)
        if c.lower() not in model.chars.alphabet:
            return -5.5 + (row[0] if run else 0)
        broken = prefix[-1:].islower() if c.isupper() else shouted
        return row[model.chars.alphabet.index(c.lower()) + 1] - 3.5 * broken

    found = model.next_log_probs(prefix, characters)
    np.testing.assert_allclose(found, [expected(c) for c in characters], rtol=1e-12)
    tail = model.next_log_probs(prefix[-model.reach :], characters)
    np.testing.assert_array_equal(found, tail)


def test_case_digits_and_marks_cost_what_they_should():
    model = load()
    likelier = [
        ("HELLO", "H3LL0"),
        ("Hello", "HeLlo"),
        ("HELLO", "HELLo"),
        ("restaurant", "restuarant"),
        ("don't", "dxn't"),
        ("2024", "2O24"),
    ]
    for better, worse in likelier:
        assert model.log_prob(better) > model.log_prob(worse) + 2, (better, worse)
    assert model.log_prob("Straße") == pytest.approx(
        model.log_prob("stra") + model.log_prob("e") - 5.5
    )


def test_words_of_the_user_count():
    model = load()
    taught = model.with_words(["Zyxel", "qwop"])
    assert taught.log_prob("ZYXEL") > model.log_prob("ZYXEL") + 5
    assert taught.log_prob("hello") == model.log_prob("hello")


def test_a_saved_model_says_the_same(tmp_path):
    model = build({word: float(n) for word, n in WORDS.items()}, order=4, prune=0.0)
    save(model, tmp_path / "a.npz")
    again = load(tmp_path / "a.npz")
    for word in (*WORDS, "bad", "nnn"):
        steps = (len(word) + 1) * 4 / 32  # a byte rounds by 1/32 in each of at most 4 terms
        assert again.log_prob(word) == pytest.approx(model.log_prob(word), abs=steps + 1 / 16)
    assert set(again.words) == set(model.words)


def test_files_that_are_no_model_are_refused(tmp_path):
    np.savez(tmp_path / "old.npz", version=np.array(99))
    with pytest.raises(ValueError, match=r"old\.npz: language model of version 99, this program"):
        load(tmp_path / "old.npz")
    with pytest.raises(FileNotFoundError, match="klingon"):
        load("klingon")


def test_build_from_the_command_line(tmp_path, capsys):
    (tmp_path / "corpus.txt").write_text("The cat sat. The cat's hat, 42 hats; café!", "utf-8")
    (tmp_path / "more.csv").write_text("ngram,freq\nhat,100\n", "utf-8")
    files = [str(tmp_path / name) for name in ("corpus.txt", "more.csv")]
    assert read_counts([tmp_path / "corpus.txt"])["café"] == 1
    out = str(tmp_path / "cats.npz")
    letters = "abcdefghijklmnopqrstuvwxyz'"
    assert main(["lm", "build", *files, "--output", out, "--alphabet", letters]) == 0
    assert "27 letters" in capsys.readouterr().out
    assert main(["lm", "score", "hat", "tah", "A4", "--language-model", out]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert float(lines[0][0]) > float(lines[1][0]) + 1 and lines[2][1:] == ["left", "alone", "A4"]
    assert main(["lm", "score", "x", "--language-model", str(tmp_path / "no.npz")]) == 1
