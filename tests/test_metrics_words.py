"""Word figures on hand-worked examples and against a textbook edit distance."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.metrics.edit_distance import edit_distance
from gemma3_jax.metrics.words import (
    accuracy,
    character_error_rate,
    exact_accuracy,
    letters_and_digits,
    one_minus_ned,
    word_scores,
)


@pytest.mark.parametrize(
    ("text", "reduced"),
    [("Hello!", "hello"), ("62-03", "6203"), ("$5.00", "500"), ("&", ""), ("É1", "1"), ("", "")],
)
def test_the_36_symbols(text: str, reduced: str) -> None:
    assert letters_and_digits(text) == reduced


def test_accuracy_ignores_case_and_punctuation() -> None:
    assert accuracy(["Hello!", "62-03", "shop"], ["HELLO", "6203", "ship"]) == pytest.approx(2 / 3)


def test_a_truth_of_punctuation_alone_is_not_counted() -> None:
    assert accuracy(["&", "a"], ["x", "a"]) == 1.0
    assert accuracy(["&"], ["&"]) == 0.0  # nothing is left to count


def test_exact_means_every_character() -> None:
    assert exact_accuracy(["Hello!", "a", "a "], ["Hello!", "A", "a"]) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("", "", 0), ("flaw", "lawn", 2)],
)
def test_edit_distance_of_textbook_pairs(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == distance


def test_edit_distance_of_words_compares_words() -> None:
    assert edit_distance(["the", "cat", "sat"], ["the", "hat", "sat", "down"]) == 2


@given(st.text("ab1 ", max_size=9), st.text("ab1 ", max_size=9))
def test_edit_distance_equals_the_recursive_definition(first: str, second: str) -> None:
    @functools.cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        same = distance(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(same, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    assert edit_distance(first, second) == distance(len(first), len(second))


def test_one_minus_ned_divides_by_the_longer_text() -> None:
    assert one_minus_ned(["abcd", "ab"], ["abcd", "abcd"]) == pytest.approx((1 + 0.5) / 2)
    assert one_minus_ned(["", "abc"], ["", ""]) == pytest.approx(0.5)
    assert one_minus_ned([], []) == 0.0


def test_character_error_rate_weighs_by_length() -> None:
    assert character_error_rate(["abcdefgh", "ab"], ["abcdefgh", "xy"]) == pytest.approx(0.2)
    assert character_error_rate(["a"], ["abc"]) == 2.0  # it may exceed one
    assert character_error_rate([""], [""]) == 0.0
    assert character_error_rate([""], ["noise"]) == 1.0
    assert character_error_rate([], []) == 0.0


def test_all_figures_at_once() -> None:
    figures = word_scores(["Ab", "cd"], ["ab", "cx"])
    assert figures == (0.5, 0.0, 0.5, 0.5, 2)


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 true words but 1 read"):
        word_scores(["a", "b"], ["a"])
