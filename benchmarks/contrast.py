"""What raising the contrast of faint words is worth, and what it costs.

    python benchmarks/contrast.py --data ../shared/data

Word crops, forms and receipts of the validation parts are squeezed to a share of their contrast, put at a random level, given a
little noise, rounded to 8 bits, and read with and without `ReadOptions.enhance`. A share of 1 leaves them as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from gemma3_jax import GemmaOCR
from gemma3_jax.evaluation import evaluate

NOISE = 1.0  # grey levels
FIGURES = ("accuracy", "bag_hmean")  # of word crops, of pages


def fainter(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """uint8 [h, w, 3] with `share` of its contrast around a random level."""
    level = rng.uniform(80, 170)
    squeezed = (picture - picture.mean()) * share + level + rng.normal(0, NOISE, picture.shape)
    return np.clip(np.round(squeezed), 0, 255).astype(np.uint8)


class Faint:
    """A reader that is shown fainter pictures than it is given; always the same noise, and only reading is timed."""

    def __init__(self, ocr: GemmaOCR, share: float) -> None:
        self.ocr, self.share = ocr, share
        self.rng = np.random.default_rng(0)
        self.seconds, self.pictures = 0.0, 0

    def recognize(self, crops: list[np.ndarray]) -> Sequence[Any]:
        return self._timed(self.ocr.recognize, crops)

    def read_batch(self, sources: list[np.ndarray]) -> Sequence[Any]:
        return self._timed(self.ocr.read_batch, sources)

    def _timed(
        self, read: Callable[[list[np.ndarray]], Sequence[Any]], pictures: list[np.ndarray]
    ) -> Sequence[Any]:
        if self.share < 1:
            pictures = [fainter(picture, self.share, self.rng) for picture in pictures]
        began = time.perf_counter()
        answers = read(pictures)
        self.seconds += time.perf_counter() - began
        self.pictures += len(pictures)
        return answers


def main(
    data: Path = Path("../shared/data"),
    model: str = "gemma3-base",
    sets: tuple[str, ...] = ("iiit5k-val", "ic03-val", "funsd-val", "sroie-val"),
    shares: tuple[float, ...] = (1.0, 0.3, 0.12, 0.06),
    limit: int | None = None,
) -> None:
    """Print, per set and contrast, words right (letters and digits) or bag-of-words F, and ms per picture.

    Args:
        data: folder of the public sets.
        model: a model in the package, or a folder.
        sets: names as in docs/evaluation.md.
        shares: of the contrast that is left.
        limit: only the first pictures of each set.
    """
    ocr = GemmaOCR.from_pretrained(model)
    readers = [ocr.with_options(enhance=on) for on in (False, True)]
    ocr.recognize([np.zeros((32, 64, 3), np.uint8)])  # loads what all share
    print("set          contrast   without            with")
    for name in sets:
        for share in shares:
            cells = []
            for reader in readers:
                faint = Faint(reader, share)
                (outcome,) = evaluate(faint, (name,), data, limit)
                figure = next(outcome.figures[key] for key in FIGURES if key in outcome.figures)
                ms = 1000 * faint.seconds / faint.pictures
                cells.append(f"{100 * figure:5.1f} {ms:7.1f} ms")
            print(f"{name:12} {share:8.2f}   {cells[0]}   {cells[1]}", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
