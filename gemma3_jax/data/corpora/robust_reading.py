"""What the ICDAR 2013 and 2015 sets share: the Robust Reading Competition packs both alike."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import ClassVar, NamedTuple

from gemma3_jax.data.corpora.builder import (
    CorpusBuilder,
    Example,
    Half,
    Task,
    picture,
    word_examples,
)
from gemma3_jax.data.corpora.formats import lines, parse_named_texts
from gemma3_jax.data.corpora.published import Archive, Published
from gemma3_jax.data.corpora.samples import Annotation


class Pack(NamedTuple):
    """Names of a half's files; `truth` empty: gt.txt among the pictures (training crops)."""

    images: str
    truth: tuple[str, ...] = ()
    lexicons: str = ""  # archive with voc_NAME.txt, one a picture
    vocabulary: str = ""


Packs = Mapping[tuple[Task, Half], Pack]


class RobustReadingBuilder(CorpusBuilder):
    """Base of both: a table of files, and the parser of a picture's ground truth."""

    PACKS: ClassVar[Packs]
    GENERIC: ClassVar[str] = "GenericVocabulary.txt"

    @staticmethod
    @abc.abstractmethod
    def parse(text: str, where: str) -> list[Annotation]:
        """The words of one `gt_NAME.txt`."""

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        pack, count = self.PACKS[task, half], self.COUNTS[task][half]
        images = files.archive(pack.images, f"{count} pictures")
        if task == "words":
            truth, holds = pack.truth, f"{count} lines"
            text = files.text(truth[0], holds) if truth else images.text("gt.txt")
            where = str(files.root / truth[0]) if truth else f"{images.path}: gt.txt"
            return word_examples(images, parse_named_texts(text, where))
        truth = files.archive(pack.truth, f"{count} files gt_NAME.txt")
        lexicons = None
        if task == "end-to-end":
            lexicons = files.archive(pack.lexicons, f"{count} files voc_NAME.txt")
        return [self._scene(name, images, truth, lexicons) for name in images.matching("*.jpg")]

    def _scene(
        self, name: str, images: Archive, truth: Archive, lexicons: Archive | None
    ) -> Example:
        stem = PurePosixPath(name).stem
        member = f"gt_{stem}.txt"
        words = self.parse(truth.text(member), f"{truth.path}: {member}")
        if lexicons is None:
            return picture(images, name, words=words)
        lexicon = [line.strip() for line in lines(lexicons.text(f"voc_{stem}.txt"))]
        return picture(images, name, words=words, lexicon=lexicon)

    def vocabularies(self, task: Task, half: Half, files: Published) -> dict[str, list[str]]:
        if task != "end-to-end":
            return {}
        weak = files.text(self.PACKS[task, half].vocabulary, "all words of the half")
        generic = files.text(self.GENERIC, "about 90,000 words")
        return {"weak": _entries(weak), "generic": _entries(generic)}


def _entries(text: str) -> list[str]:
    """One word a line; lines of several words are the file's disclaimer."""
    return [line.strip() for line in lines(text) if len(line.split()) == 1]
