"""CUTE80."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from gemma3_jax.data.corpora.builder import (
    CorpusBuilder,
    Counts,
    Example,
    Half,
    Task,
    picture,
    word_examples,
)
from gemma3_jax.data.corpora.formats import parse_polygons, parse_spaced_texts
from gemma3_jax.data.corpora.published import Published
from gemma3_jax.data.corpora.samples import Annotation, rectangle

_CROPS = "https://download.openmmlab.com/mmocr/data/mixture/ct80/"


class Builder(CorpusBuilder):
    """CUTE80, curved text, for testing only.

    "localisation": what the owner publishes, folders CUTE80 (80 photographs) and Groundtruth with
    GroundTruth.xml: polygons of text LINES, without a transcription. A quad here is the upright
    box around a polygon, its text is empty.
    "words": the 288 crops that word accuracy is reported on. Others cut them; ASSUMED is the
    layout in which they are passed on: timage.tar.gz and test_label.txt
    (`timage/001.jpg RONALDO 1 RONALDO`).
    """

    URL = "http://cs-chan.com/downloads_CUTE80_dataset.html"
    TERMS = "non-commercial use"
    CITATION = "Risnumawan et al., A Robust Arbitrary Text Detection System, ESWA 41(18), 2014"
    COUNTS: ClassVar[Counts] = {"words": {"test": 288}, "localisation": {"test": 80}}

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        count = self.COUNTS[task][half]
        if task == "words":
            files = Published(files.root, _CROPS)
            crops = files.archive(["timage.tar.gz", "ct80.tar.gz"], f"{count} crops in timage/")
            text = files.text("test_label.txt", f"{count} lines")
            rows = parse_spaced_texts(text, str(files.root / "test_label.txt"))
            return word_examples(crops, [(name.removeprefix("timage/"), t) for name, t in rows])
        names = ["CUTE80_Dataset.zip", "CUTE80.zip"]
        archive = files.archive(names, f"CUTE80/ with {count} photographs and Groundtruth/")
        truth = "Groundtruth/GroundTruth.xml"
        pictures = parse_polygons(archive.read(truth), f"{archive.path}: {truth}")
        # names differ in case between the ground truth and the folder
        lines = {name.lower(): [_box(p) for p in polygons] for name, polygons in pictures.items()}
        return [
            picture(archive, name, words=lines.get(name.rsplit("/", 1)[1].lower(), []))
            for name in archive.matching("CUTE80/*.[jJ][pP][gG]")
        ]


def _box(polygon: np.ndarray) -> Annotation:
    return Annotation(rectangle(*polygon.min(axis=0), *polygon.max(axis=0)), "")
