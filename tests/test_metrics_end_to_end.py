"""The ICDAR 2015 end-to-end protocol and word spotting, rule by rule."""

from __future__ import annotations

import numpy as np
import pytest

from gemma3_jax.data.corpora import rectangle
from gemma3_jax.metrics.detection import Found, Truth
from gemma3_jax.metrics.end_to_end import end_to_end_scores, spotting_word, texts_match


def places(n: int) -> np.ndarray:
    boxes = [rectangle(20 * i, 0, 20 * i + 10, 10) for i in range(n)]
    return np.array(boxes, np.float32).reshape(-1, 4, 2)


def image(truths: list[str], reads: list[str], ignore: list[bool] | None = None):
    """Truth i and answer i lie in the same place."""
    flags = np.array(ignore if ignore is not None else [t == "###" for t in truths], bool)
    return Truth(places(len(truths)), truths, flags), Found(places(len(reads)), reads)


@pytest.mark.parametrize(
    ("truth", "read", "same"),
    [
        ("Hello", "HELLO", True),
        ("Hello", "Hallo", False),
        ("Hello!", "hello", True),
        ("(Hello", "hello", True),
        ("(Hello)", "hello", True),
        ("(Hello)", "hello)", True),
        ("((Hello", "hello", False),  # one character at an end, no more
        ("((Hello", "(hello", True),
        ("Hello", "Hello!", False),  # the answer may not add one
        ("it's", "its", False),  # nor may one go from the middle
        ("#5", "5", False),  # not on the list
        ("-5", "5", False),
        ("!", "", True),
        ("", "", True),
        ("", "x", False),
        ("·A[", "a", True),
        ("'A/", "a", True),
    ],
)
def test_which_texts_are_the_same(truth: str, read: str, same: bool) -> None:
    assert texts_match(truth, read) is same


def test_found_but_misread_counts_on_both_sides() -> None:
    scores = end_to_end_scores([image(["one", "two"], ["one", "too"])])
    assert scores == (0.5, 0.5, 0.5, 1, 2, 2)


def test_do_not_care_words_and_the_answers_on_them_are_left_out() -> None:
    scores = end_to_end_scores([image(["one", "###"], ["ONE", "anything"])])
    assert scores == (1, 1, 1, 1, 1, 1)


def test_a_wrong_text_uses_the_truth_up() -> None:
    """The first overlapping answer is the pair, right or wrong, as in the official script."""
    truth, _ = image(["one"], [])
    twice = np.repeat(places(1), 2, axis=0)
    assert end_to_end_scores([(truth, Found(twice, ["won", "one"]))]).matched == 0
    assert end_to_end_scores([(truth, Found(twice, ["one", "won"]))]).matched == 1


def test_the_right_text_in_the_wrong_place_is_wrong() -> None:
    truth, found = image(["one"], ["one"])
    scores = end_to_end_scores([(truth, Found(found.quads + 100, ["one"]))])
    assert scores == (0, 0, 0, 0, 1, 1)


@pytest.mark.parametrize("spotting", [False, True])
def test_nothing_there_and_nothing_found(spotting: bool) -> None:
    assert end_to_end_scores([], spotting) == (0, 0, 0, 0, 0, 0)
    assert end_to_end_scores([image([], [])], spotting) == (0, 0, 0, 0, 0, 0)
    assert end_to_end_scores([image(["word"], [])], spotting) == (0, 0, 0, 0, 1, 0)
    assert end_to_end_scores([image([], ["word"])], spotting) == (0, 0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Hotel", "Hotel"),
        ("Joe's", "Joe"),
        ("JOE'S", "JOE"),
        ("-out-", "out"),
        ("(SALE!)", "SALE"),
        ("co-op", "co-op"),
        ("Café", "Café"),
        ("to", None),  # shorter than three
        ("it's", None),  # "it" once the 's is gone
        ("24h", None),  # a digit
        ("a.m.b", None),  # special characters inside leave gaps
        ("two words", None),
        ("a&bc", None),
        ("a×bc", None),
        ("", None),
    ],
)
def test_which_words_are_spotted(text: str, word: str | None) -> None:
    assert spotting_word(text) == word


def test_spotting_drops_what_it_does_not_look_for() -> None:
    page = [image(["Hotel", "24h", "to", "###"], ["hotel", "wrong", "wrong", "wrong"])]
    assert end_to_end_scores(page, word_spotting=True) == (1, 1, 1, 1, 1, 1)
    assert end_to_end_scores(page).matched == 1
    assert end_to_end_scores(page).truths == 3


def test_spotting_compares_the_cleaned_truth() -> None:
    page = [image(["(SALE!)"], ["sale"])]
    assert end_to_end_scores(page, word_spotting=True).recall == 1.0
    assert end_to_end_scores([image(["(SALE!)"], ["(sale!)"])], word_spotting=True).recall == 0.0


def test_the_truth_is_left_as_it_was() -> None:
    truth, found = image(["24h", "Hotel"], ["24h", "hotel"])
    end_to_end_scores([(truth, found)], word_spotting=True)
    assert not truth.ignore.any() and truth.texts == ["24h", "Hotel"]
