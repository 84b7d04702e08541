"""Outcomes of one or several readers as a table, as JSON and as a gallery of mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma3_jax.evaluation.outcomes import COUNTS, Outcome
from gemma3_jax.metrics.averages import SIX_SETS, six_set_averages
from gemma3_jax.metrics.gallery import write_gallery

WIDTH = 140  # columns, where the output is no terminal
PARTS = ("precision", "recall", "hmean")
SPEED_NOTE = (
    "ms: the reader's median time per picture or crop on this machine, first call of each set left out; "
    "of replayed predictions as measured when they were made"
)

Results = Mapping[str, Sequence[Outcome]]  # by reader; every reader over the same sets


def console() -> Any:
    """Standard output, wide enough for several readers side by side."""
    from rich.console import Console

    shown = Console()
    return shown if shown.is_terminal else Console(width=WIDTH)


def table(results: Results, title: str) -> Any:
    """A rich table: one row per figure, one column per reader, precision/recall/harmonic mean in one cell."""
    from rich.table import Table

    shown = Table("set", "figure", *results, title=title)
    for outcomes in zip(*results.values(), strict=True):
        rows = _rows(outcomes)
        for number, (label, cells) in enumerate(rows):
            name = "" if number else outcomes[0].name
            shown.add_row(name, label, *cells, end_section=number == len(rows) - 1)
    averages = [six_sets(outcomes) for outcomes in results.values()]
    for cuts in averages[0] if averages else ():
        cells = (f"{100 * own[cuts][0]:.1f} ({100 * own[cuts][1]:.1f})" for own in averages)
        shown.add_row("six sets", f"{cuts}: mean (by words)", *cells)
    return shown


def notes(results: Results) -> list[str]:
    """What has to be said under the table, each once."""
    said = [note for outcomes in results.values() for o in outcomes for note in o.notes]
    timed = any(o.ms is not None for outcomes in results.values() for o in outcomes)
    return [*dict.fromkeys(said), *([SPEED_NOTE] if timed else [])]


def six_sets(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    """The six-set averages of the outcomes that are of these sets, see `metrics.averages`."""
    shares = {
        o.name: (o.figures["accuracy"], int(o.figures["words"]))
        for o in outcomes
        if o.name in SIX_SETS and "accuracy" in o.figures
    }
    return six_set_averages(shares)


def as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`sets` (figures by set), `ms` (by set), `six_sets` (mean and share of words, by cuts) and `notes`."""
    return {
        "sets": {o.name: o.figures for o in outcomes},
        "ms": {o.name: round(o.ms, 3) for o in outcomes if o.ms is not None},
        "six_sets": six_sets(outcomes),
        "notes": list(dict.fromkeys(note for o in outcomes for note in o.notes)),
    }


def gallery(path: Path, outcomes: Sequence[Outcome]) -> None:
    """The worst mistakes of each set and its reliability diagram in one HTML file."""
    bins = {o.name: o.reliability for o in outcomes if o.reliability is not None}
    write_gallery(path, {o.name: o.mistakes for o in outcomes}, calibration=bins)


def _rows(outcomes: Sequence[Outcome]) -> list[tuple[str, list[str]]]:
    """(label, one cell per reader) of one set."""
    rows = []
    for figure in outcomes[0].figures:
        kind, _, part = figure.rpartition("_")
        if part not in PARTS:
            rows.append((figure, [_cell(figure, o.figures[figure]) for o in outcomes]))
        elif part == PARTS[0]:
            cells = ["/".join(_cell(p, o.figures[f"{kind}_{p}"]) for p in PARTS) for o in outcomes]
            rows.append((f"{kind} P/R/H", cells))
    if any(o.ms is not None for o in outcomes):
        rows.append(("ms", ["" if o.ms is None else f"{o.ms:.1f}" for o in outcomes]))
    return rows


def _cell(figure: str, value: float) -> str:
    return f"{value:.0f}" if figure in COUNTS else f"{100 * value:.1f}"
