"""FUNSD."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import ClassVar

from gemma3_jax.data.corpora.builder import CorpusBuilder, Counts, Example, Half, Task, picture
from gemma3_jax.data.corpora.formats import parse_form
from gemma3_jax.data.corpora.published import Published

_FOLDERS = {"train": "training_data", "test": "testing_data"}


class Builder(CorpusBuilder):
    """FUNSD: 199 noisy scanned forms with upright word boxes; a box without text is ignored."""

    URL = "https://guillaumejaume.github.io/FUNSD/"
    TERMS = "non-commercial, research and educational use"
    CITATION = "Jaume, Ekenel, Thiran, FUNSD: Form Understanding in Noisy Scanned Documents, 2019"
    COUNTS: ClassVar[Counts] = {"localisation": {"train": 149, "test": 50}}

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        folder, count = _FOLDERS[half], self.COUNTS[task][half]
        archive = files.archive("dataset.zip", f"{folder}/ with {count} annotations and images")
        examples = []
        for name in archive.matching(f"{folder}/annotations/*.json"):
            image = f"{folder}/images/{PurePosixPath(name).stem}.png"
            words = parse_form(archive.text(name), f"{archive.path}: {name}")
            examples.append(picture(archive, image, words=words))
        return examples
