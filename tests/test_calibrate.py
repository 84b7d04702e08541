"""Temperatures: what they do to a confidence, how they are fitted, and that no word comes or goes by them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from fake_engine import FakeEngine, picture
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.evaluation import calibrate
from gemma3_jax.evaluation.outcomes import Boxed, Outcome
from gemma3_jax.metrics.calibration import fit_logistic, fit_temperature, reliability, tempered
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Alternative, Word
from gemma3_jax.pretrained import load_calibration
from gemma3_jax.reading.confidence import calibrated
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.presence import Presence, evidence
from gemma3_jax.training.card import calibration_note

share = st.floats(0, 1)
temperature = st.floats(0.2, 5)


def test_odds_by_hand() -> None:
    """Nine to one: the square root is three to one, the square 81 to one."""
    assert tempered(0.9, 2) == pytest.approx(3 / 4)
    assert tempered(0.9, 0.5) == pytest.approx(81 / 82)
    assert tempered(0.1, 2) == pytest.approx(1 / 4)
    assert [tempered(c, 3) for c in (0.0, 0.5, 1.0)] == [0.0, 0.5, 1.0]


@given(share, share, temperature)
def test_neither_order_nor_side_changes(a: float, b: float, t: float) -> None:
    low, high = sorted((a, b))
    assert 0 <= tempered(low, t) <= tempered(high, t) <= 1
    assert (tempered(a, t) >= 0.5) == (a >= 0.5)


@given(st.lists(st.tuples(st.floats(0.02, 0.98), st.booleans()), min_size=1, max_size=30))
def test_the_fit_is_that_of_a_fine_grid(rows: list[tuple[float, bool]]) -> None:
    def surprise(t: float) -> float:
        chances = [tempered(c, t) if right else 1 - tempered(c, t) for c, right in rows]
        return -sum(math.log(chance) for chance in chances)

    found = fit_temperature([c for c, _ in rows], [right for _, right in rows])
    assert surprise(found) <= min(surprise(t) for t in np.geomspace(0.2, 5, 200)) + 1e-6


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found_and_mends_the_error(true: float) -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.02, 0.98, 20_000)
    honest = np.array([tempered(c, true) for c in sure])
    right = rng.uniform(size=sure.size) < honest
    found = fit_temperature(sure.tolist(), right.tolist())
    assert found == pytest.approx(true, rel=0.06)
    after = reliability([tempered(c, found) for c in sure], right.tolist()).error
    assert after < 0.015
    assert true == 1 or reliability(sure.tolist(), right.tolist()).error > 0.08


def test_weights_count_as_repetitions() -> None:
    sure, right = [0.6, 0.7, 0.9], [True, False, True]
    twice = fit_temperature([*sure, 0.7], [*right, False])
    assert fit_temperature(sure, right, [1, 2, 1]) == pytest.approx(twice, rel=1e-6)
    with pytest.raises(ValueError, match="no words"):
        fit_temperature([], [])


def test_what_is_left_is_shared_by_the_alternatives() -> None:
    others = (Alternative("Hallo", 0.08), Alternative("Hullo", 0.02))
    word = Word("Hello", 0.9, np.zeros((4, 2), np.float32), alternatives=others)
    (milder,) = calibrated([word], 2)
    assert milder.confidence == pytest.approx(0.75)
    assert [one.confidence for one in milder.alternatives] == pytest.approx([0.2, 0.05])
    assert calibrated([word], 1) == [word]


def test_the_same_words_are_kept() -> None:
    """A page of three words read with every confidence moved: only `confidence` is another."""
    page = picture(150, 260, {0: (40, 30, 140, 60), 1: (160, 30, 240, 60), 2: (40, 75, 200, 105)})
    plain = GemmaOCR(FakeEngine(["Open", "daily", "8:30"]), ReadOptions(language="off"))
    for t in (0.3, 3.0):
        other = plain.with_options(page_temperature=t, word_temperature=1 / t)
        pairs = zip(plain.read(page).words, other.read(page).words, strict=True)
        for before, after in pairs:
            assert after.text == before.text
            assert after.confidence == pytest.approx(tempered(before.confidence, t))
        crop = plain.recognize([page[30:60, 40:140]])[0], other.recognize([page[30:60, 40:140]])[0]
        assert crop[1].confidence == pytest.approx(tempered(crop[0].confidence, 1 / t))
    with pytest.raises(ValueError, match=r"page_temperature=0.*positive"):
        plain.with_options(page_temperature=0)


@given(st.lists(st.tuples(st.floats(-3, 3), st.booleans()), min_size=2, max_size=30))
def test_the_logistic_fit_is_where_its_cost_is_flat(rows: list[tuple[float, bool]]) -> None:
    """By the definition of the cost, looked at a little to every side."""
    evidences, right = [(1.0, x) for x, _ in rows], [r for _, r in rows]
    found = fit_logistic(evidences, right, ridge=0.1)

    def cost(weights) -> float:
        odds = [sum(w * e for w, e in zip(weights, row, strict=True)) for row in evidences]
        likely = [1 / (1 + math.exp(-o if r else o)) for o, r in zip(odds, right, strict=True)]
        return -sum(map(math.log, likely)) + 0.05 * sum(w**2 for w in weights)

    for aside in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert cost(found) < cost(found + np.array(aside))


def test_a_known_logistic_law_is_found() -> None:
    rng = np.random.default_rng(0)
    true = np.array([-0.5, 1.5, 0.8])
    rows = np.concatenate([np.ones((20_000, 1)), rng.normal(size=(20_000, 2))], axis=1)
    right = rng.uniform(size=len(rows)) < 1 / (1 + np.exp(-rows @ true))
    np.testing.assert_allclose(fit_logistic(rows.tolist(), right.tolist()), true, atol=0.07)
    with pytest.raises(ValueError, match="no cases"):
        fit_logistic([], [])


def test_presence_by_hand() -> None:
    """Odds of 3 to 1 by the reader, squared, times 1 to 4 by the detector, times the four letters: 9 to 1."""
    assert Presence(0, 2, 1, 1).of(0.75, 0.2, 4) == pytest.approx(0.9)
    assert Presence().of(0.3, 0.8, 5) == pytest.approx(0.8)
    assert evidence(0.5, 0.5, 0) == (1, 0, 0, 0)  # no letter counts as one


def test_a_box_with_a_word_that_cannot_be_read_is_handed_out_as_unread() -> None:
    """The fake's detector is sure of its boxes; nothing else is asked here."""
    page = picture(150, 260, {0: (40, 30, 140, 60), 1: (160, 30, 240, 60)})
    plain = GemmaOCR(FakeEngine(["Open", "daily"]), ReadOptions(language="off"))
    sure = min(word.confidence for word in plain.read(page).words)
    strict = plain.with_options(min_confidence=(1 + sure) / 2)
    found = strict.read(page)
    assert not found.words and {word.text for word in found.unread} == {"Open", "daily"}
    assert not plain.read(page).unread
    # where nothing of it speaks for a word, there is none
    assert not strict.with_options(presence=(-9, 0, 1, 0)).read(page).unread


def test_each_half_is_judged_at_the_temperature_of_the_other() -> None:
    """The first halves are right less often than they say, the second as often: it must not be noticed at once."""
    timid, bold = [(0.7, True)] * 40, [(0.9, i % 2 == 0) for i in range(40)]
    sets = {"one": bold + timid}
    figures = calibrate.errors(sets, calibrate._temperature, calibrate._confidence)["one"]
    halves = [fit_temperature(*zip(*half, strict=True)) for half in (bold, timid)]
    assert halves[0] > 1 > halves[1]
    expected = abs(tempered(0.9, halves[1]) - 0.5) + abs(tempered(0.7, halves[0]) - 1)
    assert figures["words"] == 80 and figures["before"] == pytest.approx((0.4 + 0.3) / 2)
    assert figures["after"] == pytest.approx(expected / 2, abs=1e-3)


def test_the_command_writes_what_from_pretrained_takes(tmp_path, monkeypatch, capsys) -> None:
    """Three of four words right, at 0.9: temperature 2. Boxes are right as often as they are sure of a word."""
    judged = [(0.9, i % 4 > 0) for i in range(40)]
    boxed = [Boxed(0.5, 0.8, 1, i % 5 > 0) for i in range(40)]
    rows = {"a-val": Outcome("a-val", {}, judged=judged, boxed=boxed)}
    monkeypatch.setattr(calibrate, "measured", lambda *_: rows)
    opened = []
    monkeypatch.setattr(GemmaOCR, "from_pretrained", lambda *a, **options: opened.append(options))
    (tmp_path / "config.json").write_text('{"model": {"name": "mine"}, "sha256": "0"}')
    assert load_calibration(tmp_path) == {}
    calibrate.main(str(tmp_path))
    plain = {"word_temperature": 1.0, "page_temperature": 1.0, "presence": Presence()}
    assert opened == [{"min_confidence": 0.0, **plain}]
    found = load_calibration(tmp_path)
    assert found.pop("presence")[1] == 0  # log-odds of 0.5 say nothing
    assert found == {"word_temperature": 2.0, "page_temperature": 2.0}
    shown = capsys.readouterr().out
    assert "40   ece  15.0% before" in shown and "a-val boxes" in shown
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model"] == {"name": "mine"} and config["sha256"] == "0"
    note = calibration_note(config["confidence"])
    assert "`word_temperature` 2, `page_temperature` 2" in note and "a-val 15.0 to 0.0" in note
    assert "of all boxes" in note and note.count("a-val") == 2
    assert calibration_note({}) == calibration_note({"word_temperature": 1.0}) == ""
