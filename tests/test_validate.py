"""`gemma3-ocr validate`: every defect is planted and found, a clean folder is called fit, the sheet is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from annotated import box, put_picture, put_text
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemma3_jax import cli
from gemma3_jax.charset import Charset
from gemma3_jax.data.annotations import scan_folder
from gemma3_jax.data.annotations.faults import CONSEQUENCES, Fault, box_faults
from gemma3_jax.data.annotations.fingerprints import (
    Fingerprint,
    difference_hash,
    fingerprint,
    matches_between,
    matches_within,
)
from gemma3_jax.data.annotations.inspection import Report, inspect
from gemma3_jax.data.corpora import Annotation
from gemma3_jax.data.pipeline.texts import TextRule
from gemma3_jax.imaging.load import load_image

GOOD = (box(10, 20, 110, 50), "Hello")


def put(folder: Path, name: str, *words: tuple[list, str], seed: int = 0) -> None:
    """A picture of 200 x 100 px and its ICDAR 2015 file."""
    put_picture(folder / f"{name}.png", seed=seed)
    lines = [",".join([str(v) for xy in quad for v in xy] + [text]) for quad, text in words]
    put_text(folder / f"gt_{name}.txt", "\n".join(lines))


def look(folder: Path, against: Path | None = None) -> Report:
    other = scan_folder(against) if against else None
    return inspect(scan_folder(folder), TextRule(), other)


def found(report: Report) -> list[tuple[str, str]]:
    return [(fault.kind, fault.where) for fault in report.faults]


def test_a_clean_folder_has_no_faults(tmp_path):
    put(tmp_path, "a", GOOD, (box(120, 60, 190, 90), "###"), seed=1)
    put(tmp_path, "b", GOOD, seed=2)
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
    put(tmp_path, "a", (quad, text), (box(120, 60, 190, 90), "fine"))
    faults = look(tmp_path).faults
    assert [(fault.kind, fault.where, fault.word) for fault in faults] == [(kind, "a.png", 0)]
    assert repr(text)[1:-1] in faults[0].what


@pytest.mark.parametrize("quad", [box(10, 20, 60, 21), box(10, 20, 60, 27), box(-1, -1, 150, 99)])
def test_do_not_care_boxes_may_be_small_and_touch_the_edge(tmp_path, quad):
    put(tmp_path, "a", (quad, "###"), GOOD)
    assert look(tmp_path).faults == []


def test_one_place_boxed_twice(tmp_path):
    again, other = (box(10, 21, 110, 51), "Hello"), (box(10, 21, 110, 51), "World")
    put(tmp_path, "a", GOOD, again, seed=1)
    put(tmp_path, "b", GOOD, other, seed=2)
    put(tmp_path, "c", GOOD, (other[0], "###"), seed=3)
    assert found(look(tmp_path)) == [
        ("duplicate box", "a.png"),
        ("contradiction", "b.png"),
        ("duplicate box", "c.png"),
    ]


def test_unusable_annotations_and_unreadable_pictures(tmp_path):
    put(tmp_path, "a", GOOD)
    put_text(tmp_path / "gt_gone.txt", "1,1,9,1,9,9,1,9,x")
    put(tmp_path, "cut", GOOD, seed=1)
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-200])
    put(tmp_path, "empty", seed=2)
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
        put(tmp_path, f"{i}", (GOOD[0], "text"), seed=i)
    assert found(look(tmp_path)) == [("one text only", str(tmp_path))]


def test_nothing_but_do_not_care(tmp_path):
    put(tmp_path, "a", (GOOD[0], "###"))
    assert found(look(tmp_path)) == [("nothing to read", str(tmp_path))]


def test_characters_outside_the_charset_come_with_their_files(tmp_path):
    put(tmp_path, "a", (GOOD[0], "Straße"), seed=1)
    put(tmp_path, "b", (GOOD[0], "Fuß"), (box(120, 60, 190, 90), "É"), seed=2)
    assert look(tmp_path).characters == [
        ("ß", 2, ["a.png", "b.png"], False),
        ("É", 1, ["b.png"], True),
    ]


def test_the_charset_of_the_model_counts(tmp_path):
    put(tmp_path, "a", GOOD)
    report = inspect(scan_folder(tmp_path), TextRule(Charset("Heo")))
    assert [one.char for one in report.characters] == ["l"]
    assert found(report) == [("outside the charset", "a.png")]


def test_leaks_and_copies(tmp_path):
    train, val = tmp_path / "train", tmp_path / "val"
    for seed in (1, 2, 3):
        put(train, f"t{seed}", GOOD, seed=seed)
    put(val, "other", GOOD, seed=9)
    put(val, "exact", GOOD)
    put(val, "near", GOOD)
    put(val, "again", GOOD)
    pixels = Image.open(train / "t1.png")
    pixels.save(val / "exact.png", optimize=True)  # other bytes, the same pixels
    assert (val / "exact.png").read_bytes() != (train / "t1.png").read_bytes()
    Image.open(train / "t2.png").resize((100, 50)).resize((200, 100)).save(val / "near.png")
    Image.open(val / "other.png").save(val / "again.png")
    report = look(val, train)
    copies = [(fault.kind, fault.where, fault.what) for fault in report.faults]
    assert copies == [
        ("same picture", "other.png", "as again.png"),
        ("leak", "exact.png", f"as {train}/t1.png"),
        ("near leak", "near.png", f"as {train}/t2.png"),
    ]


def brute_force(ours: list[Fingerprint], others: list[Fingerprint]) -> list[tuple[str, str]]:
    """Bits counted one by one in Python integers."""

    def distance(a: Fingerprint, b: Fingerprint) -> int:
        return sum(
            (int(x) ^ int(y)).bit_count() for x, y in zip(a.difference, b.difference, strict=True)
        )

    result = []
    for our in ours:
        near = min(others, key=lambda other: distance(our, other), default=None)
        if any(our.exact == other.exact for other in others):
            result.append((our.name, "same"))
        elif near is not None and distance(our, near) <= 8:
            result.append((our.name, "near"))
    return result


few_bits = st.lists(st.integers(0, 127), max_size=14, unique=True)
prints = st.lists(st.tuples(st.integers(0, 3), few_bits), max_size=6)


def make(items: list[tuple[int, list[int]]]) -> list[Fingerprint]:
    made = []
    for i, (exact, ones) in enumerate(items):
        bits = np.zeros(128, np.uint8)
        bits[ones] = 1
        made.append(Fingerprint(str(i), str(exact), np.packbits(bits).view(np.uint64)))
    return made


@given(prints, prints)
def test_matches_are_those_of_brute_force(ours, others):
    ours, others = make(ours), make(others)
    assert [(m.first, m.how) for m in matches_between(ours, others)] == brute_force(ours, others)
    within = [(m.first, m.how) for m in matches_within(ours)]
    assert within == [
        one for i in range(len(ours)) for one in brute_force(ours[i : i + 1], ours[:i])
    ]


def test_the_difference_hash_is_that_of_a_loop():
    pixels = np.zeros((9, 9, 3), np.uint8)
    pixels[:] = np.random.default_rng(0).integers(0, 255, (9, 9, 1))
    grey = pixels[..., 0].astype(int)
    right = [int(grey[y, x] > grey[y, x + 1]) for y in range(8) for x in range(8)]
    lower = [int(grey[y, x] > grey[y + 1, x]) for y in range(8) for x in range(8)]
    bits = np.unpackbits(difference_hash(pixels).view(np.uint8))
    assert bits.tolist() == right + lower


def test_pixels_in_another_shape_are_another_picture():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert fingerprint("a", pixels).exact != fingerprint("b", pixels.reshape(4, 2, 3)).exact


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


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "220")


def test_the_command_prints_a_report_and_calls_a_clean_folder_fit(tmp_path, wide, capsys):
    put(tmp_path, "a", GOOD)
    assert cli.main(["validate", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert f"{tmp_path} (icdar2015): 1 pictures, 1 words to read, 0 do not care" in out
    assert "height, px" in out and "Fit for training: no errors, 0 warnings" in out
    assert err == ""


def test_warnings_alone_are_status_zero_and_an_error_is_status_one(tmp_path, wide, capsys):
    put(tmp_path, "a", (GOOD[0], "[b]Café[/b]"))
    put_picture(tmp_path / "spare.png", seed=4)
    assert cli.main(["validate", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "U+00E9 latin small letter e with acute" in out and "plainer" in out
    assert "not annotated" in out and "no errors, 1 warnings" in out
    put(tmp_path, "b", (box(150, 20, 350, 50), "[b]"), seed=1)
    assert cli.main(["validate", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert (
        "box outside" in out and "b.png: '[b]' is 200.0x30.0 px, x 150 to 350, y 20 to 50" in out
    )  # no markup of rich
    assert "Not fit for training: 1 errors, 1 warnings" in out


def test_a_leak_is_status_one(tmp_path, wide, capsys):
    put(tmp_path / "train", "a", GOOD)
    put(tmp_path / "val", "b", GOOD)
    arguments = ["validate", str(tmp_path / "val"), "--against", str(tmp_path / "train")]
    assert cli.main(arguments) == 1
    assert "the same picture is in the other folder" in capsys.readouterr().out


def test_the_sheet_shows_boxes_in_their_colours(tmp_path, wide, capsys):
    put(tmp_path, "a", GOOD, (box(120, 60, 190, 90), "###"))
    Image.new("RGB", (200, 100), "black").save(tmp_path / "a.png")
    sheet = tmp_path / "out" / "sheet.png"
    assert cli.main(["validate", str(tmp_path), "--sheet", str(sheet)]) == 0
    assert "teal boxes are to be read" in capsys.readouterr().out
    pixels = load_image(sheet).astype(int)
    teal, amber = (
        np.abs(pixels - colour).sum(axis=-1) < 40 for colour in ((0, 150, 136), (245, 124, 0))
    )
    assert teal.sum() > 100 and amber.sum() > 100
    # a cell is 800 px wide and the picture 200: the boxes are drawn where they are, four times as large
    assert abs(np.flatnonzero(teal.any(axis=0)).min() - 40) < 8
    assert abs(np.flatnonzero(amber.any(axis=0)).max() - 760) < 8


def test_the_sheet_of_crops_has_their_texts(tmp_path, wide):
    for i in range(3):
        put_picture(tmp_path / f"{i}.png", 60 + 20 * i, 30, seed=i)
    put_text(tmp_path / "labels.tsv", "0.png\tone\n1.png\ttwo\n2.png\tthree 3\n")
    report = look(tmp_path)
    assert report.crops and report.faults == []
    sheet = tmp_path / "sheet.png"
    assert cli.main(["validate", str(tmp_path), "--sheet", str(sheet)]) == 0
    assert load_image(sheet).shape[1] == 6 * (240 + 4)


def test_a_sheet_of_no_picture_is_one_line(tmp_path, capsys):
    put_text(tmp_path / "gt_gone.txt", "1,1,9,1,9,9,1,9,x")
    assert cli.main(["validate", str(tmp_path), "--sheet", str(tmp_path / "s.png")]) == 1
    assert "no picture to draw" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "nowhere is not a folder"),
        (["."], "no annotations that are known"),
        ([".", "--format", "excel"], "is not one of voc"),
        ([".", "--model", "gemma4"], "no model 'gemma4'"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["validate", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and err.count("\n") == 1


def test_a_format_may_be_named_where_two_are_possible(tmp_path, wide, capsys):
    put(tmp_path, "a", GOOD)
    put_text(tmp_path / "labels.json", json.dumps({"a.png": "crop"}))
    assert cli.main(["validate", str(tmp_path)]) == 1
    assert "looks like icdar2015 and doctr" in capsys.readouterr().err
    assert cli.main(["validate", str(tmp_path), "--format", "doctr"]) == 0
    assert "(doctr): 1 pictures" in capsys.readouterr().out
