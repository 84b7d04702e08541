"""Calibration error on hand-worked bins; the diagram and the six-set averages."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.metrics.averages import COMMON, six_set_averages
from gemma3_jax.metrics.calibration import reliability, reliability_svg


def test_two_bins_by_hand() -> None:
    """Bin (0.8, 1]: confidences 0.9 and 1, one right: |0.5 - 0.95|. Bin (0.2, 0.4]: 0.3, wrong: 0.3."""
    bins = reliability([0.9, 1.0, 0.3], [True, False, False], bins=5)
    assert bins.counts.tolist() == [0, 1, 0, 0, 2]
    assert bins.error == pytest.approx((2 * 0.45 + 1 * 0.3) / 3)


def test_an_upper_edge_belongs_to_its_bin_and_zero_to_the_first() -> None:
    edges = [i / 15 for i in range(16)]
    assert reliability(edges, [True] * 16).counts.tolist() == [2, *[1] * 14]


def test_perfectly_calibrated_and_perfectly_wrong() -> None:
    assert reliability([1.0, 0.0], [True, False]).error == 0.0
    assert reliability([1.0, 0.0], [False, True]).error == 1.0
    assert reliability([], []).error == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_error_equals_the_definition(rows: list[tuple[float, bool]]) -> None:
    bins = reliability([c for c, _ in rows], [r for _, r in rows])
    assert bins.counts.sum() == len(rows)
    total = sum(c for c, _ in rows)
    assert float((bins.counts * bins.confidence).sum()) == pytest.approx(total)
    assert 0 <= bins.error <= 1 + 1e-12
    # Averaging within bins can only hide gaps, never make them: the error of one bin is a lower bound.
    assert bins.error >= abs(np.mean([r for _, r in rows]) - total / len(rows)) - 1e-9


def test_bad_confidences_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
        reliability([1.5], [True])
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
        reliability([float("nan")], [True])
    with pytest.raises(ValueError, match="2 confidences but 1 judgements"):
        reliability([0.5, 0.5], [True])


def test_the_diagram_has_a_bar_per_filled_bin() -> None:
    svg = reliability_svg(reliability([0.95, 0.9, 0.1], [True, False, False]))
    root = ElementTree.fromstring(svg)
    titles = [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert [title.split(",")[0] for title in titles] == ["1 words", "1 words", "1 words"]
    assert "3 words" in svg


def test_six_sets_in_all_cuts() -> None:
    common = {name: (0.9, 100) for name in COMMON}
    assert six_set_averages({**common, "ic13-857": (1.0, 857)}) == {}
    assert six_set_averages({"ic13-857": (1.0, 857), "ic15-2077": (0.5, 2077)}) == {}
    full = six_set_averages(
        {**common, "ic13-857": (1.0, 857), "ic15-1811": (0.6, 1811), "ic15-2077": (0.5, 2077)}
    )
    assert list(full) == ["ic13-857 ic15-1811", "ic13-857 ic15-2077"]
    mean, by_words = full["ic13-857 ic15-1811"]
    assert mean == pytest.approx((4 * 0.9 + 1.0 + 0.6) / 6)
    assert by_words == pytest.approx((360 + 857 + 0.6 * 1811) / (400 + 857 + 1811))
