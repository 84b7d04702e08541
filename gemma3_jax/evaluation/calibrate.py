"""What calibrates a model's confidences, fitted on validation parts and written into its config.json.

python -m gemma3_jax.evaluation.calibrate --model DIR --data ../shared/data

One temperature for word crops and one for pages, whose words the detector has cut out: they are not equally sure. A
temperature moves no confidence across 0.5, so that with the default `min_confidence` the same words are kept. And the weights
of what speaks for a word in a box (`reading.presence`), every set counting the same. The errors that are printed and written
are cross-fitted: each half of a set is judged by what the other halves gave.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma3_jax.evaluation.outcomes import Boxed, Judged, Outcome, bins_of
from gemma3_jax.evaluation.pages import measure_pages
from gemma3_jax.evaluation.readers import Reader
from gemma3_jax.evaluation.sets import PAGE_NAMES, WORD_NAMES, PageSet, open_sets
from gemma3_jax.evaluation.words import Watch, measure_words
from gemma3_jax.metrics.calibration import fit_logistic, fit_temperature, tempered
from gemma3_jax.reading.presence import Presence, evidence

KINDS = {"word_temperature": tuple(WORD_NAMES), "page_temperature": tuple(PAGE_NAMES)}


def main(
    model: str = "gemma3-base", data: Path = Path("../shared/data"), limit: int | None = None
) -> None:
    """Fit what calibrates `model` on the validation sets under `data`, print what it changes and keep it.

    Args:
        model: a model in the package, or a folder that save_pretrained wrote; its config.json is rewritten.
        data: folder of the public sets (docs/datasets.md).
        limit: only the first pictures of each set.
    """
    from rich.progress import track

    from gemma3_jax.ocr import GemmaOCR
    from gemma3_jax.pretrained import model_folder

    options: dict[str, Any] = {"min_confidence": 0.0, "presence": Presence()}
    options |= dict.fromkeys(KINDS, 1.0)
    plain = GemmaOCR.from_pretrained(model, **options)
    fitted: dict[str, Any] = {}
    ece: dict[str, Any] = {}
    boxed: dict[str, list[Boxed]] = {}
    for option, names in KINDS.items():
        found = measured(plain, names, data, limit, lambda some, of: track(some, of))
        judged = {name: outcome.judged or [] for name, outcome in found.items()}
        fitted[option] = round(_temperature(judged), 3)
        ece |= errors(judged, _temperature, _confidence)
        boxed |= {name: outcome.boxed for name, outcome in found.items() if outcome.boxed}
    fitted["presence"] = [round(weight, 3) for weight in _presence(boxed)] if boxed else Presence()
    presence_ece = errors(boxed, _presence, _box)
    for name, figures in [*ece.items(), *((f"{n} boxes", f) for n, f in presence_ece.items())]:
        shown = "{words:5}   ece {before:6.1%} before, {after:6.1%} after".format(**figures)
        print(f"{name:15} {shown}")
    print(", ".join(f"{option} {value}" for option, value in fitted.items()))
    path = model_folder(model) / "config.json"
    confidence = {**fitted, "ece": ece, "presence_ece": presence_ece}
    config = json.loads(path.read_text()) | {"confidence": confidence}
    path.write_text(json.dumps(config, indent=1) + "\n")


def measured(
    reader: Reader,
    names: Sequence[str],
    data: str | Path,
    limit: int | None = None,
    watch: Watch = lambda items, name: items,
) -> dict[str, Outcome]:
    """Per set the words whose truth is known and the boxes, in the order of its pictures; no sets whose truth are lines."""
    found = {}
    for one in open_sets(names, data, limit):
        if isinstance(one, PageSet):
            bare = dataclasses.replace(one, figures=())
            outcome = None if one.line_boxes else measure_pages(reader, bare, data, watch)
        else:
            outcome = measure_words(reader, one, watch)[0]
        if outcome is not None:
            found[one.name] = outcome
    return found


def errors(
    sets: Mapping[str, Sequence[Any]],
    fit: Callable[[Mapping[str, Sequence[Any]]], Any],
    judge: Callable[[Any, Any], Judged],
) -> dict[str, dict[str, float]]:
    """Per set how many cases there are, and their calibration error before and after: see the module.

    `fit` gives from sets what `judge` makes the confidence of a case by; `judge` with None leaves it as it is.
    """
    if not sets:
        return {}
    halves = [
        {name: cases[: len(cases) // 2] for name, cases in sets.items()},
        {name: cases[len(cases) // 2 :] for name, cases in sets.items()},
    ]
    fitted = [fit(other) for other in halves[::-1]]
    figures = {}
    for name, cases in sets.items():
        after = [
            judge(case, own)
            for half, own in zip(halves, fitted, strict=True)
            for case in half[name]
        ]
        before = bins_of([judge(case, None) for case in cases]).error
        figures[name] = {
            "words": len(cases),
            "before": round(before, 4),
            "after": round(bins_of(after).error, 4),
        }
    return figures


def _temperature(sets: Mapping[str, Sequence[Judged]]) -> float:
    every = [one for judged in sets.values() for one in judged]
    return fit_temperature([sure for sure, _ in every], [right for _, right in every])


def _confidence(case: Judged, temperature: float | None) -> Judged:
    sure, right = case
    return tempered(sure, 1.0 if temperature is None else temperature), right


def _presence(sets: Mapping[str, Sequence[Boxed]]) -> Presence:
    every = _flat(sets.values())
    shares = _flat([1000 / len(boxes)] * len(boxes) for boxes in sets.values())
    rows = [evidence(box.confidence, box.detection, box.letters) for box in every]
    return Presence(*fit_logistic(rows, [box.word for box in every], shares).tolist())


def _box(case: Boxed, presence: Presence | None) -> Judged:
    weights = Presence() if presence is None else presence
    return weights.of(case.confidence, case.detection, case.letters), case.word


def _flat(lists: Iterable[Sequence[Any]]) -> list[Any]:
    return [one for some in lists for one in some]


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
