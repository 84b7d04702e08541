"""The model card of a released model, from its own config and a file of measured figures.

python eval.py --model DIR --data ../shared/data --sets all-val --json eval.json
python -m gemma3_jax.training.card --model DIR --figures eval.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEMPLATE = """# {name}

Finds and reads words in photographs, receipts, forms and scans. {parameters:,} parameters in all,
{megabytes:.2f} MB as shipped (float16). Printable ASCII. SHA-256 of `model.safetensors`: `{sha256}`.

## Figures

Validation parts of the public sets' training halves (`splits.json`), printed by

    {command}

{table}

`accuracy`: letters and digits, case ignored. `exact`: case and punctuation too. `e2e`: ICDAR 2015 protocol, no lexicon.
`bag`: bag of words of a page, case kept on forms, ignored on receipts. `ece`: expected calibration error of the confidences.
docs/evaluation.md has every rule. The figures are of these weights on development sets that were looked at while the model and
its reader were made (docs/training.md); official test halves were not used.
{confidence}
## Recipe

{recipe}

## Limits

Latin letters, digits and ASCII punctuation only. Handwriting, text turned by more than about 30 degrees, and words under
8 px high are mostly missed.
"""


def calibration_note(confidence: dict[str, Any]) -> str:
    """What the card says of `confidence` in config.json, as `evaluation.calibrate` wrote it; nothing without it."""
    if not confidence.get("ece"):
        return ""
    fitted = {name: value for name, value in confidence.items() if name.endswith("_temperature")}
    temperatures = ", ".join(f"`{name}` {value:g}" for name, value in fitted.items())
    note = (
        f"\nConfidences are calibrated by {temperatures}, fitted on these same sets by\n"
        "`python -m gemma3_jax.evaluation.calibrate`. With each half of a set judged at the temperature of the other halves,\n"
        f"`ece` changes, in percent and with no word left out: {_changes(confidence['ece'])}.\n"
    )
    if confidence.get("presence_ece"):
        weights = ", ".join(f"{weight:g}" for weight in confidence["presence"])
        note += (
            f"How likely a box holds a word is weighed by `presence` ({weights}), fitted and judged alike; of all boxes\n"
            f"`ece` changes from that of the detector's score: {_changes(confidence['presence_ece'])}.\n"
        )
    return note


def _changes(sets: dict[str, Any]) -> str:
    rows = (
        f"{name} {100 * ece['before']:.1f} to {100 * ece['after']:.1f}"
        for name, ece in sets.items()
    )
    return ", ".join(rows)


def figures_table(sets: dict[str, dict[str, float]]) -> str:
    """Markdown table of `{set: {figure: value}}`; shares in percent, counts as they are."""
    rows = ["| set | figure | value |", "|---|---|---|"]
    for name, figures in sets.items():
        for figure, value in figures.items():
            count = figure in ("images", "words")
            shown = f"{value:g}" if count else f"{100 * value:.1f} %"
            rows.append(f"| {name} | {figure} | {shown} |")
    return "\n".join(rows)


def write_card(folder: Path, measured: dict[str, Any], recipe: str, command: str) -> None:
    """Put `measured` into config.json and write README.md beside it."""
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    config["measured"] = measured
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    weights = folder / "model.safetensors"
    arrays = load_file(weights)
    card = TEMPLATE.format(
        name=config["model"]["name"],
        parameters=sum(a.size for path, a in arrays.items() if path.startswith("params/")),
        megabytes=weights.stat().st_size / 1e6,
        sha256=config["sha256"],
        command=command,
        table=figures_table(measured["sets"]),
        confidence=calibration_note(config.get("confidence", {})),
        recipe=recipe.strip(),
    )
    (folder / "README.md").write_text(card)


def main(model: Path, figures: Path, recipe: Path) -> None:
    """Write the card of `model` from eval.py's JSON and a Markdown file that tells the recipe."""
    measured = json.loads(figures.read_text())
    command = f"python eval.py --peers --model {model.name} --data ../shared/data --sets all-val"
    write_card(model, measured, recipe.read_text(), command)


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
