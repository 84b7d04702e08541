"""TFDS builders on missing, damaged and partial files; names, command line, imports."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from published_sets import GT_2015, counts, picture, put_funsd, put_icdar2015, put_zip

from gemma3_jax.data.corpora.build import SETS, build, corpus
from gemma3_jax.data.corpora.published import MissingFiles, Published, natural_order

pytest.importorskip("tensorflow_datasets", reason="TFDS is in the extra [train]")
pytest.importorskip("importlib_resources", reason="TFDS needs it; it is in the extra [train]")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def with_broken_line(path: Path) -> None:
    put_zip(path, {"gt_img_2.txt": "0,1,9,1,9", "gt_img_10.txt": GT_2015})


def with_cut_jpeg(path: Path) -> None:
    whole = picture(2, size=(200, 100))
    put_zip(path, {"img_2.jpg": whole[: len(whole) * 3 // 4], "img_10.jpg": picture()})


def without_a_truth(path: Path) -> None:
    put_zip(path, {"gt_img_2.txt": GT_2015})


TRUTH = "Challenge4_Test_Task1_GT.zip"


@pytest.mark.parametrize(
    ("name", "breaks", "message"),
    [
        (
            "ch4_test_images.zip",
            Path.unlink,
            r"or the folder ch4_test_images\) is not there: .*2 pic",
        ),
        (TRUTH, Path.unlink, r"Challenge4_Test_Task1_GT\.zip .*is not there.*2 files gt_NAME"),
        (TRUTH, cut_short, r"Challenge4_Test_Task1_GT\.zip cannot be opened"),
        (TRUTH, without_a_truth, r"Task1_GT\.zip has no gt_img_10\.txt: it should hold 2 files"),
        (TRUTH, with_broken_line, r"Task1_GT\.zip: gt_img_2\.txt: expected x1,y1.*'0,1,9,1,9'"),
        ("ch4_test_images.zip", with_cut_jpeg, r"img_2\.jpg of icdar2015 is no whole picture"),
    ],
)
def test_missing_and_damaged_files_are_named_with_their_url(
    name: str,
    breaks: Callable[[Path], None],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_icdar2015(tmp_path)
    breaks(tmp_path / name)
    counts(monkeypatch, "icdar2015/localisation", train=2, test=2)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        build("icdar2015/localisation", tmp_path, tmp_path / "built")
    if breaks is not with_broken_line:
        assert "https://rrc.cvc.uab.es/?ch=4&com=downloads" in str(caught.value)


def test_a_wrong_checksum_in_a_zip_is_named(tmp_path: Path) -> None:
    put_zip(tmp_path / "x.zip", {"a.txt": "some text that will be changed"})
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data.replace(b"will be", b"was not"))
    archive = Published(tmp_path, "http://owner").archive("x.zip", "one text")
    with pytest.raises(ValueError, match=r"x\.zip: a\.txt is damaged .*one text.*http://owner"):
        archive.read("a.txt")


def test_a_short_half_names_both_counts_and_the_way_out(tmp_path: Path) -> None:
    put_icdar2015(tmp_path)
    with pytest.raises(ValueError, match=r"2 train examples in .*expected 1000.*--partial"):
        build("icdar2015/localisation", tmp_path, tmp_path / "built")


def test_partial_builds_the_half_that_is_there_and_says_what_it_left_out(tmp_path: Path) -> None:
    put_icdar2015(tmp_path)
    (tmp_path / "ch4_test_images.zip").unlink()
    builder = build("icdar2015/localisation", tmp_path, tmp_path / "built", partial=True)
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {"train": 2}
    assert builder.info.full_name == "icdar2015/localisation-partial/1.0.0"  # never taken for whole
    metadata = builder.info.metadata
    assert metadata is not None
    (reason,) = metadata["left_out"]
    assert re.search(r"test: .*ch4_test_images\.zip", reason)


def test_partial_with_nothing_there_still_fails(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no set")
    with pytest.raises(MissingFiles, match=r"dataset\.zip"):
        build("funsd", tmp_path, tmp_path / "built", partial=True)


def test_wrong_names_are_answered_with_the_right_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no corpus 'mnist': there are icdar2003, "):
        corpus("mnist")
    with pytest.raises(ValueError, match="icdar2015 has no task '': there are words, local"):
        corpus("icdar2015")
    with pytest.raises(FileNotFoundError, match=r"--manual-dir .*no folder with files"):
        build("funsd", tmp_path, tmp_path / "built")


def test_every_set_states_its_owner_terms_and_counts() -> None:
    names = [f"{name}/{task}" for name in SETS for task in type(_any(name)).COUNTS]
    assert len(names) == 15
    for name in names:
        builder = corpus(name, "unused")
        assert builder.name == name.split("/")[0]
        assert builder.URL.startswith("http")
        assert builder.TERMS and builder.CITATION
        features: Any = builder.info.features
        assert ("text" in features) == name.endswith("/words")


def _any(name: str) -> Any:
    tasks = {"icdar2003": "words", "icdar2013": "words", "icdar2015": "words"}
    tasks |= {"svt": "words", "cute80": "words"}
    return corpus(f"{name}/{tasks[name]}" if name in tasks else name, "unused")


def test_folders_may_be_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_funsd(tmp_path)
    zipfile.ZipFile(tmp_path / "dataset.zip").extractall(tmp_path / "elsewhere")
    manual = tmp_path / "manual" / "dataset"
    manual.mkdir(parents=True)
    for folder in ("training_data", "testing_data"):
        (manual / folder).symlink_to(tmp_path / "elsewhere/dataset" / folder)
    counts(monkeypatch, "funsd/localisation", train=1, test=1)
    assert build("funsd", manual.parent, tmp_path / "built").info.splits["test"].num_examples == 1


def test_natural_order_counts() -> None:
    names = ["img_10.jpg", "img_9.jpg", "img_100.jpg", "a2b10", "a2b9"]
    assert sorted(names, key=natural_order) == [
        "a2b9", "a2b10", "img_9.jpg", "img_10.jpg", "img_100.jpg",
    ]  # fmt: skip


def test_the_command_line_builds_and_reports(tmp_path: Path) -> None:
    put_funsd(tmp_path / "manual")
    command = [sys.executable, "-m", "gemma3_jax.data.corpora", "funsd", "--manual-dir"]
    command += [str(tmp_path / "manual"), "--data-dir", str(tmp_path / "built")]
    failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 1
    assert "error: funsd/localisation: 1 train examples" in failed.stderr
    done = subprocess.run([*command, "--partial"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "funsd/localisation-partial/1.0.0 train: 1 examples" in done.stdout
    assert "test: 1 examples" in done.stdout


def test_a_missing_tfds_says_which_extra_to_install(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['tensorflow_datasets'] = None; "
    code = f"{blocked}from gemma3_jax.data.corpora.build import build; build('funsd', {str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "corpora need tensorflow_datasets: pip install 'gemma3_jax[train]'" in done.stderr


def test_nothing_of_it_imports_tensorflow_and_the_readers_import_no_tfds() -> None:
    code = (
        "import sys, gemma3_jax.data.corpora as c; assert 'tensorflow_datasets' not in sys.modules;"
        "assert 'jax' not in sys.modules; from gemma3_jax.data.corpora.build import corpus;"
        "corpus('funsd', 'unused'); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
