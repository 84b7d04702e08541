"""A contact sheet of what was understood of a folder: pictures with boxes and texts on them, or crops with their texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gemma3_jax.data.annotations.inspection import Report, picture_name
from gemma3_jax.data.corpora import DO_NOT_CARE, Sample
from gemma3_jax.data.sheet import contact_sheet
from gemma3_jax.imaging.load import load_image
from gemma3_jax.page import Line, Page, Word
from gemma3_jax.writers.drawing import draw

if TYPE_CHECKING:
    from PIL import Image

MOST_PICTURES, MOST_CROPS = 12, 60
PICTURE_CELL, CROP_CELL = (800, 600), (240, 64)  # width, height, px
PICTURE_COLUMNS, CROP_COLUMNS = 3, 6
# Drawing colours words by how sure they are: these stand for "to be read", "with a fault" and "do not care".
READ, FAULTY, IGNORED = 1.0, 0.7, 0.0


def sheet_of(samples: Sequence[Sample], report: Report) -> Image.Image:
    """Some of the pictures, those with faults first: teal boxes are to be read, blue ones have a fault, amber is ignored.

    Raises:
        ValueError: when no picture can be read.
    """
    unreadable = {f.where for f in report.faults if f.kind == "unreadable picture"}
    named = [(picture_name(sample, report.folder), sample) for sample in samples]
    named = [(name, sample) for name, sample in named if name not in unreadable]
    if not named:
        raise ValueError(f"{report.folder}: no picture to draw on the sheet")
    if report.crops:
        some = _choose(named, report, MOST_CROPS)
        crops = [_fit(load_image(sample.image_path), CROP_CELL) for _, sample in some]
        texts = [sample.words[0].text or DO_NOT_CARE for _, sample in some]
        return contact_sheet(np.stack(crops), texts, columns=CROP_COLUMNS, scale=1)
    some = _choose(named, report, MOST_PICTURES)
    drawn = [_fit(_drawn(name, sample, report), PICTURE_CELL) for name, sample in some]
    notes = [_note(name, sample, report) for name, sample in some]
    return contact_sheet(np.stack(drawn), notes, columns=PICTURE_COLUMNS, scale=1)


def _choose(named: list[tuple[str, Sample]], report: Report, most: int) -> list[tuple[str, Sample]]:
    """Half of the places for pictures with faults, the rest spread evenly over all."""
    faulty = {fault.where for fault in report.faults}
    wrong = [i for i, (name, _) in enumerate(named) if name in faulty][: most // 2]
    spread = np.linspace(0, len(named) - 1, most).round().astype(int).tolist()
    return [named[i] for i in list(dict.fromkeys([*wrong, *spread]))[:most]]


def _drawn(name: str, sample: Sample, report: Report) -> np.ndarray:
    pixels = load_image(sample.image_path)
    faulty = {fault.word for fault in report.faults if fault.where == name}
    words = []
    for i, annotation in enumerate(sample.words):
        state = IGNORED if annotation.ignore else FAULTY if i in faulty else READ
        words.append(Word(annotation.text or DO_NOT_CARE, state, annotation.quad))
    page = Page(pixels.shape[1], pixels.shape[0], tuple(Line((word,)) for word in words))
    return np.asarray(draw(page, pixels))


def _note(name: str, sample: Sample, report: Report) -> str:
    faults = sum(fault.where == name for fault in report.faults)
    ignored = sum(word.ignore for word in sample.words)
    return f"{Path(name).name}: {len(sample.words)} words, {ignored} do not care, {faults} faults"


def _fit(pixels: np.ndarray, cell: tuple[int, int]) -> np.ndarray:
    """The picture as large as fits into a white cell (width, height), its aspect kept, at the bottom: its note is below."""
    from PIL import Image

    image = Image.fromarray(pixels)
    scale = min(cell[0] / image.width, cell[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    paper = Image.new("RGB", cell, "white")
    paper.paste(image.resize(size, Image.Resampling.LANCZOS), (0, cell[1] - size[1]))
    return np.asarray(paper)
