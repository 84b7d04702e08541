"""Lexicons: the nearest word against a brute-force search, and what is dropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.data.corpora import rectangle
from gemma3_jax.metrics.detection import Found
from gemma3_jax.metrics.edit_distance import edit_distance
from gemma3_jax.metrics.lexicons import Lexicon, with_lexicon


def test_the_nearest_word_is_found_whatever_the_case() -> None:
    lexicon = Lexicon(["Hotel", "Station", "hostel"])
    assert lexicon.words == ("HOTEL", "STATION", "HOSTEL")
    assert lexicon.nearest("hotel") == ("HOTEL", 0)
    assert lexicon.nearest("H0stel") == ("HOSTEL", 1)
    assert lexicon.nearest("Stat10n") == ("STATION", 2)


def test_of_equally_near_words_the_first_is_taken() -> None:
    assert Lexicon(["cat", "bat"]).nearest("rat") == ("CAT", 1)
    assert Lexicon(["rats", "bat"]).nearest("rat") == ("RATS", 1)  # an insertion counts as a change
    assert Lexicon(["bat", "rats"]).nearest("rat") == ("BAT", 1)


def test_an_empty_reading_is_as_far_as_the_shortest_word() -> None:
    assert Lexicon(["open", "bar"]).nearest("") == ("BAR", 3)


def test_a_lexicon_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        Lexicon([])


@given(st.lists(st.text("AB", max_size=5), min_size=1, max_size=8), st.text("ABC", max_size=6))
def test_nearest_equals_brute_force(words: list[str], text: str) -> None:
    distances = [edit_distance(text, word) for word in words]
    best = min(distances)
    assert Lexicon(words).nearest(text) == (words[distances.index(best)], best)


def test_far_readings_are_dropped_unless_none_is_to_be() -> None:
    quads = np.array([rectangle(20 * i, 0, 20 * i + 10, 10) for i in range(3)])
    found = Found(quads, ["hotel", "H0tel", "5.00"])
    strong = with_lexicon(found, Lexicon(["Hotel", "Bar"]))
    assert strong.texts == ["HOTEL", "HOTEL"]
    np.testing.assert_array_equal(strong.quads, quads[:2])
    generic = with_lexicon(found, Lexicon(["Hotel", "Bar"]), farthest=None)
    assert generic.texts == ["HOTEL", "HOTEL", "BAR"]
    assert with_lexicon(Found(quads[:0], []), Lexicon(["a"])).quads.shape == (0, 4, 2)
