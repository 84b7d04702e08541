"""Where the words of a page are lost: read through true boxes, found, read in own boxes, kept.

    python benchmarks/ladder.py --data ../shared/data --sets ic15-val funsd-val

Every rung is a share of the same words, those of the truth that are to be read. `true boxes`: cut out of the picture by the
annotated quad and read as a crop. `found`: a box of ours lies on the word (IoU over 0.5). `read`: and its text is right.
`kept`: and it is sure enough to be handed out (min_confidence). Texts are compared by letters and digits, case ignored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tyro

from gemma3_jax import GemmaOCR
from gemma3_jax.data.corpora import Sample
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.evaluation.sets import PageSet, open_sets
from gemma3_jax.imaging.load import load_image
from gemma3_jax.metrics.detection import match
from gemma3_jax.metrics.words import letters_and_digits
from gemma3_jax.reading.views import USUAL, straightened

RUNGS = ("words", "true boxes", "found", "read", "kept")


def rungs(ocr: GemmaOCR, sample: Sample, least: float) -> np.ndarray:
    """Counts of one picture, in the order of `RUNGS`. `ocr` keeps every word; `least` is the confidence that hands one out."""
    pixels = load_image(sample.image_path)
    truth = [letters_and_digits(word.text) for word in sample.words]
    quads = np.array([word.quad for word in sample.words], np.float32).reshape(-1, 4, 2)
    wanted = {i for i, word in enumerate(sample.words) if truth[i] and not word.ignore}
    ignore = np.array([word.ignore for word in sample.words], bool)

    cuts = [straightened(pixels, quad) for quad in with_margin(quads.astype(np.float64), USUAL)]
    crops = [letters_and_digits(word.text) for word in ocr.recognize(cuts)] if cuts else []
    through = sum(crops[i] == truth[i] for i in wanted)

    words = ocr.read(pixels).words
    boxes = np.array([word.quad for word in words], np.float32).reshape(-1, 4, 2)
    pairs = [(i, words[j]) for i, j in match(quads, ignore, boxes).pairs if i in wanted]
    right = [word for i, word in pairs if letters_and_digits(word.text) == truth[i]]
    kept = sum(word.confidence >= least for word in right)
    return np.array([len(wanted), through, len(pairs), len(right), kept])


def main(
    data: Path = Path("../shared/data"),
    sets: tuple[str, ...] = ("ic15-val", "funsd-val"),
    model: str = "gemma3-base",
    limit: int | None = None,
) -> None:
    """Print a row per set."""
    ocr = GemmaOCR.from_pretrained(model, min_confidence=0.0)
    least = GemmaOCR.from_pretrained(model).options.min_confidence
    print("| set | " + " | ".join(RUNGS) + " | lost by own boxes |")
    print("|---|" + "---|" * (len(RUNGS) + 1))
    for of in open_sets(sets, data, limit):
        if not isinstance(of, PageSet) or of.line_boxes:
            raise ValueError(f"{of.name} has no pages with a box for every word")
        total = sum((rungs(ocr, s, least) for s in of.samples), np.zeros(len(RUNGS), int))
        shares = 100 * total / max(total[0], 1)
        cells = " | ".join(f"{share:.1f}" for share in shares[1:])
        print(f"| {of.name} | {total[0]} | {cells} | {shares[1] - shares[3]:.1f} |", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
