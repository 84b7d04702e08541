"""Build a public corpus from its owner's files, once; read it ever after.

    python -m gemma3_jax.data.corpora icdar2015/words --manual-dir ~/downloads/icdar2015

In Python: `load("icdar2015/words", "test")` is a data source (random access, what grain takes).
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from gemma3_jax.data.corpora.samples import Annotation

if TYPE_CHECKING:
    from gemma3_jax.data.corpora.builder import CorpusBuilder

SETS = (
    "icdar2003",
    "icdar2013",
    "icdar2015",
    "svt",
    "svtp",
    "iiit5k",
    "cute80",
    "funsd",
    "sroie",
)


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """Build a public corpus from the files its owner publishes (docs/datasets.md lists them)."""

    name: Annotated[str, tyro.conf.Positional]
    """Set and task, as icdar2015/words; the task may be left out where there is one."""
    manual_dir: Path
    """Folder with the owner's files, packed or unpacked."""
    data_dir: Path | None = None
    """Where the corpus goes; ~/tensorflow_datasets if not given."""
    partial: bool = False
    """Build what is there: missing halves left out, counts unchecked, name NAME-partial."""


def corpus(name: str, data_dir: str | Path | None = None, partial: bool = False) -> CorpusBuilder:
    """The TFDS builder of `name`, "SET/TASK" or "SET" where it has one task.

    Raises:
        ValueError: for a name that is not there, with those that are.
        ModuleNotFoundError: when the extra [train] is not installed.
    """
    set_name, _, task = name.partition("/")
    if set_name not in SETS:
        raise ValueError(f"no corpus {set_name!r}: there are {', '.join(SETS)}")
    builder_class, partial_config = _import(set_name)
    configs = {config.name: config for config in builder_class.BUILDER_CONFIGS}
    if not task and len(configs) == 1:
        (task,) = configs
    if task not in configs:
        raise ValueError(f"{set_name} has no task {task!r}: there are {', '.join(configs)}")
    config = partial_config(configs[task]) if partial else configs[task]
    where = str(Path(data_dir).expanduser()) if data_dir else None
    return builder_class(config=config, data_dir=where, file_format="array_record")


def build(
    name: str, manual_dir: str | Path, data_dir: str | Path | None = None, partial: bool = False
) -> CorpusBuilder:
    """Build corpus `name` from the owner's files in `manual_dir`; a finished one is left as it is.

    Raises:
        MissingFiles, ValueError: naming the missing or damaged file, what it should hold, its URL.
    """
    builder = corpus(name, data_dir, partial)
    import tensorflow_datasets as tfds

    manual_dir = Path(manual_dir).expanduser()
    if not manual_dir.is_dir() or not any(manual_dir.iterdir()):
        what = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        raise FileNotFoundError(f"--manual-dir {manual_dir} is no folder with files in it: {what}")
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    builder.download_and_prepare(download_config=config, file_format="array_record")
    return builder


def load(name: str, split: str, data_dir: str | Path | None = None, partial: bool = False) -> Any:
    """A built corpus as a random-access sequence of dicts; `image` stays ENCODED bytes.

    `gemma3_jax.imaging.load` turns those into RGB whatever they are (grey, palette, EXIF-turned).
    """
    builder: Any = corpus(name, data_dir, partial)  # decorators hide the parameters used below
    import tensorflow_datasets as tfds  # after corpus, which says what to install

    return builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})


def words_of(row: dict[str, Any]) -> list[Annotation]:
    """The words of a row of `load`. (TFDS gives a picture without words bare empty lists.)"""
    words = row["words"]
    return [
        Annotation(np.asarray(quad, np.float32), text.decode(), bool(ignore))
        for quad, text, ignore in zip(words["quad"], words["text"], words["ignore"], strict=True)
    ]


def main() -> None:
    """The command line: builds, then prints what each half holds."""
    options = tyro.cli(BuildOptions, prog="python -m gemma3_jax.data.corpora")
    try:
        builder = build(options.name, options.manual_dir, options.data_dir, options.partial)
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        sys.exit(f"error: {error}")
    for split, info in builder.info.splits.items():
        print(f"{builder.info.full_name} {split}: {info.num_examples} examples")
    for reason in (builder.info.metadata or {}).get("left_out", ()):
        print(f"left out {reason}")
    print(f"in {builder.data_path}")


def _import(set_name: str) -> tuple[type[CorpusBuilder], Any]:
    try:
        from gemma3_jax.data.corpora.builder import partial_config
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"corpora need {error.name}: pip install 'gemma3_jax[train]'"
        ) from error
    package = f"gemma3_jax.data.corpora.{set_name}.{set_name}_dataset_builder"
    return importlib.import_module(package).Builder, partial_config
