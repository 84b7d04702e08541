"""Texts sampled on the device: lengths, mixture, case, and where words come from."""

from __future__ import annotations

import zipfile

import jax
import numpy as np
import pytest

from gemma3_jax.charset import Charset
from gemma3_jax.data import lexicon, phrases
from gemma3_jax.data.drawn_text import sample_text

CHARSET = Charset()


@pytest.fixture(scope="module")
def sampler():
    table = jax.tree.map(jax.numpy.asarray, lexicon.load_lexicon())
    draw = jax.jit(jax.vmap(lambda key, d: sample_text(key, table, d), (0, None)))

    def texts(seed: int, difficulty: float) -> list[str]:
        ids, lengths = draw(jax.random.split(jax.random.key(seed), 2048), difficulty)
        assert ids.shape == (2048, lexicon.MAX_LABEL)
        padded = np.asarray(ids) > 0  # all letters first, then only padding
        np.testing.assert_array_equal(padded.sum(1), lengths)
        assert (np.diff(padded.astype(int), axis=1) <= 0).all()
        return [CHARSET.decode(row) for row in np.asarray(ids)]

    return texts


@pytest.mark.parametrize(("difficulty", "cap"), [(0.0, 5), (0.5, 14), (1.0, 24)])
def test_difficulty_caps_the_length(sampler, difficulty: float, cap: int) -> None:
    lengths = [len(text) for text in sampler(0, difficulty)]
    assert min(lengths) >= 1
    assert max(lengths) <= cap
    assert max(lengths) >= cap - 4  # and the room is used


def test_the_mixture_holds_words_numbers_marks_and_every_character(sampler) -> None:
    texts = sampler(1, 1.0) + sampler(2, 1.0)
    known = {word.lower() for word in phrases.COMMON_WORDS}
    words = [text for text in texts if text.lower() in known]
    assert 0.5 < len(words) / len(texts) < 0.75
    numeric = [text for text in texts if sum(c.isdigit() for c in text) * 2 >= len(text)]
    assert 0.08 < len(numeric) / len(texts) < 0.25
    assert set("".join(texts)) == set(CHARSET.characters)
    assert all(text == text.strip() for text in texts)


def test_words_keep_one_case(sampler) -> None:
    known = {word.lower() for word in phrases.COMMON_WORDS}
    words = [text for text in sampler(3, 1.0) if text.lower() in known and len(text) > 3]
    regular = [text for text in words if text in (text.lower(), text.upper(), text.title())]
    assert len(regular) / len(words) > 0.95
    for change in (str.lower, str.upper, str.title):
        assert np.mean([text == change(text) for text in words]) > 0.12


def test_word_lists_are_read_and_merged(tmp_path) -> None:
    (tmp_path / "en_50k.txt").write_text("the 900\nzebra 1\ncafé 50\n", "utf-8")
    (tmp_path / "1grams_english.csv").write_text('ngram,freq,cumshare\nthe,9,0.9\n"of",4,1\n')
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        archive.writestr("words.txt", "zebra\nquokka\n")
    words = lexicon.read_words(tmp_path)
    assert set(words) == {"the", "zebra", "of", "quokka"}  # not the accented one
    assert words["the"] > words["of"] > words["quokka"]
    assert words["the"] < 30 * words["zebra"]  # 900 : 1 is flattened
    table = lexicon.load_lexicon(tmp_path)
    assert [CHARSET.decode(row) for row in table.words] == ["of", "the", "zebra", "quokka"]
    assert table.cdf[-1] == pytest.approx(1)
    np.testing.assert_array_equal(table.counts[:7], [0, 0, 1, 2, 2, 3, 4])


def test_a_folder_without_lists_is_an_error(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="50k"):
        lexicon.load_lexicon(tmp_path)


def test_a_charset_without_marks_drops_what_it_cannot_write() -> None:
    charset = Charset("abcdefghijklmnopqrstuvwxyz0123456789")
    table = lexicon.load_lexicon(charset=charset)
    ids, _ = jax.vmap(lambda key: sample_text(key, table))(jax.random.split(jax.random.key(0), 256))
    texts = [charset.decode(row) for row in np.asarray(ids)]
    assert all(texts)
    assert np.asarray(ids).max() <= len(charset.characters)


def test_a_charset_without_words_still_has_numbers():
    charset = Charset("0123456789")
    numbers = lexicon.load_lexicon(None, charset)
    ids, lengths = jax.vmap(lambda k: sample_text(k, numbers))(
        jax.random.split(jax.random.key(0), 200)
    )
    texts = [charset.decode(row) for row in np.asarray(ids).tolist()]
    assert all(texts) and set("".join(texts)) == set("0123456789")
    assert np.asarray(lengths).max() > 3
