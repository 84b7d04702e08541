"""Long jobs of `gemma3-ocr read`: hundreds of files, some damaged; several workers; what is counted, listed and shown."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from pathlib import Path

import pytest
from mixed_files import HAS_PYPDF, SUFFIXES, Watched, contents, encoded, mixed_files, run
from PIL import Image
from small_pdf import small_pdf, text

from gemma3_jax import Page, cli
from gemma3_jax.commands import tally
from gemma3_jax.imaging import pdf
from gemma3_jax.reading.in_order import in_order


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_500_mixed_files_20_of_them_damaged(tmp_path, capsys):
    """To the end, exactly the 20 reported, and no more memory at the end than after the first hundred files."""
    scans, out = tmp_path / "scans", tmp_path / "out"
    damaged = mixed_files(scans, 500, 20)
    memory: list[float] = []
    linux = sys.platform == "linux"
    engine = Watched(lambda count: memory.append(resident_mb() if linux else 0.0))
    assert run(str(scans), engine=engine, format="json", output=out) == 1
    printed, err = capsys.readouterr()
    *complaints, summary = err.splitlines()
    assert printed == ""
    reported = [line.split(": ")[1] for line in complaints]
    listed = [line.split("\t") for line in (out / "failures.txt").read_text().splitlines()]
    # of a cut-off file with pages the page is named that is not there
    assert [re.sub(r"\[\d\]$", "", name) for name in reported] == damaged
    assert [name for name, _ in listed] == reported and all(reason for _, reason in listed)
    extra_pages = sum(
        path.suffix == ".tif" and str(path) not in damaged for path in scans.iterdir()
    )
    assert re.fullmatch(
        rf"gemma3-ocr: 500 files, {480 + extra_pages} pages, {480 + extra_pages} words, 20 failures "
        rf"\(listed in {re.escape(str(out))}/failures\.txt\), [\d.]+ s, [\d.]+ pages/s",
        summary,
    )
    tail = len(memory) // 5
    growth = max(memory[-tail:]) - max(memory[tail : 2 * tail])
    # the pictures of the last 300 files, if they were held, would be 14 MB, and as the network sees them 100 MB
    assert growth < 6, f"{growth:.1f} MB more over the last {len(memory) - 2 * tail} pages"


@pytest.mark.parametrize("workers", [1, 3])
def test_at_most_two_pages_a_worker_are_in_flight_and_the_order_is_kept(workers):
    begun, held = 0, []

    def items():
        nonlocal begun
        while begun < 40:
            begun += 1
            yield begun

    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return -item

    taken = []
    for item, done in in_order(work, items(), workers):
        held.append(begun - len(taken))
        taken.append(item)
        assert done == -item
    assert taken == list(range(1, 41))
    assert max(held) == (1 if workers == 1 else 2 * workers)


def test_what_a_worker_raises_ends_the_job_and_begins_nothing_more():
    seen = []

    def work(item: int) -> int:
        seen.append(item)
        if item == 4:
            raise RuntimeError("engine on fire")
        return item

    with pytest.raises(RuntimeError, match="on fire"):
        for _ in in_order(work, range(1000), 2):
            pass
    assert len(seen) < 4 + 2 * 2 + 1


def test_workers_work_at_the_same_time():
    meeting = threading.Barrier(2, timeout=10)
    assert len(list(in_order(lambda item: meeting.wait(), range(4), 2))) == 4


@pytest.mark.skipif(not HAS_PYPDF or "pdf" not in SUFFIXES, reason="needs the extra [pdf]")
@pytest.mark.parametrize("text_layer", ["ignore", "use"])
def test_pdfium_is_called_by_one_thread(tmp_path, monkeypatch, text_layer):
    """It is not made for two, whatever the number of workers."""
    for k in range(4):
        (tmp_path / f"{k}.pdf").write_bytes(small_pdf(text("born digital", 50, 100)))
    callers, opened = [], pdf._opened

    def noting(*arguments):
        callers.append(threading.current_thread())
        return opened(*arguments)

    monkeypatch.setattr(pdf, "_opened", noting)
    out = tmp_path / "out"
    assert run(str(tmp_path), output=out, format="json,pdf", workers=3, text_layer=text_layer) == 0
    assert len(callers) >= 12 and set(callers) == {threading.main_thread()}
    page = Page.from_json((out / "2.json").read_text("utf-8"))
    assert page.source == f"{tmp_path}/2.pdf"
    assert page.text == ("born digital" if text_layer == "use" else "")


def test_four_workers_write_the_same_files(tmp_path, capsys, monkeypatch):
    """Byte for byte, failures included. Runs inside the folder, so that the names in the files agree."""
    mixed_files(tmp_path / "scans", 28, 3)
    monkeypatch.chdir(tmp_path)
    formats = "json,hocr,alto,text" + ",pdf" * HAS_PYPDF
    written, said = [], []
    for workers in (1, 4):
        out = tmp_path / f"out{workers}"
        engine = Watched(lambda count: time.sleep(0.004 * (count % 3)))
        assert run("scans", engine=engine, format=formats, output=out, workers=workers) == 1
        written.append(contents(out))
        said.append(capsys.readouterr().err.splitlines()[:-1])
    assert len(written[0]) > 28 * 4 and written[0] == written[1] and said[0] == said[1]


def test_four_workers_print_in_order(tmp_path, capsys):
    mixed_files(tmp_path / "scans", 12)
    printed = []
    for workers in (1, 4):
        assert run(str(tmp_path / "scans"), workers=workers) == 0
        printed.append(capsys.readouterr())
    assert printed[0] == printed[1] and printed[0].out.startswith("==> ") and printed[0].err == ""


def test_the_list_of_failures(tmp_path, capsys):
    """Where it is asked for, whatever happens; beside the results only while there are any."""
    scans, out, asked = tmp_path / "scans", tmp_path / "out", tmp_path / "lists" / "bad.tsv"
    (bad,) = mixed_files(scans, 3, 1)
    assert run(str(scans), failures=asked) == 1
    name, reason = asked.read_text().rstrip("\n").split("\t")
    assert name == bad and f"gemma3-ocr: {name}: {reason}\n" in capsys.readouterr().err
    assert run(str(scans), output=out) == 1
    assert (out / "failures.txt").read_text() == asked.read_text()
    Path(bad).write_bytes(encoded(0, "jpg"))
    assert run(str(scans), output=out, failures=asked) == 0 and asked.read_text() == ""
    assert run(str(scans), output=out) == 0 and not (out / "failures.txt").exists()


def test_names_that_are_no_unicode(tmp_path, capsys):
    """Read like any other; in what is written their bytes are spelt out."""
    scans, out = os.fsencode(tmp_path / "scans"), tmp_path / "out"
    mixed_files(tmp_path / "scans", 2)
    try:
        os.rename(scans + b"/0000.jpg", scans + b"/\xe9\t.jpg")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (tmp_path / "scans" / "0001.png").write_bytes(b"no picture")
    (tmp_path / "scans" / "0001.png").rename(tmp_path / "scans" / "\udce8\t.png")
    assert run(str(tmp_path / "scans"), output=out, format="json") == 1
    assert Page.from_json((out / "\udce9\t.json").read_text("utf-8")).source.endswith(
        "/\\xe9\t.jpg"
    )
    (line,) = (out / "failures.txt").read_text("utf-8").splitlines()
    assert line.split("\t")[0] == f"{tmp_path}/scans/\\xe8\\t.png"
    assert run("scans\0", str(tmp_path / "scans"), output=out) == 1  # no name at all
    assert "scans\0: embedded null byte" in capsys.readouterr().err


def test_a_picture_that_changes_meanwhile_costs_its_drawing(tmp_path, capsys):
    mixed_files(tmp_path / "scans", 2)
    other = tmp_path / "scans" / "0000.jpg"
    engine = Watched(lambda count: Image.new("RGB", (9, 9)).save(other) if count == 1 else None)
    assert run(str(tmp_path / "scans"), engine=engine, draw=tmp_path / "drawn") == 1
    out, err = capsys.readouterr()
    assert "Open" in out and "daily" in out and err.startswith(f"gemma3-ocr: {other}: the picture")
    assert list(contents(tmp_path / "drawn")) == ["0001.png"]


def test_a_picture_called_failures_does_not_meet_the_list(tmp_path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    mixed_files(scans, 2, 1)
    (scans / "0001.png").rename(scans / "failures.png")
    assert run(str(scans), output=out) == 1
    assert (out / "failures-2.txt").read_text() == "daily\n"
    assert "0000.jpg\t" in (out / "failures.txt").read_text()


def test_progress_goes_to_standard_error_alone(tmp_path, capsys):
    mixed_files(tmp_path / "scans", 5, 1)
    scans = str(tmp_path / "scans")
    assert run(scans) == 1
    plain = capsys.readouterr()
    assert run(scans, progress=True) == 1
    shown = capsys.readouterr()
    assert shown.out == plain.out and "pages/s" not in plain.err
    assert "5/5" in shown.err and "pages/s" in shown.err and "left:" in shown.err
    assert plain.err.rstrip("\n") in shown.err  # the complaint is still one line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["a.png", "--workers", "0"], "--workers 0 must be at least 1"),
        (["a.png", "--resume"], "--resume goes on where --output FOLDER ends"),
    ],
)
def test_wrong_use(capsys, arguments, complaint):
    assert cli.main(["read", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_help_tells_the_exit_statuses(capsys):
    with pytest.raises(SystemExit):
        cli.main(["read", "--help"])
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "0 everything was read; 1 something could not be read or written; 2 wrong use" in out
    assert "130 interrupted" in out and "--failures" in out and "--workers" in out


def test_summary_counts_one_as_one(tmp_path, monkeypatch, capsys):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(tally.time, "monotonic", lambda: next(clock))
    (tmp_path / "a.png").write_bytes(encoded(1, "png"))
    assert run(str(tmp_path / "a.png"), output=tmp_path / "out") == 0
    assert capsys.readouterr().err == (
        "gemma3-ocr: 1 file, 1 page, 1 word, 0 failures, 2.5 s, 0.4 pages/s\n"
    )
