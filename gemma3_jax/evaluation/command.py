"""`gemma3-ocr eval`: measure a model on validation sets or one's own folders and print a table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import arg

from gemma3_jax.config import MAX_SIDE
from gemma3_jax.evaluation.readers import Reader
from gemma3_jax.evaluation.report import as_json, console, gallery, notes, table
from gemma3_jax.evaluation.runs import evaluate

DEFAULT_MODEL = "gemma3-base"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure and where to write it."""

    model: str = DEFAULT_MODEL
    """A model in the package, or a folder that save_pretrained wrote."""
    config: Literal["base", "tiny"] | None = None
    """Short for --model gemma3-base or --model gemma3-tiny."""
    data: Path = Path("../shared/data")
    """Folder of the public sets (docs/datasets.md)."""
    backend: Literal["auto", "jax", "onnx", "onnx-int8"] = "auto"
    """What computes the network (docs/export.md)."""
    sets: tuple[str, ...] = ("all-val",)
    """Names of validation sets, all-val for every one; FOLDER or NAME=FOLDER for annotated pictures of your own."""
    limit: int | None = None
    """Only the first pictures of each set."""
    max_side: int = MAX_SIDE
    """Longest side in px at which pages are read."""
    min_side: int = 0
    """Lift --max-side until the shorter side has as many px (dense forms: 1500)."""
    language: Literal["auto", "on", "off"] = "auto"
    """Let a language model correct doubtful words, all that look like words, or none."""
    min_confidence: float = 0.5
    """Leave out words below this confidence (0 to 1)."""
    look_again: bool = True
    """Read at a second size and doubtful words again from their own pixels where that promises more."""
    enhance: bool = True
    """Read faint words with their contrast raised too."""
    turn: bool = True
    """Try pages that make no sense at the other three quarter turns."""
    json: Path | None = None
    """Also write the figures to this file."""
    errors: Path | None = None
    """Also write the worst mistakes and the reliability diagrams to this HTML file."""

    def __post_init__(self) -> None:
        if self.config is not None:
            meant = f"gemma3-{self.config}"
            if self.model not in (DEFAULT_MODEL, meant):
                raise ValueError(
                    f"--config {self.config} means {meant}, but --model is {self.model}"
                )
            object.__setattr__(self, "model", meant)


def main(settings: Annotated[Settings, arg(name="")]) -> None:
    """Measure a model on validation sets or your own folders and print a table."""
    run(settings)


def run(settings: Settings, others: Mapping[str, Reader] | None = None) -> None:
    """Measure the model and any `others` on the same pictures; print one table, write what was asked for.

    Raises:
        ValueError: unknown set. FileNotFoundError: no such model or a file of a set is missing.
    """
    from gemma3_jax.commands.cache import remember_compilations
    from gemma3_jax.ocr import GemmaOCR

    remember_compilations()
    names = ("max_side", "min_side", "language", "min_confidence", "look_again", "enhance", "turn")
    options: dict[str, Any] = {name: getattr(settings, name) for name in names}
    own_reader = GemmaOCR.from_pretrained(settings.model, settings.backend, **options)
    readers = {settings.model: own_reader, **(others or {})}
    results = {name: _measure(name, reader, settings) for name, reader in readers.items()}
    screen = console()
    screen.print(table(results, f"{', '.join(settings.sets)}, figures in percent"))
    for note in notes(results):
        screen.print(note, style="dim")
    own = results[settings.model]
    if settings.json is not None:
        how = {"model": settings.model, "backend": settings.backend, **options}
        how["limit"] = settings.limit
        peers = {
            name: as_json(outcomes) for name, outcomes in results.items() if outcomes is not own
        }
        written = how | as_json(own) | ({"peers": peers} if peers else {})
        settings.json.write_text(json.dumps(written, indent=1) + "\n")
    if settings.errors is not None:
        gallery(settings.errors, own)


def _measure(name: str, reader: Reader, settings: Settings) -> list[Any]:
    """One reader over all sets, under a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:

        def watch(items: Sequence[Any], of: str) -> Iterator[Any]:
            return iter(progress.track(items, description=f"{name} {of}"))

        return evaluate(reader, settings.sets, settings.data, settings.limit, watch)
