"""Ranges of activations: histograms against NumPy's own statistics, and the ways to cut them off against brute force."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.quantize.codes import code_of, whole_weights
from gemma3_jax.quantize.ranges import (
    BINS,
    METHODS,
    ChannelMeans,
    Histogram,
    Ranges,
    entropy,
    largest,
    least_squares,
    percentile,
)


def counted(*parts: np.ndarray) -> Histogram:
    histogram = Histogram()
    for part in parts:
        histogram.add(part)
    return histogram


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), max_size=20), max_size=6))
def test_every_value_is_counted_whatever_came_before(parts):
    arrays = [np.array(part, np.float32) for part in parts]
    histogram, values = counted(*arrays), np.concatenate([np.zeros(0, np.float32), *arrays])
    assert histogram.counts.sum() == len(values)
    if len(values):
        width = 2 * histogram.top / BINS
        low, high = largest(histogram)
        assert high >= values.max() - 1e-3 and low <= values.min() + 1e-3 and low <= 0 < high
        assert high <= max(values.max(), 0) + 2 * width and low >= min(values.min(), 0) - 2 * width


def test_percentiles_are_those_of_numpy():
    rng = np.random.default_rng(0)
    signed = rng.normal(0.5, 3, 200_000).astype(np.float32)
    low, high = percentile(counted(signed[:1000], signed[1000:]), 99.0)
    np.testing.assert_allclose([low, high], np.percentile(signed, [0.5, 99.5]), atol=0.02)
    positive = np.abs(signed)
    low, high = percentile(counted(positive), 99.0)  # all of the 1 % lies at one end
    assert low == 0 and abs(high - np.percentile(positive, 99)) < 0.02


def test_least_squares_is_the_best_of_all_ranges():
    """Against rounding the values themselves to 255 steps of every range tried."""
    values = np.abs(np.random.default_rng(1).standard_t(3, 50_000)).astype(np.float32)
    _, high = least_squares(counted(values))

    def error(top: float) -> float:
        step = top / 255
        return float(((np.rint(values.clip(0, top) / step) * step - values) ** 2).mean())

    best = min(error(values.max() * f) for f in np.geomspace(1, 0.1, 60))
    assert high < values.max() and error(high) < 1.02 * best


def test_entropy_cuts_off_what_hardly_ever_comes():
    rng = np.random.default_rng(2)
    values = np.append(np.abs(rng.normal(0, 1, 100_000)), 100.0).astype(np.float32)
    assert entropy(counted(values))[1] < 20 < largest(counted(values))[1]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_a_range_with_zero_in_it(method):
    rng = np.random.default_rng(3)
    for values in (rng.normal(5, 1, 999), rng.normal(-5, 1, 999), rng.random(999), np.zeros(9)):
        low, high = METHODS[method](counted(values.astype(np.float32)))
        assert low <= 0 < high


def test_channel_means_are_those_of_all_cells_together():
    rng = np.random.default_rng(0)
    maps = [rng.normal(3, 2, (b, 4, h, w)).astype(np.float32) for b, h, w in ((1, 5, 7), (3, 2, 9))]
    seen = ChannelMeans()
    assert seen.means == []
    for one in maps:
        seen.add(one)
    cells = np.concatenate([one.transpose(1, 0, 2, 3).reshape(4, -1) for one in maps], axis=1)
    np.testing.assert_allclose(seen.means, cells.mean(axis=1), rtol=1e-6)


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        counted(np.array([1.0, np.nan]))


def test_ranges_come_back_from_their_file(tmp_path):
    spans = {"a/b": (0.0, 1.5), "c": (-2.25, 0.125)}
    ranges = Ranges("0123", "max", 5, spans, {"c": [0.25, -1.5, 0.0]})
    ranges.save(tmp_path / "q.json")
    assert Ranges.load(tmp_path / "q.json") == ranges
    bare = json.loads((tmp_path / "q.json").read_text())
    del bare["means"]  # as files were before there were means
    (tmp_path / "old.json").write_text(json.dumps(bare))
    assert Ranges.load(tmp_path / "old.json") == Ranges("0123", "max", 5, spans)
    assert json.loads((tmp_path / "q.json").read_text())["tensors"]["c"] == [-2.25, 0.125]


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e3, 0), st.floats(1e-3, 1e3))
def test_zero_is_a_byte_and_the_range_is_covered_to_half_a_step(low, high):
    code = code_of("x", (low, high))
    assert 0 <= code.zero <= 255 and (code.zero - code.zero) * code.scale == 0
    reached = (np.array([0, 255]) - code.zero) * code.scale
    np.testing.assert_allclose(reached, [low, high], atol=0.51 * code.scale)


def test_weights_are_rounded_per_output_channel():
    rng = np.random.default_rng(4)
    weight = rng.normal(size=(5, 3, 3, 3)) * np.array([1e-3, 1, 30, 0, 5])[:, None, None, None]
    whole, scale = whole_weights(weight, 0)
    assert whole.dtype == np.int8 and np.abs(whole.astype(int)).max() == 127
    error = np.abs(whole * scale[:, None, None, None] - weight).max(axis=(1, 2, 3))
    assert (error <= 0.5001 * scale).all() and not whole[3].any()
    turned, again = whole_weights(weight.reshape(5, -1).T, 1)
    np.testing.assert_array_equal(turned.T, whole.reshape(5, -1))
    np.testing.assert_array_equal(again, scale)
