"""ICDAR 2003."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from gemma3_jax.data.corpora.builder import (
    CorpusBuilder,
    Counts,
    Example,
    Half,
    Task,
    picture,
    word_examples,
)
from gemma3_jax.data.corpora.formats import parse_imagelist, parse_tagset
from gemma3_jax.data.corpora.published import Published

_FOLDERS = {"train": "TrialTrain", "test": "TrialTest"}


class Builder(CorpusBuilder):
    """ICDAR 2003 robust reading, the trial sets: upright word boxes, and word crops.

    Both halves are published under the same file names, so they stay in the owner's folders
    TrialTrain and TrialTest. Boxes are taken upright: `offset` and `rotation` of words.xml are not
    applied (assumed to be 0, as other readers of the set do).
    """

    URL = "http://www.iapr-tc11.org/mediawiki/index.php/ICDAR_2003_Robust_Reading_Competitions"
    TERMS = "free download; no licence stated"
    CITATION = "Lucas et al., ICDAR 2003 Robust Reading Competitions, ICDAR 2003"
    COUNTS: ClassVar[Counts] = {
        "words": {"train": 1156, "test": 1110},
        "localisation": {"train": 258, "test": 251},
    }

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        folder, count = _FOLDERS[half], self.COUNTS[task][half]
        if task == "words":
            crops = files.archive(f"{folder}/word.zip", f"word.xml and {count} crops")
            where = f"{crops.path}: word.xml"
            return word_examples(crops, parse_imagelist(crops.read("word.xml"), where))
        names = [f"{folder}/scene.zip", f"{folder}/Scene{folder}"]
        scenes = files.archive(names, f"words.xml and {count} photographs")
        tagged = parse_tagset(scenes.read("words.xml"), f"{scenes.path}: words.xml")
        return [picture(scenes, image.image_name, words=image.words) for image in tagged]
