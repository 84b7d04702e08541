"""The temperatures that calibrate a model's confidences, fitted on validation parts and written into its config.json.

python -m gemma3_jax.evaluation.calibrate --model DIR --data ../shared/data

One for word crops and one for pages, whose words the detector has cut out: they are not equally sure. A temperature moves no
confidence across 0.5, so that with the default `min_confidence` the same words are kept. The error that is printed and written
after it is cross-fitted: each half of a set is judged at the temperature of the other halves.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma3_jax.evaluation.outcomes import Judged, bins_of
from gemma3_jax.evaluation.pages import measure_pages
from gemma3_jax.evaluation.readers import Reader
from gemma3_jax.evaluation.sets import PAGE_NAMES, WORD_NAMES, PageSet, open_sets
from gemma3_jax.evaluation.words import Watch, measure_words
from gemma3_jax.metrics.calibration import fit_temperature, tempered

JudgedSets = Mapping[str, Sequence[Judged]]
KINDS = {"word_temperature": tuple(WORD_NAMES), "page_temperature": tuple(PAGE_NAMES)}


def main(
    model: str = "gemma3-base", data: Path = Path("../shared/data"), limit: int | None = None
) -> None:
    """Fit the temperatures of `model` on the validation sets under `data`, print what they change and keep them.

    Args:
        model: a model in the package, or a folder that save_pretrained wrote; its config.json is rewritten.
        data: folder of the public sets (docs/datasets.md).
        limit: only the first pictures of each set.
    """
    from rich.progress import track

    from gemma3_jax.ocr import GemmaOCR
    from gemma3_jax.pretrained import model_folder

    options: dict[str, Any] = {"min_confidence": 0.0, **dict.fromkeys(KINDS, 1.0)}
    plain = GemmaOCR.from_pretrained(model, **options)
    temperatures: dict[str, float] = {}
    ece: dict[str, Any] = {}
    for option, names in KINDS.items():
        found = judged_words(plain, names, data, limit, lambda some, of: track(some, of))
        temperatures[option] = round(_fitted(found.values()), 3)
        ece |= errors(found)
    for name, figures in ece.items():
        shown = "{words:5} words   ece {before:6.1%} before, {after:6.1%} after".format(**figures)
        print(f"{name:15} {shown}")
    print(", ".join(f"{option} {value}" for option, value in temperatures.items()))
    path = model_folder(model) / "config.json"
    config = json.loads(path.read_text()) | {"confidence": {**temperatures, "ece": ece}}
    path.write_text(json.dumps(config, indent=1) + "\n")


def judged_words(
    reader: Reader,
    names: Sequence[str],
    data: str | Path,
    limit: int | None = None,
    watch: Watch = lambda items, name: items,
) -> dict[str, list[Judged]]:
    """Per set, in the order of its pictures, the words whose truth is known; sets whose truth are lines have none."""
    found = {}
    for one in open_sets(names, data, limit):
        if isinstance(one, PageSet):
            bare = dataclasses.replace(one, figures=())
            outcome = None if one.line_boxes else measure_pages(reader, bare, data, watch)
        else:
            outcome = measure_words(reader, one, watch)[0]
        if outcome is not None:
            found[one.name] = outcome.judged or []
    return found


def errors(sets: JudgedSets) -> dict[str, dict[str, float]]:
    """Per set how many words there are, and their calibration error before and after: see the module."""
    halves = [
        {name: judged[: len(judged) // 2] for name, judged in sets.items()},
        {name: judged[len(judged) // 2 :] for name, judged in sets.items()},
    ]
    temperatures = [_fitted(other.values()) for other in halves[::-1]]
    figures = {}
    for name, judged in sets.items():
        after = [
            (tempered(sure, temperature), right)
            for half, temperature in zip(halves, temperatures, strict=True)
            for sure, right in half[name]
        ]
        before = {"words": len(judged), "before": round(bins_of(judged).error, 4)}
        figures[name] = before | {"after": round(bins_of(after).error, 4)}
    return figures


def _fitted(sets: Iterable[Sequence[Judged]]) -> float:
    every = [one for judged in sets for one in judged]
    return fit_temperature([sure for sure, _ in every], [right for _, right in every])


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
