"""SROIE."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import ClassVar

from gemma3_jax.data.corpora.builder import CorpusBuilder, Counts, Example, Half, Task, picture
from gemma3_jax.data.corpora.formats import parse_quads
from gemma3_jax.data.corpora.published import Published

# The owner's drive adds -DATE-001 to a downloaded folder; the test texts' ( is full-width.
_TRAIN = ["0325updated.task1train(626p)*.zip"]
_TEST_IMAGES = ["task1&2_test(361p)*.zip", "task1_2_test(361p)*.zip", "fulltext_test(361p)*.zip"]
_TEST_TEXTS = ["text.task1&2-test（361p)*.zip", "text.task1_2-test（361p)*.zip", "text.zip"]


class Builder(CorpusBuilder):
    """SROIE 2019: scanned receipts. The boxes are LINES of text, not words, in capitals.

    The training folder holds copies such as X51005230605(1).jpg beside the originals: left out.
    """

    URL = "https://rrc.cvc.uab.es/?ch=13&com=downloads"
    TERMS = "registration with the Robust Reading Competition; CC BY 4.0"
    CITATION = "Huang et al., ICDAR 2019 Competition on Scanned Receipt OCR, ICDAR 2019"
    COUNTS: ClassVar[Counts] = {"localisation": {"train": 626, "test": 361}}

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        count = self.COUNTS[task][half]
        if half == "train":
            images = texts = files.archive(_TRAIN, f"{count} receipts X*.jpg with X*.txt")
        else:
            images = files.archive(_TEST_IMAGES, f"{count} receipts X*.jpg")
            texts = files.archive(_TEST_TEXTS, f"{count} files X*.txt")
        examples = []
        for name in images.matching("*.jpg"):
            member = f"{PurePosixPath(name).stem}.txt"
            if "(" in name:
                continue
            # texts were typed on many machines: what is not UTF-8 is taken for Latin-1
            words = parse_quads(texts.text(member, "latin-1"), f"{texts.path}: {member}")
            examples.append(picture(images, name, words=words))
        return examples
