"""SVT."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from gemma3_jax.data.corpora.builder import (
    CorpusBuilder,
    Counts,
    Example,
    Half,
    Lexicons,
    Task,
    picture,
)
from gemma3_jax.data.corpora.formats import Tagged, parse_tagset
from gemma3_jax.data.corpora.published import Archive, Published


class Builder(CorpusBuilder):
    """Street View Text: photographs with upright boxes of SOME words, and a lexicon each.

    A word without a box is not background. Task "words" cuts the boxes out (stored as PNG, so
    that nothing is lost twice), as every published word accuracy on SVT does.
    """

    URL = "http://www.iapr-tc11.org/mediawiki/index.php/The_Street_View_Text_Dataset"
    TERMS = "free download; no licence stated"
    CITATION = "Wang, Babenko, Belongie, End-to-End Scene Text Recognition, ICCV 2011"
    COUNTS: ClassVar[Counts] = {
        "words": {"train": 257, "test": 647},
        "localisation": {"train": 100, "test": 249},
    }
    LEXICONS: ClassVar[Lexicons] = {"words": ("lexicon",), "localisation": ("lexicon",)}

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        count = self.COUNTS["localisation"][half]
        archive = files.archive(["svt.zip", "svt1"], f"{half}.xml and {count} photographs")
        tagged = parse_tagset(archive.read(f"{half}.xml"), f"{archive.path}: {half}.xml")
        if task == "words":
            return [_crop(archive, image, i) for image in tagged for i in range(len(image.words))]
        return [
            picture(archive, image.image_name, words=image.words, lexicon=image.lexicon)
            for image in tagged
        ]


def _crop(archive: Archive, image: Tagged, index: int) -> Example:
    quad, text, _ = image.words[index]
    archive.require(image.image_name)
    fields = {"text": text, "lexicon": image.lexicon}
    return Example(
        f"{image.image_name}#{index}", lambda: _cut(archive.read(image.image_name), quad), fields
    )


def _cut(photograph: bytes, quad: np.ndarray) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(photograph)) as image:
        (left, top), (right, bottom) = quad[0].tolist(), quad[2].tolist()
        # a box may leave the picture: no black margin that no camera saw
        right, bottom = min(right, image.width), min(bottom, image.height)
        box = (round(max(left, 0)), round(max(top, 0)), round(right), round(bottom))
        buffer = io.BytesIO()
        image.crop(box).save(buffer, format="PNG")
    return buffer.getvalue()
