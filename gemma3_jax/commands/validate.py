"""`gemma3-ocr validate`: a folder of annotations looked over before training on it."""

from __future__ import annotations

import collections
import sys
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from gemma3_jax.data.annotations import Reading, scan_folder
from gemma3_jax.data.annotations.faults import CONSEQUENCES, Fault
from gemma3_jax.data.annotations.inspection import PERCENTILES, OddCharacter, Report, inspect
from gemma3_jax.data.corpora import Sample
from gemma3_jax.data.pipeline.texts import TextRule
from gemma3_jax.pretrained import load_config

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import Validate

EXAMPLES = 3  # of each fault and character
MOST_CHARACTERS = 20


def validate(command: Validate) -> int:
    """Print the report, draw the sheet if one is asked for; status 1 when training would suffer."""
    rule = TextRule(load_config(command.model).alphabet)
    reading = scan_folder(command.folder, command.format)
    against = scan_folder(command.against, command.format) if command.against else None
    report = inspect(reading, rule, against, _progress)
    console = Console(highlight=False)
    console.print(_summary(report, reading), soft_wrap=True)
    for table in (_spreads(report), _characters(report.characters), _faults(report.faults)):
        if table.row_count:
            console.print(table)
    if command.sheet is not None:
        _draw(command, reading, report)
        colours = "teal boxes are to be read, blue ones have a fault, amber is do not care"
        console.print(escape(f"{command.sheet}: {colours}"), soft_wrap=True)
    console.print(_verdict(report), soft_wrap=True)
    return 1 if report.errors else 0


def _progress(samples: Iterable[Sample]) -> Iterable[Sample]:
    console = Console(stderr=True)
    return track(samples, "looking at pictures", console=console, disable=not sys.stderr.isatty())


def _draw(command: Validate, reading: Reading, report: Report) -> None:
    from gemma3_jax.data.annotations.contact import sheet_of
    from gemma3_jax.writers.drawing import save

    assert command.sheet is not None
    command.sheet.parent.mkdir(parents=True, exist_ok=True)
    save(sheet_of(reading.samples, report), command.sheet)


def _summary(report: Report, reading: Reading) -> str:
    read = report.words - report.ignored
    return escape(
        f"{report.folder} ({report.format}): {report.pictures} pictures, {read} words to read, "
        f"{report.ignored} do not care; {len(reading.problems)} annotations cannot be used, "
        f"{len(reading.unannotated)} pictures have none"
    )


def _spreads(report: Report) -> Table:
    names = ["least" if p == 0 else "most" if p == 100 else f"{p} %" for p in PERCENTILES]
    table = Table("words", *names, title="Statistics", title_justify="left")
    for name, values in report.spreads.items():
        table.add_row(name, *(f"{value:.4g}" for value in values))
    return table


def _characters(characters: list[OddCharacter]) -> Table:
    table = Table(
        "",
        "character",
        "times",
        "learnt",
        "files",
        title="Characters outside the charset",
        title_justify="left",
    )
    for one in characters[:MOST_CHARACTERS]:
        name = f"U+{ord(one.char):04X} {unicodedata.name(one.char, 'no name').lower()}"
        learnt = "plainer" if one.respelt else "no"
        table.add_row(escape(one.char), name, str(one.times), learnt, _some(one.files))
    if len(characters) > MOST_CHARACTERS:
        table.add_row("", f"and {len(characters) - MOST_CHARACTERS} more", "", "", "")
    return table


def _faults(faults: list[Fault]) -> Table:
    by_kind: dict[str, list[Fault]] = collections.defaultdict(list)
    for fault in faults:
        by_kind[fault.kind].append(fault)
    table = Table(
        "", "fault", "times", "what it does", "where", title="Faults", title_justify="left"
    )
    for kind, (severity, consequence) in CONSEQUENCES.items():
        if found := by_kind.get(kind):
            colour = "red" if severity == "error" else "yellow"
            places = [f"{fault.where}: {fault.what}".removesuffix(": ") for fault in found]
            table.add_row(
                f"[{colour}]{severity}[/]", kind, str(len(found)), consequence, _some(places, "\n")
            )
    return table


def _some(items: list[str], separator: str = ", ") -> str:
    more = [f"and {len(items) - EXAMPLES} more"] if len(items) > EXAMPLES else []
    return escape(separator.join([*items[:EXAMPLES], *more]))


def _verdict(report: Report) -> str:
    warnings = len(report.faults) - len(report.errors)
    if report.errors:
        return f"[red]Not fit for training[/]: {len(report.errors)} errors, {warnings} warnings"
    return f"Fit for training: no errors, {warnings} warnings"
