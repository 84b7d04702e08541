"""Are pages that were scanned sideways or upside down turned, and is no upright one turned by mistake?

    python benchmarks/orientation.py --data ../shared/data

Every validation form, receipt and photograph is read as it is and at the three other quarter turns.
"""

from __future__ import annotations

import collections
from pathlib import Path

import numpy as np
import tyro

from gemma3_jax import GemmaOCR
from gemma3_jax.data.corpora import SCENE_SETS
from gemma3_jax.imaging.load import load_image
from gemma3_jax.page import Word
from gemma3_jax.reading.orientation import evidence


def direction(words: tuple[Word, ...]) -> int:
    """Quarter turns clockwise from upright at which most of the words' length runs."""
    along = np.sum([word.quad[1] - word.quad[0] for word in words], axis=0) if words else (1, 0)
    return round(float(np.arctan2(along[1], along[0])) / (np.pi / 2)) % 4


def main(
    data: Path = Path("../shared/data"),
    model: str = "gemma3-base",
    limit: int = 20,
    sets: tuple[str, ...] = tuple(SCENE_SETS),
) -> None:
    """Print, per set and turn of the scan, how many pages were read at which turn, and sure letters per word found."""
    ocr = GemmaOCR.from_pretrained(model)
    print(
        "set    scanned at   read at 0 / 90 / 180 / 270   sure letters per word, smallest to largest"
    )
    for name in sets:
        samples = SCENE_SETS[name](data, "val")[:limit]
        pictures = [load_image(sample.image_path) for sample in samples]
        for turns in range(4):
            scanned = [np.ascontiguousarray(np.rot90(picture, -turns)) for picture in pictures]
            pages = ocr.read_batch(scanned)
            counts = collections.Counter(direction(page.words) for page in pages)
            shares = [evidence(page.words) / max(len(page.words), 1) for page in pages]
            found = " / ".join(f"{counts[k]:3}" for k in range(4))
            print(
                f"{name:6} {90 * turns:10}   {found}            {min(shares):.2f} to {max(shares):.2f}"
            )


if __name__ == "__main__":
    tyro.cli(main)
