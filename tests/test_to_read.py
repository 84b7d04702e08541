"""Words read together with the next one of their line."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.charset import Charset
from gemma3_jax.training.to_read import next_in_line, with_next

CHARSET = Charset()


def box(left: float, top: float, width: float, height: float, degrees: float = 0.0) -> np.ndarray:
    """A word's quad, turned about the origin."""
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    corners = corners + np.array([left, top])
    turn = np.radians(degrees)
    return corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def read(quads, texts: list[str], wanted: list[bool]) -> tuple[np.ndarray, list[str]]:
    labels = jnp.asarray(CHARSET.pad(texts, 12), jnp.int32)
    readable = jnp.asarray([bool(text) for text in texts])
    space = CHARSET.encode(" ")[0]
    boxes = jnp.asarray(np.stack(quads))
    quads, labels = with_next(boxes, labels, readable, jnp.asarray(wanted), space=space)
    return np.asarray(quads), [CHARSET.decode(row) for row in np.asarray(labels)]


@pytest.mark.parametrize("degrees", [0, 30, -90, 170])
def test_a_line_of_three_is_joined_in_its_own_direction(degrees):
    """Two words a third of their height apart, the third far away; listed out of order."""
    line = [box(x, 0, w, 10, degrees) for x, w in ((53, 30), (0, 20), (23.5, 25))]
    quads, texts = read(line, ["end", "PTE", "LTD."], [True] * 3)
    assert texts == ["end", "PTE LTD.", "LTD. end"]
    np.testing.assert_allclose(quads[1], box(0, 0, 48.5, 10, degrees), atol=1e-4)
    np.testing.assert_allclose(quads[0], line[0], atol=1e-4)


def test_only_wanted_pairs_that_fit_a_label_are_joined():
    line = [box(0, 0, 20, 10), box(23, 0, 40, 10), box(67, 0, 20, 10)]
    assert read(line, ["of", "the", "way"], [False, True, True])[1] == ["of", "the way", "way"]
    assert read(line, ["twelve", "letter", "no"], [True] * 3)[1][0] == "twelve"  # 13 of 12
    assert read(line, ["twelv", "letter", "no"], [True] * 3)[1][0] == "twelv letter"
    assert read(line, ["of", "", "way"], [True] * 3)[1] == ["of", "", "way"]


@pytest.mark.parametrize(
    "second",
    [
        box(20.5, 0, 20, 10),  # no space between: "12/" and "17/"
        box(31, 0, 20, 10),  # another column
        box(23, 4, 20, 10),  # another line
        box(23, -5, 20, 20),  # another size
        box(23, 0, 20, 10, 40),  # another direction
        box(-23, 0, 20, 10),  # before it
    ],
)
def test_what_does_not_follow_on_the_line_is_not_joined(second):
    assert read([box(0, 0, 20, 10), second], ["PTE", "LTD"], [True, False])[1][0] == "PTE"


@settings(deadline=None)  # compiling
@given(
    st.lists(
        st.tuples(st.floats(0, 60), st.integers(0, 2), st.floats(4, 30), st.booleans()), min_size=2
    )
)
def test_the_next_word_is_the_nearest_that_fits(words):
    """Upright words of one height on three lines: a loop over all pairs."""
    quads = jnp.asarray(np.stack([box(x, 20.0 * row, w, 10) for x, row, w, _ in words]))
    readable = [legible for *_, legible in words]
    found = np.asarray(next_in_line(quads, jnp.asarray(readable)))
    left, right = (np.asarray(quads[:, k, 0], np.float64) for k in (0, 1))
    for i, (_, row, _, legible) in enumerate(words):
        gaps = {
            j: float(left[j] - right[i])
            for j, other in enumerate(words)
            if legible and other[3] and other[1] == row and 1.2 <= left[j] - right[i] <= 10
        }
        if gaps and found[i] >= 0:
            assert gaps[int(found[i])] == pytest.approx(min(gaps.values()), abs=1e-3)
        elif gaps or found[i] >= 0:  # on the edge of what fits
            gap = min(gaps.values()) if gaps else float(left[found[i]] - right[i])
            assert min(abs(gap - 1.2), abs(gap - 10)) < 1e-3
