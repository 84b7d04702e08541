"""Packing real word pictures: placing, charset, dropping, saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gemma3_jax.charset import Charset
from gemma3_jax.data.corpora import Annotation, Sample, rectangle
from gemma3_jax.data.pipeline.texts import fit_charset
from gemma3_jax.data.real import (
    fit_canvas,
    join_packs,
    load_pack,
    pack_words,
    page_crops,
    save_pack,
)


def picture(height: int, width: int, value: int = 90) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_a_short_crop_keeps_its_aspect_and_repeats_its_last_column() -> None:
    crop = picture(16, 24)
    crop[:, 12:] = 200
    canvas, used = fit_canvas(crop, 32, 128)
    assert (canvas.shape, used) == ((32, 128, 3), 48)
    assert (canvas[:, :20] == 90).all()
    assert (canvas[:, 28:] == 200).all()  # the edge blurs a little, the padding is flat


def test_a_long_crop_is_squeezed_to_the_canvas() -> None:
    crop = picture(10, 400)
    crop[:, 200:] = 200
    canvas, used = fit_canvas(crop, 32, 128)
    assert used == 128
    assert (canvas[:, :60] == 90).all() and (canvas[:, 68:] == 200).all()


@pytest.mark.parametrize(
    ("text", "fitted"),
    [("Café", "Cafe"), ("naïve", "naive"), ("plain!", "plain!"), ("☐", None), ("straße", None)],
)
def test_accents_are_taken_off_and_the_rest_is_refused(text: str, fitted: str | None) -> None:
    assert fit_charset(text, Charset()) == fitted


def test_a_charset_with_the_accent_keeps_it() -> None:
    assert fit_charset("é", Charset("eé")) == "é"


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    words = ["ok", "☐", "", "a" * 26, "é", "vertical"]
    tall = picture(64, 8)
    samples = [(tall if word == "vertical" else picture(8, 30), word) for word in words]
    pack = pack_words(samples, Charset(), min_px_per_char=3.0)
    assert pack.dropped == {"outside": 1, "empty": 1, "long": 1, "narrow": 1}
    assert [Charset().decode(row) for row in pack.labels] == ["ok", "e"]
    assert pack.images.shape == (2, 32, 128, 3) and pack.images.dtype == np.uint8
    assert pack.labels.shape == (2, 25) and pack.labels.dtype == np.int32
    assert pack.widths.tolist() == [120, 120]


def test_a_pack_of_nothing_has_the_right_shapes() -> None:
    pack = pack_words([], Charset())
    assert (pack.images.shape, pack.labels.shape, len(pack)) == ((0, 32, 128, 3), (0, 25), 0)


def test_a_pack_survives_the_disk(tmp_path: Path) -> None:
    Image.fromarray(picture(20, 40, 7)).save(tmp_path / "word.png")
    first = pack_words([(tmp_path / "word.png", "a"), (picture(4, 4), "☐")], Charset(), name="one")
    second = pack_words([(picture(9, 9), "b"), (picture(9, 9), "c")], Charset(), name="two")
    pack = join_packs([first, second])
    save_pack(pack, tmp_path / "deep" / "words.npz")
    back = load_pack(tmp_path / "deep" / "words.npz")
    for name in ("images", "widths", "labels", "corpus"):
        np.testing.assert_array_equal(getattr(back, name), getattr(pack, name))
        assert getattr(back, name).dtype == getattr(pack, name).dtype
    assert back.names == ("one", "two")
    assert back.corpus.tolist() == [0, 1, 1]
    assert back.dropped == {"one: outside": 1}
    assert list((tmp_path / "deep").iterdir()) == [tmp_path / "deep" / "words.npz"]


def test_a_pack_travels_as_webp_with_only_a_little_loss(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    slopes = [np.linspace(0, rng.integers(50, 255), 90).astype(np.uint8) for _ in range(300)]
    crops = [np.broadcast_to(slope[None, :, None], (40, 90, 3)) for slope in slopes]
    pack = pack_words([(np.ascontiguousarray(crop), "a") for crop in crops], Charset())
    save_pack(pack, tmp_path / "small.npz", quality=92)
    back = load_pack(tmp_path / "small.npz")
    assert back.images.shape == (300, 32, 128, 3)
    assert np.abs(back.images.astype(int) - pack.images).max() <= 8
    np.testing.assert_array_equal(back.labels, pack.labels)


def test_a_missing_pack_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m gemma3_jax\.data\.real"):
        load_pack(tmp_path / "words.npz")


def test_weights_count_words_not_corpora() -> None:
    one = pack_words([(picture(9, 9), "a")], Charset(), name="one")
    two = pack_words([(picture(9, 9), "b")] * 3, Charset(), name="two")
    weights = join_packs([one, two]).weights({"one": 5.0})
    np.testing.assert_allclose(weights, [5 / 8, 1 / 8, 1 / 8, 1 / 8])
    with pytest.raises(ValueError, match=r"no corpus.*three"):
        one.weights({"three": 1.0})
    with pytest.raises(ValueError, match="all weights are zero"):
        one.weights({"one": 0.0})


def page(tmp_path: Path, texts: list[str]) -> Sample:
    """A white page with one black 10 x 6 px box per text."""
    image = picture(40, 30 * len(texts) + 10, 255)
    words = []
    for i, text in enumerate(texts):
        image[10:16, 30 * i + 10 : 30 * i + 20] = 0
        words.append(Annotation(rectangle(30 * i + 10, 10, 30 * i + 20, 16), text))
    Image.fromarray(image).save(tmp_path / "page.png")
    return Sample(tmp_path / "page.png", words)


def test_page_crops_hold_the_word_with_up_to_four_px_around_it(tmp_path: Path) -> None:
    crops = list(page_crops([page(tmp_path, ["a", "b", "", "c"])], seed=3))
    assert sorted(text for _, text in crops) == ["a", "b", "c"]
    for crop, _ in crops:
        assert (crop == 0).all(axis=2).sum() == 60  # the whole word
        assert 6 <= crop.shape[0] <= 14 and 10 <= crop.shape[1] <= 18
    again = list(page_crops([page(tmp_path, ["a", "b", "", "c"])], seed=3))
    assert all((a[0] == b[0]).all() for a, b in zip(crops, again, strict=True))


def test_page_crops_are_capped_per_text_and_in_all(tmp_path: Path) -> None:
    pages = [page(tmp_path, ["of"] * 9 + ["the", "x"])]
    texts = [text for _, text in page_crops(pages, seed=0, same_text=2)]
    assert sorted(texts) == ["of", "of", "the", "x"]
    assert len(list(page_crops(pages, seed=0, limit=5))) == 5
    assert [text for _, text in page_crops(pages, 0, keep="the".__eq__)] == ["the"]
