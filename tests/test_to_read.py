"""Words read together with the next one of their line."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.charset import Charset
from gemma3_jax.config import STRIDE, Config, DataConfig
from gemma3_jax.decoding.boxes import sides
from gemma3_jax.training.to_read import next_in_line, nothing_to_read, touching, with_next
from gemma3_jax.types import Batch, DetectionMaps

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


@settings(deadline=None)  # compiling
@given(
    st.lists(st.tuples(*[st.floats(0, 50)] * 2, *[st.floats(1, 30)] * 2), min_size=1, max_size=5),
    st.lists(
        st.tuples(*[st.floats(0, 50)] * 2, *[st.floats(1, 30)] * 2, st.booleans()),
        min_size=1,
        max_size=5,
    ),
)
def test_boxes_touch_where_they_share_an_area(boxes, words):
    quads, others = (
        jnp.asarray(np.stack([box(*one[:4]) for one in some]))[None] for some in (boxes, words)
    )
    found = touching(quads, others, jnp.array([[word[4] for word in words]]))[0]
    for (x, y, w, h), touches in zip(boxes, found.tolist(), strict=True):
        shares = [
            min(x + w, u + r) - max(x, u) > 1e-3 and min(y + h, v + s) - max(y, v) > 1e-3
            for u, v, r, s, valid in words
            if valid
        ]
        apart = [
            min(x + w, u + r) - max(x, u) < -1e-3 or min(y + h, v + s) - max(y, v) < -1e-3
            for u, v, r, s, valid in words
            if valid
        ]
        assert touches or not any(shares)
        assert not touches or not all(apart)


def peaks_at(cells: list[tuple[int, int]]) -> DetectionMaps:
    """Maps of 16 x 16 cells with ever lower peaks, (column, row), each of a box of 6 x 3 cells around it."""
    centre = np.full((1, 16, 16), -9.0, np.float32)
    for rank, (column, row) in enumerate(cells):
        centre[0, row, column] = 3.0 - rank
    corners = np.array([[-3, -1.5], [3, -1.5], [3, 1.5], [-3, 1.5]], np.float32)
    # every cell of a box sees the corners of the box
    at = np.stack(np.meshgrid(np.arange(16), np.arange(16)), axis=-1)[:, :, None] + 0.5
    nearest = np.array(cells)[np.abs(at - np.array(cells) - 0.5).max(-1).argmin(-1)]  # [16, 16, 2]
    seen = corners + (nearest + 0.5)[:, :, None] - at
    return DetectionMaps(jnp.asarray(centre), jnp.asarray(seen[None], jnp.float32))


def test_nothing_is_read_in_the_likeliest_boxes_that_touch_no_word():
    """Of four peaks the first lies on a word, the third on a do-not-care region."""
    maps = peaks_at([(3, 2), (12, 2), (3, 8), (12, 13)])
    words = np.stack([box(4, 4, 20, 8), box(0, 24, 28, 20), box(30, 30, 20, 20)])[None]
    flags = np.array([[True, True, False]])
    scenes = Batch(
        None, jnp.asarray(words), None, jnp.asarray(flags), jnp.asarray([[False, True, True]])
    )
    config = Config(data=DataConfig(read_nothing=3))
    quads, valid = nothing_to_read(config, maps, scenes, jax.random.key(0))
    assert valid.tolist() == [[True, True, False]]
    centres = np.asarray(quads[0, :2].mean(1)) / STRIDE - 0.5
    np.testing.assert_allclose(centres, [[12, 2], [12, 13]], atol=1e-3)
    width, height = sides(np.asarray(quads[0, :2]))
    assert ((height >= 12 - 1e-3) & (height <= 12 * 1.3 + 1e-3)).all()  # margins of 0 to 1.5
    assert ((width >= 24 - 1e-3) & (width <= 24 + 0.6 * 12 + 1e-3)).all()


def test_the_detector_learns_nothing_from_what_is_read_as_nothing():
    maps = peaks_at([(3, 2), (12, 13)])
    scenes = Batch(
        None, jnp.zeros((1, 1, 4, 2)), None, jnp.zeros((1, 1), bool), jnp.zeros((1, 1), bool)
    )

    def total(maps):
        config = Config(data=DataConfig(read_nothing=2))
        return nothing_to_read(config, maps, scenes, jax.random.key(0))[0].sum()

    assert all(not np.asarray(leaf).any() for leaf in jax.grad(total)(maps))
