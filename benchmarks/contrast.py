"""What raising the contrast of faint words is worth, and what it costs.

    python benchmarks/contrast.py --data ../shared/data

Word crops of the validation parts are squeezed to a share of their contrast, put at a random level, given a little noise,
rounded to 8 bits, and read with and without `ReadOptions.enhance`.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import tyro

from gemma3_jax import GemmaOCR
from gemma3_jax.data.corpora import WORD_SETS
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.words import accuracy

NOISE = 1.0  # grey levels


def fainter(crop: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """uint8 [h, w, 3] with `share` of its contrast around a random level."""
    level = rng.uniform(80, 170)
    squeezed = (crop - crop.mean()) * share + level + rng.normal(0, NOISE, crop.shape)
    return np.clip(np.round(squeezed), 0, 255).astype(np.uint8)


def main(
    data: Path = Path("../shared/data"),
    model: str = "gemma3-base",
    sets: tuple[str, ...] = ("iiit5k", "ic03"),
    shares: tuple[float, ...] = (1.0, 0.3, 0.12, 0.06),
) -> None:
    """Print the share of words right (letters and digits) and ms per word, without and with."""
    samples = [sample for name in sets for sample in WORD_SETS[name](data, "val")]
    truths = [sample.text for sample in samples]
    crops = [load_image(sample.image_path) for sample in samples]
    readers = [GemmaOCR.from_pretrained(model).with_options(enhance=on) for on in (False, True)]
    readers[0].recognize(crops[:1])  # loads and warms up what both share
    print(f"{len(crops)} words   contrast   without         with")
    for share in shares:
        rng = np.random.default_rng(0)
        faint = [fainter(crop, share, rng) if share < 1 else crop for crop in crops]
        cells = []
        for reader in readers:
            began = time.perf_counter()
            words = reader.recognize(faint)
            ms = 1000 * (time.perf_counter() - began) / len(faint)
            cells.append(f"{100 * accuracy(truths, [w.text for w in words]):5.1f} {ms:5.1f} ms")
        print(f"            {share:8.2f}   {cells[0]}  {cells[1]}")


if __name__ == "__main__":
    tyro.cli(main)
