"""SVT-P."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from gemma3_jax.data.corpora.builder import (
    CorpusBuilder,
    Counts,
    Example,
    Half,
    Task,
    word_examples,
)
from gemma3_jax.data.corpora.formats import parse_spaced_texts
from gemma3_jax.data.corpora.published import Published


class Builder(CorpusBuilder):
    """Street View Text Perspective: 645 word crops seen from the side, for testing only.

    The authors' page (comp.nus.edu.sg/~phanquyt) is gone. ASSUMED: the layout in which the set is
    passed on, svtp.zip with gt.txt (`13_15_0_par.jpg WYNDHAM`) and the crops in par1/. The paper
    counts 639 words, the set in use has 645. The 50-word lexicons are not in it.
    """

    URL = "https://download.openmmlab.com/mmocr/data/svtp.zip"
    TERMS = "no licence stated"
    CITATION = "Phan et al., Recognizing Text with Perspective Distortion, ICCV 2013"
    COUNTS: ClassVar[Counts] = {"words": {"test": 645}}

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        count = self.COUNTS[task][half]
        archive = files.archive("svtp.zip", f"gt.txt and {count} crops in par1/")
        rows = parse_spaced_texts(archive.text("gt.txt"), f"{archive.path}: gt.txt")
        return word_examples(archive, [(f"par1/{name}", text) for name, text in rows])
