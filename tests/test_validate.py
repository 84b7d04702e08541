"""What `gemma3-ocr validate` looks for: every defect is planted and found, a clean folder has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotated import GOOD, box, put_annotated, put_picture, put_text
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.charset import Charset
from gemma3_jax.data.annotations import scan_folder
from gemma3_jax.data.annotations.faults import CONSEQUENCES, Fault, box_faults
from gemma3_jax.data.annotations.inspection import Report, inspect
from gemma3_jax.data.corpora import Annotation
from gemma3_jax.data.pipeline.texts import TextRule


def look(folder: Path, against: Path | None = None) -> Report:
    other = scan_folder(against) if against else None
    return inspect(scan_folder(folder), TextRule(), other)


def found(report: Report) -> list[tuple[str, str]]:
    return [(fault.kind, fault.where) for fault in report.faults]


def test_a_clean_folder_has_no_faults(tmp_path):
    put_annotated(tmp_path, "a", GOOD, (box(120, 60, 190, 90), "###"), seed=1)
    put_annotated(tmp_path, "b", GOOD, seed=2)
    report = look(tmp_path)
    assert report.faults == [] and report.characters == []
    assert (report.format, report.pictures, report.words, report.ignored) == ("icdar2015", 2, 3, 1)
    assert report.spreads["height, px"] == (30.0,) * 5
    assert report.spreads["characters"] == (5.0,) * 5
    assert (
        report.spreads["words per picture"][0] == 1 and report.spreads["words per picture"][4] == 2
    )
    assert report.spreads["width / height"][2] == pytest.approx(100 / 30)


@pytest.mark.parametrize(
    ("quad", "text", "kind"),
    [
        (box(150, 20, 350, 50), "word", "box outside"),
        (box(10, 120, 90, 150), "word", "box outside"),
        (box(150, 20, 205, 50), "word", "over the edge"),
        (box(10, 20, 60, 21), "word", "tiny box"),
        (box(10, 20, 10, 20), "word", "tiny box"),
        (box(10, 20, 60, 27), "word", "small box"),
        ([[10, 20], [110, 50], [110, 20], [10, 50]], "word", "crossed box"),
        ([[10, 20], [10, 50], [110, 50], [110, 20]], "word", "mirrored box"),
        (box(10, 20, 30, 90), "vertical", "narrow box"),
        (box(10, 20, 110, 50), "Straße", "outside the charset"),
        (box(10, 20, 190, 50), "antidisestablishmentarianism", "too long"),
        (box(10, 20, 110, 50), "two words", "several words"),
    ],
)
def test_a_planted_fault_is_found_and_alone(tmp_path, quad, text, kind):
    put_annotated(tmp_path, "a", (quad, text), (box(120, 60, 190, 90), "fine"))
    faults = look(tmp_path).faults
    assert [(fault.kind, fault.where, fault.word) for fault in faults] == [(kind, "a.png", 0)]
    assert repr(text)[1:-1] in faults[0].what


@pytest.mark.parametrize("quad", [box(10, 20, 60, 21), box(10, 20, 60, 27), box(-1, -1, 150, 99)])
def test_do_not_care_boxes_may_be_small_and_touch_the_edge(tmp_path, quad):
    put_annotated(tmp_path, "a", (quad, "###"), GOOD)
    assert look(tmp_path).faults == []


def test_one_place_boxed_twice(tmp_path):
    again, other = (box(10, 21, 110, 51), "Hello"), (box(10, 21, 110, 51), "World")
    put_annotated(tmp_path, "a", GOOD, again, seed=1)
    put_annotated(tmp_path, "b", GOOD, other, seed=2)
    put_annotated(tmp_path, "c", GOOD, (other[0], "###"), seed=3)
    assert found(look(tmp_path)) == [
        ("duplicate box", "a.png"),
        ("contradiction", "b.png"),
        ("duplicate box", "c.png"),
    ]


def test_unusable_annotations_and_unreadable_pictures(tmp_path):
    put_annotated(tmp_path, "a", GOOD)
    put_text(tmp_path / "gt_gone.txt", "1,1,9,1,9,9,1,9,x")
    put_annotated(tmp_path, "cut", GOOD, seed=1)
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-200])
    put_annotated(tmp_path, "empty", seed=2)
    put_picture(tmp_path / "spare.png", seed=3)
    report = look(tmp_path)
    assert found(report) == [
        ("unusable annotation", "gt_gone.txt"),
        ("not annotated", "spare.png"),
        ("unreadable picture", "cut.png"),
        ("no words", "empty.png"),
    ]
    assert [fault.kind for fault in report.errors] == ["unusable annotation", "unreadable picture"]


def test_a_category_in_place_of_transcriptions(tmp_path):
    for i in range(20):
        put_annotated(tmp_path, f"{i}", (GOOD[0], "text"), seed=i)
    assert found(look(tmp_path)) == [("one text only", str(tmp_path))]


def test_nothing_but_do_not_care(tmp_path):
    put_annotated(tmp_path, "a", (GOOD[0], "###"))
    assert found(look(tmp_path)) == [("nothing to read", str(tmp_path))]


def test_characters_outside_the_charset_come_with_their_files(tmp_path):
    put_annotated(tmp_path, "a", (GOOD[0], "Straße"), seed=1)
    put_annotated(tmp_path, "b", (GOOD[0], "Fuß"), (box(120, 60, 190, 90), "É"), seed=2)
    assert look(tmp_path).characters == [
        ("ß", 2, ["a.png", "b.png"], False),
        ("É", 1, ["b.png"], True),
    ]


def test_the_charset_of_the_model_counts(tmp_path):
    put_annotated(tmp_path, "a", GOOD)
    report = inspect(scan_folder(tmp_path), TextRule(Charset("Heo")))
    assert [one.char for one in report.characters] == ["l"]
    assert found(report) == [("outside the charset", "a.png")]


corner = st.tuples(st.integers(0, 60), st.integers(0, 60))


def cross(a, b, c, d) -> bool:
    """Do the open segments a-b and c-d meet? Exact, by solving for both parameters in fractions."""
    from fractions import Fraction

    (ax, ay), (bx, by), (cx, cy), (dx, dy) = a, b, c, d
    bottom = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
    if bottom == 0:
        return False
    s = Fraction((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx), bottom)
    t = Fraction((cx - ax) * (by - ay) - (cy - ay) * (bx - ax), bottom)
    return 0 < s < 1 and 0 < t < 1


@given(st.tuples(corner, corner, corner, corner))
def test_crossed_boxes_are_those_whose_sides_meet(quad):
    a, b, c, d = quad
    words = [Annotation(np.array(quad, np.float32), "###", True)]
    kinds = {fault.kind for fault in box_faults(words, (100, 100), "a")}
    assert ("crossed box" in kinds) == (cross(a, b, c, d) or cross(b, c, d, a))


def test_every_kind_of_fault_says_what_it_does():
    for kind, (severity, consequence) in CONSEQUENCES.items():
        assert Fault(kind, "a", "").severity == severity and consequence
