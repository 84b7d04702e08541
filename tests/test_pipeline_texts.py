"""What of real annotations is learnt: the rule of texts and its counts, and manifests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma3_jax.charset import Charset
from gemma3_jax.data.corpora import Annotation, Sample, rectangle
from gemma3_jax.data.pipeline.feed import Bucket, ScenePipeline
from gemma3_jax.data.pipeline.manifest import Manifest, write_manifest
from gemma3_jax.data.pipeline.texts import TextRule, count_texts
from gemma3_jax.data.scenes import ScenePool, SceneSet


@pytest.mark.parametrize(
    ("text", "learnt", "verdict"),
    [
        ("Word", "Word", "whole"),
        ("a word", "a word", "whole"),
        (" padded\t", "padded", "whole"),
        ("café", "cafe", "respelt"),
        ("´a", "a", "respelt"),  # NFKD: space, combining acute, a
        ("", "", "empty"),
        (" \t ", "", "empty"),
        ("☐", "", "outside"),
        ("12☐", "", "outside"),  # never the part that fits
        ("x" * 8 + "y", "", "long"),
        ("x" * 9, "", "long"),
        ("x" * 8, "x" * 8, "whole"),
    ],
)
def test_the_rule_of_texts(text: str, learnt: str, verdict: str) -> None:
    rule = TextRule(max_label=8)
    assert rule.judge(text) == (learnt, verdict)
    label = rule.label(text)
    assert label.dtype == np.int32 and label.shape == (rule.max_label,)
    assert Charset().decode(label) == learnt and (label[: len(learnt)] > 0).all()


def test_texts_are_counted_by_case(tmp_path: Path) -> None:
    texts = ["ok", "ok", "é", "", "☐", "x" * 26, "☐ whatever"]
    box = rectangle(0, 0, 9, 9)
    words = [Annotation(box, text, i == 6) for i, text in enumerate(texts)]
    sets = [[Sample(tmp_path / "a.png", words)] * 10, [Sample(tmp_path / "b.png", words[:2])]]
    counts = count_texts(sets)
    assert counts == (11, 11, 10, 22, 10, 10, 10, 10)
    assert str(counts).startswith("11 pictures: 32 words to find and read (10 respelt)")
    some = count_texts(sets, most=5)
    assert (some.pictures, some.looked_at, some.whole) == (11, 6, 12)
    pipeline = ScenePipeline(ScenePool([SceneSet(s) for s in sets]), 1, (Bucket((32, 64), 4),))
    assert pipeline.text_counts() == counts


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.lists(st.floats(-1e6, 1e6, width=32), min_size=8, max_size=8),
                st.text(),
                st.booleans(),
            ),
            max_size=3,
        ),
        max_size=4,
    )
)
@settings(max_examples=50, deadline=None)
def test_a_manifest_gives_back_what_was_written(tmp_path_factory, pages) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    samples = [
        Sample(
            (folder if i % 2 else Path("/elsewhere")) / f"{i} é.png",
            [
                Annotation(np.float32(quad).reshape(4, 2), text, ignore)
                for quad, text, ignore in page
            ],
        )
        for i, page in enumerate(pages)
    ]
    manifest = write_manifest(iter(samples), folder / "list.jsonl")
    assert len(manifest) == len(samples)
    for read, sample in zip(manifest, samples, strict=True):
        assert read.image_path == sample.image_path
        for a, b in zip(read.words, sample.words, strict=True):
            np.testing.assert_array_equal(a.quad, b.quad)
            assert (a.text, a.ignore, a.quad.dtype) == (b.text, b.ignore, np.float32)


def test_a_manifest_names_the_line_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text('{"image": "a.png", "words": []}\n{"image": "b.png"}')
    manifest = Manifest(path)
    assert len(manifest) == 2 and manifest[0] == Sample(tmp_path / "a.png", [])
    with pytest.raises(ValueError, match=r"list.jsonl:2: expected .* found .*b.png.*'words'"):
        manifest[-1]
    with pytest.raises(IndexError):
        manifest[2]
