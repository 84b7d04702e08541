"""The machinery all TFDS builders share: features, counts, checks. A builder adds a table and a reader.

Works without TensorFlow: pictures are stored as the owner's encoded bytes, records as array_record,
and `as_data_source` reads them back in the order of the owner's files.
"""

from __future__ import annotations

import abc
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from gemma3_jax.data.corpora.published import Archive, MissingFiles, Published, image_problem
from gemma3_jax.data.corpora.samples import Annotation

Task = Literal["words", "localisation", "end-to-end"]
Half = Literal["train", "test"]
Counts = Mapping[Task, Mapping[Half, int]]  # examples the owner publishes
Lexicons = Mapping[Task, tuple[str, ...]]  # names of lexicon features


@dataclasses.dataclass(eq=False)
class TaskConfig(tfds.core.BuilderConfig):
    """One task of a set.

    `partial` builds what is there: a half whose files are missing is left out (and named), counts
    are not held against the owner's. Such a build has a name of its own, see `partial_config`.
    """

    task: Task = "words"
    partial: bool = False


class Example(NamedTuple):
    """A picture, read when it is written, and its other features (`text`, or `words`)."""

    filename: str
    read: Callable[[], bytes]
    fields: dict[str, Any]


class CorpusBuilder(tfds.core.GeneratorBasedBuilder):
    """Base of the builders.

    Features of task "words": image, image/filename, text. Of the others: image, image/filename,
    words = sequence of {quad float32 [4, 2] px clockwise from the top left of the text, text,
    ignore}. Where a set has lexicons, each is a sequence of texts.
    """

    VERSION = tfds.core.Version("1.0.0")
    URL: ClassVar[str]
    TERMS: ClassVar[str]
    CITATION: ClassVar[str]
    COUNTS: ClassVar[Counts]
    LEXICONS: ClassVar[Lexicons] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.BUILDER_CONFIGS = [
            TaskConfig(name=task, task=task) for task in getattr(cls, "COUNTS", {})
        ]
        cls.MANUAL_DOWNLOAD_INSTRUCTIONS = (
            f"download the files that docs/datasets.md lists from {getattr(cls, 'URL', '')}"
        )
        super().__init_subclass__(**kwargs)

    @abc.abstractmethod
    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        """The examples of one half, in the owner's order; pictures are not read yet."""

    def vocabularies(self, task: Task, half: Half, files: Published) -> dict[str, list[str]]:
        """Lexicons of the whole half, kept in `info.metadata["train"]` and `["test"]`."""
        del task, half, files
        return {}

    def _info(self) -> tfds.core.DatasetInfo:
        task = self._task_config.task
        features: dict[str, Any] = {
            "image": tfds.features.Image(),
            "image/filename": tfds.features.Text(),
            **({"text": tfds.features.Text()} if task == "words" else {"words": _words()}),
            **{key: _texts() for key in self.LEXICONS.get(task, ())},
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{type(self).__doc__}\n\nTerms: {self.TERMS}",
            features=tfds.features.FeaturesDict(features),
            homepage=self.URL,
            citation=self.CITATION,
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        config = self._task_config
        files = Published(os.fspath(dl_manager.manual_dir), self.URL)
        metadata = self.info.metadata
        assert metadata is not None  # _info sets it
        splits, left_out = {}, []
        for half, count in self.COUNTS[config.task].items():
            try:
                examples = list(self.examples(config.task, half, files))
                vocabularies = self.vocabularies(config.task, half, files)
            except MissingFiles as error:
                if not config.partial:
                    raise
                left_out.append(f"{half}: {error}")
                continue
            if len(examples) != count and not config.partial:
                raise ValueError(
                    f"{self.name}/{config.name}: {len(examples)} {half} examples in {files.root}, "
                    f"expected {count}: get the set again from {self.URL}, or build what is there "
                    "with --partial"
                )
            splits[half] = self._generate_examples(examples)
            metadata[half] = vocabularies
        if not splits:
            raise MissingFiles("\n".join(left_out))
        metadata["left_out"] = left_out
        return splits

    def _generate_examples(self, examples: list[Example]) -> Iterator[tuple[int, dict[str, Any]]]:
        for index, example in enumerate(examples):
            image = example.read()
            if problem := image_problem(image):
                raise ValueError(
                    f"{example.filename} of {self.name} is no whole picture ({problem}): "
                    f"get it again from {self.URL}"
                )
            yield index, {"image": image, "image/filename": example.filename, **example.fields}

    @property
    def _task_config(self) -> TaskConfig:
        if not isinstance(self.builder_config, TaskConfig):
            raise ValueError(f"{self.name} needs a TaskConfig, got {self.builder_config!r}")
        return self.builder_config


def partial_config(config: TaskConfig) -> TaskConfig:
    """The same task, built from what is there and kept apart under NAME-partial."""
    return dataclasses.replace(config, name=f"{config.name}-partial", partial=True)


def word_examples(archive: Archive, rows: Iterable[tuple[str, str]]) -> list[Example]:
    """Crops listed as (member, text)."""
    return [picture(archive, name, text=text) for name, text in rows]


def picture(archive: Archive, name: str, **fields: Any) -> Example:
    """A picture of `archive`, which must have it, with its other features."""
    archive.require(name)
    if "words" in fields:
        fields["words"] = [_word(word) for word in fields["words"]]
    return Example(name, lambda: archive.read(name), fields)


def _word(word: Annotation) -> dict[str, Any]:
    return {"quad": word.quad, "text": word.text, "ignore": bool(word.ignore)}


def _words() -> tfds.features.Sequence:
    return tfds.features.Sequence(
        {
            "quad": tfds.features.Tensor(shape=(4, 2), dtype=np.float32),
            "text": tfds.features.Text(),
            "ignore": tfds.features.Scalar(dtype=np.bool_),
        }
    )


def _texts() -> tfds.features.Sequence:
    return tfds.features.Sequence(tfds.features.Text())
