"""What the language model is worth on cut-out words, and how much its weight matters.

    python benchmarks/language.py --data ../shared/data

The network reads each crop once; then the same log-probabilities are decoded without a language model, and with it at
several weights. The weights in `gemma3_jax.language.fusion` were chosen by this table.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from gemma3_jax import GemmaOCR
from gemma3_jax.charset import Charset
from gemma3_jax.data.corpora import WORD_SETS
from gemma3_jax.decoding.text import decode
from gemma3_jax.imaging.load import load_image
from gemma3_jax.language import fusion
from gemma3_jax.language.model import load
from gemma3_jax.metrics.words import letters_and_digits
from gemma3_jax.reading.crops import crop_log_probs

Group = tuple[list[int], np.ndarray, np.ndarray]


def main(
    data: Path = Path("../shared/data"),
    model: str = "gemma3-base",
    weights: tuple[float, ...] = (0.2, 0.35, 0.5),
    per_character: tuple[float, ...] = (0.5, 1.0, 1.5),
) -> None:
    """Print the share of words right (letters and digits) per set, and the time to decode all of them."""
    engine = GemmaOCR.from_pretrained(model).engine
    sets: dict[str, tuple[list[str], list[Group]]] = {}
    for name, samples_of in WORD_SETS.items():
        samples = samples_of(data, "val")
        crops = [load_image(sample.image_path) for sample in samples]
        groups = [(i, np.array(rows), used) for i, rows, used in crop_log_probs(engine, crops)]
        sets[name] = [sample.text for sample in samples], groups
    print("mode  weight  per character  " + "  ".join(f"{name:>7}" for name in sets) + "   seconds")
    _row("off", sets, engine.charset)
    chosen = fusion.WEIGHT, fusion.PER_CHARACTER
    for pair in (chosen, *itertools.product(weights, per_character)):
        fusion.WEIGHT, fusion.PER_CHARACTER = pair
        _row("auto", sets, engine.charset)
    fusion.WEIGHT, fusion.PER_CHARACTER = chosen
    _row("on", sets, engine.charset)


def _row(mode: Any, sets: dict[str, tuple[list[str], list[Group]]], charset: Charset) -> None:
    began, shares = time.perf_counter(), []
    for truths, groups in sets.values():
        right = 0
        for indices, log_probs, used in groups:
            reader = fusion.Fusion(load(), charset, mode)
            for i, one in zip(
                indices, decode(log_probs, used, charset, fusion=reader), strict=True
            ):
                right += letters_and_digits(one.text) == letters_and_digits(truths[i])
        shares.append(100 * right / len(truths))
    figures = "  ".join(f"{share:7.1f}" for share in shares)
    seconds = time.perf_counter() - began
    print(
        f"{mode:4}  {fusion.WEIGHT:6.2f}  {fusion.PER_CHARACTER:13.1f}  {figures}  {seconds:8.1f}"
    )


if __name__ == "__main__":
    tyro.cli(main)
