"""Page figures: bags of words, words in their places, the gallery of mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gemma3_jax.data.corpora import rectangle
from gemma3_jax.metrics.detection import Found, Truth
from gemma3_jax.metrics.documents import bag_of_words, tokens, word_scores_in_place
from gemma3_jax.metrics.gallery import Mistake, worst_first, write_gallery
from gemma3_jax.metrics.scores import scores


def test_tokens_are_cut_at_white_space() -> None:
    assert tokens(["GRAND  Total: 5.00", "", "x"]) == ["GRAND", "Total:", "5.00", "x"]
    assert tokens(["Total"], ignore_case=True) == tokens(["TOTAL"], ignore_case=True)


def test_a_word_said_twice_counts_twice() -> None:
    result = bag_of_words([(["the", "the", "cat"], ["the", "cat", "cat", "sat"])])
    assert result == (pytest.approx(2 / 4), pytest.approx(2 / 3), pytest.approx(4 / 7), 2, 3, 4)


def test_words_of_one_page_do_not_help_another() -> None:
    assert bag_of_words([(["a"], ["b"]), (["b"], ["a"])]).matched == 0


def test_case_counts() -> None:
    assert bag_of_words([(["Date"], ["DATE"])]).matched == 0


@pytest.mark.parametrize(
    ("truth", "read", "expected"),
    [
        ([], [], (0, 0, 0, 0, 0, 0)),
        (["a"], [], (0, 0, 0, 0, 1, 0)),
        ([], ["a"], (0, 0, 0, 0, 0, 1)),
        (["a"], ["a"], (1, 1, 1, 1, 1, 1)),
    ],
)
def test_empty_bags(truth: list[str], read: list[str], expected: tuple) -> None:
    assert bag_of_words([(truth, read)]) == expected


def test_the_harmonic_mean_of_unequal_shares() -> None:
    assert scores(1, 2, 4).hmean == pytest.approx(2 * 0.25 * 0.5 / 0.75)


def place(i: float) -> np.ndarray:
    return rectangle(20 * i, 0, 20 * i + 10, 10)


def test_a_word_in_place_needs_its_exact_text() -> None:
    truth = Truth(np.array([place(0), place(1), place(2)]), ["a", "b", "c"], np.zeros(3, bool))
    found = Found(np.array([place(0), place(1), place(5)]), ["a", "B", "c"])
    assert word_scores_in_place([(truth, found)])[3:] == (1, 3, 3)


def test_of_two_answers_in_one_place_the_right_text_is_taken_once() -> None:
    truth = Truth(place(0)[None], ["a"], np.zeros(1, bool))
    found = Found(np.array([place(0)] * 3), ["x", "a", "a"])
    assert word_scores_in_place([(truth, found)])[3:] == (1, 1, 3)


def test_do_not_care_places_count_on_neither_side() -> None:
    truth = Truth(np.array([place(0), place(1)]), ["", "b"], np.array([True, False]))
    found = Found(np.array([place(0), place(1)]), ["x", "b"])
    assert word_scores_in_place([(truth, found)]) == (1, 1, 1, 1, 1, 1)


def test_pages_without_words_or_answers() -> None:
    none = np.zeros((0, 4, 2))
    empty = Truth(none, [], np.zeros(0, bool)), Found(none, [])
    assert word_scores_in_place([empty]) == (0, 0, 0, 0, 0, 0)


def mistake(truth: str, read: str, confidence: float = 0.5) -> Mistake:
    return Mistake(np.zeros((8, 20, 3), np.uint8), truth, read, confidence, "p.jpg")


def test_the_worst_mistakes_come_first() -> None:
    near, sure, far = mistake("word", "ward"), mistake("word", "ward", 0.9), mistake("word", "xyz")
    order = worst_first([near, sure, far])
    assert order[0] is far and order[1] is sure and order[2] is near


def test_the_gallery_is_one_file_and_escapes_what_was_read(tmp_path: Path) -> None:
    many = [mistake("<b>", "a&b"), *[mistake("w", "v")] * 5]
    write_gallery(tmp_path / "e.html", {"ic15-val": many, "none": []}, limit=3)
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page and "a&amp;b" in page and "<b>" not in page
    assert page.count("data:image/jpeg;base64,") == 3
    assert "ic15-val: 6 mistakes" in page and "none: 0 mistakes" in page
