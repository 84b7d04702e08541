"""Page figures: bags of words, words in their places, the gallery of mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gemma3_jax.data.corpora import rectangle
from gemma3_jax.metrics.calibration import reliability
from gemma3_jax.metrics.detection import Found, Truth
from gemma3_jax.metrics.documents import bag_of_words, error_rates, tokens, word_scores_in_place
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


def test_boxes_are_paired_by_overlap_alone() -> None:
    """As docTR does: the best-fitting box is the pair even where another one has the right text."""
    truth = Truth(place(0)[None], ["a"], np.zeros(1, bool))
    shifted = Found(np.array([place(0), place(0.1)]), ["x", "a"])  # IoU 1 and 2/3
    assert word_scores_in_place([(truth, shifted)])[3:] == (0, 1, 2)
    assert word_scores_in_place([(truth, Found(shifted.quads, ["a", "x"]))])[3:] == (1, 1, 2)


def test_pairs_make_the_sum_of_overlaps_greatest() -> None:
    """Greedy pairing would give the first truth its best box and leave the second without."""
    truth = Truth(
        np.array([rectangle(0, 0, 10, 10), rectangle(2, 0, 12, 10)]), ["a", "b"], np.zeros(2, bool)
    )
    found = Found(np.array([rectangle(1, 0, 11, 10), rectangle(-2, 0, 8, 10)]), ["b", "a"])
    assert word_scores_in_place([(truth, found)])[3:] == (2, 2, 2)


def test_half_an_overlap_is_enough() -> None:
    """IoU 0.5 exactly counts in docTR; in ICDAR's protocols it must be exceeded."""
    truth = Truth(rectangle(0, 0, 10, 10)[None], ["a"], np.zeros(1, bool))
    assert word_scores_in_place([(truth, Found(rectangle(0, 0, 10, 5)[None], ["a"]))]).matched == 1
    assert (
        word_scores_in_place([(truth, Found(rectangle(0, 0, 10, 4.9)[None], ["a"]))]).matched == 0
    )


def test_do_not_care_places_count_on_neither_side() -> None:
    truth = Truth(np.array([place(0), place(1)]), ["", "b"], np.array([True, False]))
    found = Found(np.array([place(0), place(1)]), ["x", "b"])
    assert word_scores_in_place([(truth, found)]) == (1, 1, 1, 1, 1, 1)


def test_pages_without_words_or_answers() -> None:
    none = np.zeros((0, 4, 2))
    empty = Truth(none, [], np.zeros(0, bool)), Found(none, [])
    assert word_scores_in_place([empty]) == (0, 0, 0, 0, 0, 0)


def test_error_rates_weigh_pages_by_length() -> None:
    """ab cd read as ab cx is one of 5 characters and one of 2 words; e is read right."""
    rates = error_rates([(["ab", "cd"], ["ab", "cx"]), (["e"], ["e"])])
    assert rates == (pytest.approx(1 / 6), pytest.approx(1 / 3))


def test_a_word_too_many_and_a_word_missing() -> None:
    assert error_rates([(["a", "b"], ["a", "x", "b"])]) == (pytest.approx(2 / 3), 0.5)
    assert error_rates([(["a", "b"], ["b"])]) == (pytest.approx(2 / 3), 0.5)
    assert error_rates([([], [])]) == (0, 0)
    assert error_rates([([], ["noise"])]) == (1, 1)
    assert error_rates([(["a"], ["bb", "c"])]) == (4, 2)  # they may exceed one


def mistake(truth: str, read: str, confidence: float = 0.5) -> Mistake:
    return Mistake(np.zeros((8, 20, 3), np.uint8), truth, read, confidence, "p.jpg")


def test_the_worst_mistakes_come_first() -> None:
    near, sure, far = mistake("word", "ward"), mistake("word", "ward", 0.9), mistake("word", "xyz")
    missed = mistake("word", "", 0.0)
    order = worst_first([missed, near, far, sure])
    assert order[0] is sure and order[1] is far and order[2] is near and order[3] is missed


def test_the_gallery_is_one_file_and_escapes_what_was_read(tmp_path: Path) -> None:
    many = [mistake("<b>", "a&b"), *[mistake("w", "v")] * 5]
    bins = reliability([0.5], [False])
    write_gallery(tmp_path / "e.html", {"ic15-val": many, "none": []}, 3, {"none": bins})
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page and "a&amp;b" in page and "<b>" not in page
    assert page.count("data:image/jpeg;base64,") == 3
    assert page.count("<svg") == 1 and page.index("<svg") > page.index("none: 0 mistakes")
    assert "ic15-val: 6 mistakes" in page and "none: 0 mistakes" in page
