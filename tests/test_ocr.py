"""Reading end to end with an engine of known answers: coordinates, buckets, windows, crops, batches."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fake_engine import FakeEngine, marker, picture
from PIL import Image

from gemma3_jax.imaging.load import ImageError
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.reading import ReadOptions, chunks

BOXES = {0: (40, 30, 140, 60), 1: (160, 30, 240, 60), 2: (40, 75, 200, 105)}
TEXTS = ["Open", "daily", "8:30-18:00"]


def reader(texts: list[str] = TEXTS, **options) -> GemmaOCR:
    return GemmaOCR(FakeEngine(texts), ReadOptions(**options))


@pytest.mark.parametrize(("height", "width"), [(150, 260), (480, 640), (1900, 2600), (700, 300)])
def test_words_lie_where_they_are_in_the_original(height, width):
    page = reader(max_side=1280).read(picture(height, width, BOXES))
    assert page.text == "Open daily\n8:30-18:00"
    assert (page.width, page.height) == (width, height)
    for word in page.words:
        left, top, right, bottom = BOXES[TEXTS.index(word.text)]
        expected = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        assert word.quad == pytest.approx(expected, abs=2.5)
        assert word.detection == pytest.approx(0.9) and 0.5 < word.confidence <= 1


def test_characters_tile_their_word():
    word = reader().read(picture(150, 260, BOXES)).words[0]
    assert "".join(char.text for char in word.chars) == word.text == "Open"
    lefts = [char.quad[:, 0].min() for char in word.chars]
    rights = [char.quad[:, 0].max() for char in word.chars]
    assert lefts == sorted(lefts) and lefts[1:] == pytest.approx(rights[:-1], abs=0.01)
    assert rights[-1] - lefts[0] == pytest.approx(100, abs=8)  # of a 100 px box
    assert all(0.9 < char.confidence <= 1 for char in word.chars)


def test_coordinates_are_those_of_the_upright_picture():
    upright = picture(150, 260, BOXES)
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    turned = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    turned.save(stream, "PNG", exif=exif)
    page = reader().read(stream.getvalue())
    assert (page.width, page.height) == (260, 150) and page.text == "Open daily\n8:30-18:00"
    assert page.words[0].quad[0] == pytest.approx([40, 30], abs=2.5)


def test_only_the_slots_and_columns_that_are_needed_are_read():
    engine = FakeEngine([*TEXTS, "a line of twelve heights"])
    GemmaOCR(engine).read(picture(150, 260, {**BOXES, 3: (10, 120, 250, 140)}))
    assert {shape[1:] for shape in engine.shapes if shape[0] == "read"} == {
        ((1, 32, 4, 2), 32),
        ((1, 32, 4, 2), 64),
    }


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [32]), (33, [32, 32]), (70, [128]), (150, [128, 32]), (300, [512]), (512, [512])],
)
def test_words_are_read_in_buckets_that_are_well_filled(count, expected):
    pieces = list(chunks(count, (32, 128, 512)))
    assert [bucket for _, _, bucket in pieces] == expected
    assert [i for start, stop, _ in pieces for i in range(start, stop)] == list(range(count))


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [1]), (2, [8]), (9, [8, 1]), (12, [8, 8]), (13, [64])]
)
def test_calls_that_cost_much_take_buckets_that_are_filled_less(count, expected):
    assert [bucket for _, _, bucket in chunks(count, (1, 8, 64), fill=0.2)] == expected


def test_long_picture_is_read_in_windows_and_each_word_once():
    """A banner of 60:1 with a word on every seam: scaled to fit one window it could not be read."""
    texts = ["one", "two", "three", "four", "five", "six", "seven"]
    boxes = {k: (60 + 700 * k, 20, 60 + 700 * k + 160, 60) for k in range(len(texts))}
    engine = FakeEngine(texts)
    page = GemmaOCR(engine).read(picture(80, 4800, boxes))
    assert sorted(word.text for word in page.words) == sorted(texts)
    for word in page.words:
        assert word.quad[0, 0] == pytest.approx(boxes[texts.index(word.text)][0], abs=3)
        assert word.quad[1, 0] == pytest.approx(boxes[texts.index(word.text)][2], abs=3)
    once = FakeEngine(texts)
    GemmaOCR(once).with_options(look_again=False).read(picture(80, 4800, boxes))
    assert len({shape for shape in once.shapes if shape[0] == "detect"}) == 1


def test_recognize_reads_crops_of_any_width_in_order():
    widths = [20, 90, 300, 60, 700, 2500]
    texts = ["a", "word", "rather wide", "of", "and a line of text", "very wide"]
    crops = [np.full((40, w, 3), marker(i), np.uint8) for i, w in enumerate(widths)]
    words = reader(texts).recognize(crops)
    assert [word.text for word in words] == texts
    assert words[2].quad.tolist() == [[0, 0], [300, 0], [300, 40], [0, 40]]
    assert reader().recognize([]) == []


def test_recognize_compiles_few_shapes():
    engine = FakeEngine(TEXTS)
    rng = np.random.default_rng(0)
    for count in (1, 3, 7, 70):
        crops = [np.zeros((32, int(w), 3), np.uint8) for w in rng.integers(10, 800, count)]
        assert [w.text for w in GemmaOCR(engine).recognize(crops)] == [""] * count
    assert len([shape for shape in engine.shapes if shape[0] == "strips"]) <= 9
    assert len([shape for shape in engine.shapes if shape[0] == "detect"]) <= 2


def test_confidence_threshold_and_options():
    ocr = reader().with_options(language="off")
    assert ocr.with_options(min_confidence=1.0).read(picture(150, 260, BOXES)).words == ()
    assert ocr.with_options(min_score=0.95).read(picture(150, 260, BOXES)).words == ()
    assert (
        ocr.with_options(beam_width=4).read(picture(150, 260, BOXES)).text
        == "Open daily\n8:30-18:00"
    )
    for bad in ({"min_confidence": 2}, {"min_score": -1}, {"beam_width": 0}, {"max_side": 1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            ocr.with_options(**bad)


def test_batch_keeps_or_raises_errors(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    sources = [picture(150, 260, BOXES), tmp_path / "broken.png", picture(150, 260, {0: BOXES[0]})]
    pages = reader().read_batch(sources, on_error="keep", progress=True)
    assert [page.text for page in pages] == ["Open daily\n8:30-18:00", "", "Open"]
    assert [bool(page.error) for page in pages] == [False, True, False]
    assert pages[1].source == str(tmp_path / "broken.png") and "not an image" in pages[1].error
    with pytest.raises(ImageError, match=r"broken\.png"):
        reader().read_batch(sources)
    together = reader().read_batch(sources, on_error="keep", workers=2)
    assert [page.to_json() for page in together] == [page.to_json() for page in pages]
    with pytest.raises(ValueError, match="workers=0 must be at least 1"):
        reader().read_batch(sources, workers=0)
    with pytest.raises(ValueError, match="on_error"):
        reader().read_batch(sources, on_error="ignore")  # pyright: ignore[reportArgumentType]


def test_documents_give_a_page_each(tmp_path):
    first, second = (Image.fromarray(picture(150, 260, {k: BOXES[k]})) for k in (0, 1))
    first.save(tmp_path / "fax.tif", save_all=True, append_images=[second])
    pages = reader().read_document(tmp_path / "fax.tif")
    assert [page.text for page in pages] == ["Open", "daily"]
    assert pages[1].source.endswith("fax.tif[2]")
    pages[1].draw(tmp_path / "out.png")  # the page is opened again
    assert (tmp_path / "out.png").exists()


def test_pdf_pages_are_rendered(tmp_path):
    pytest.importorskip("pypdfium2", reason="the extra [pdf] is not installed")
    pages = [Image.fromarray(picture(300, 520, {k: BOXES[k]})).quantize() for k in (0, 1)]
    pages[0].save(tmp_path / "a.pdf", save_all=True, append_images=pages[1:], resolution=100)
    assert [page.text for page in reader().read_document(tmp_path / "a.pdf")] == ["Open", "daily"]
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 and nothing else")
    with pytest.raises(ImageError, match=r"bad\.pdf"):
        reader().read_document(tmp_path / "bad.pdf")


def test_unknown_backend_and_model_are_named():
    with pytest.raises(ValueError, match="abacus"):
        GemmaOCR.from_pretrained(backend="abacus")  # pyright: ignore[reportArgumentType]
    with pytest.raises(FileNotFoundError, match="no-such-model"):
        GemmaOCR.from_pretrained("no-such-model")
    with pytest.raises(ValueError, match="threads"):
        GemmaOCR.from_pretrained(threads=0)
    with pytest.raises(TypeError, match="FakeEngine"):
        reader().save_pretrained("anywhere")
