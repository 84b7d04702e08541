"""`gemma3-ocr read` from what is named to what is written: formats, files per page and per document, text layers."""

from __future__ import annotations

import pytest
from fake_engine import FakeEngine, picture
from PIL import Image
from small_pdf import small_pdf, text

from gemma3_jax import cli
from gemma3_jax.commands.arguments import Read
from gemma3_jax.commands.inputs import Document
from gemma3_jax.commands.outlet import FileNames
from gemma3_jax.commands.read import read
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.writers.formats import FORMATS

BOXES = {0: (40, 30, 140, 60), 1: (160, 30, 240, 60)}
pdfium = pytest.importorskip("pypdfium2", reason="needs the extra [pdf]")
pytest.importorskip("pypdf", reason="needs the extra [pdf]")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """one.png, a fax of two pages, and a broken file."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(150, 260, BOXES)).save("one.png")
    pages = [Image.fromarray(picture(150, 260, {k: BOXES[k]})) for k in (0, 1)]
    pages[0].save("fax.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "two.jpg").write_bytes(b"\xff\xd8 not much of a JPEG")
    return tmp_path


def run(*names: str, **options) -> int:
    ocr = GemmaOCR(FakeEngine(["Open", "daily"]))
    return read(Read(names, language="off", **options), ocr)


def words(pdf: bytes) -> list[str]:
    return [sheet.get_textpage().get_text_range() for sheet in pdfium.PdfDocument(pdf)]


def test_every_format_by_file(folder, capsys):
    out = folder / "out"
    assert run("one.png", "fax.tif", "two.jpg", format=",".join(FORMATS), output=out) == 1
    expected = {
        f"{page}{form.extension}" for page in ("one", "fax-1", "fax-2") for form in FORMATS.values()
    }
    expected -= {"fax-1.pdf", "fax-2.pdf"}
    assert {path.name for path in out.iterdir()} == expected | {
        "fax.pdf",
        "two.json",
        "failures.txt",
    }
    assert (out / "fax-2.txt").read_text() == "daily\n"
    assert words((out / "fax.pdf").read_bytes()) == ["Open", "daily"]
    complaint, summary = capsys.readouterr().err.splitlines()
    assert complaint == "gemma3-ocr: two.jpg: not an image, or damaged in its first bytes"
    assert summary.startswith("gemma3-ocr: 3 files, 3 pages, 4 words, 1 failure (listed in ")


def test_one_document_goes_to_standard_output(folder, capfdbinary):
    assert run("fax.tif", format="pdf") == 0
    assert words(capfdbinary.readouterr().out) == ["Open", "daily"]
    assert run("one.png", format="csv") == 0
    assert capfdbinary.readouterr().out.count(b"\n") == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["one.png", "--format", "docx"], "docx is not one of text, markdown"),
        (["one.png", "--format", "json,pdf"], "several formats: give --output"),
        (["fax.tif", "--format", "tsv"], "several pages are no one tsv document"),
        (["one.png", "fax.tif", "--format", "pdf"], "several documents are no one pdf document"),
        (
            ["https://example.org/a.png"],
            "https://example.org/a.png is fetched only with --allow-urls",
        ),
        (["one.png", "--dpi", "3"], "--dpi 3"),
    ],
)
def test_wrong_use(folder, capsys, arguments, complaint):
    assert cli.main(["read", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and err.count("\n") == 1


def test_text_layers_are_taken_when_asked_for(folder, capsys):
    (folder / "born.pdf").write_bytes(small_pdf(text("born digital", 50, 100), b"0 0 9 9 re f"))
    assert run("born.pdf", text_layer="use") == 0
    assert capsys.readouterr().out == "==> born.pdf[1] <==\nborn digital\n\n==> born.pdf[2] <==\n\n"
    assert run("born.pdf") == 0
    assert "born digital" not in capsys.readouterr().out


def test_help_names_every_format(capsys):
    with pytest.raises(SystemExit):
        cli.main(["read", "--help"])
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for name in FORMATS:
        assert name in out[out.index("--format") :], name


def test_names_are_given_once():
    files = FileNames()

    def named(name: str, pages: int = 1):
        return files.of(Document(name, [name] * pages))

    assert named("a/cat.jpg") == ("cat", ["cat"])
    assert named("b/Cat.png") == ("Cat-2", ["Cat-2"])
    assert named("fax.tif", 2) == ("fax", ["fax-1", "fax-2"])
    assert named("fax-2.png") == ("fax-2-2", ["fax-2-2"])
    assert named("<stdin>") == ("stdin", ["stdin"])
    assert named("https://example.org/a/b.jpg?size=3") == ("b", ["b"])
    assert named("https://example.org") == ("example.org", ["example.org"])
