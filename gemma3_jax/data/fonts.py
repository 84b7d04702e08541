"""Which font faces to draw with: found under folders, a few per family, copies dropped."""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import ImageFont

log = logging.getLogger(__name__)
SUFFIXES = (".ttf", ".otf", ".ttc")
FACES_PER_FAMILY = 3
LEAST_READABLE = 0.4  # share of letters nearest to their mean shape: symbol faces < 0.15, scripts 0.45, plain faces > 0.9
SAME_FACE = 0.985  # cosine of two faces' letter shapes: above it they are copies (hinted, renamed)


@dataclasses.dataclass(frozen=True)
class Face:
    """One face of a font file; an empty path is Pillow's own face."""

    path: str
    index: int
    family: str
    style: str

    def open(self, size: float) -> ImageFont.FreeTypeFont:
        """The face at `size` px. OSError for files FreeType cannot read."""
        if not self.path:
            font = ImageFont.load_default(size)
            if not isinstance(font, ImageFont.FreeTypeFont):
                raise OSError("Pillow was built without FreeType: install a wheel from PyPI")
            return font
        return ImageFont.truetype(
            self.path, size, index=self.index, layout_engine=ImageFont.Layout.BASIC
        )


def find_fonts(folders: Iterable[str]) -> list[Face]:
    """Faces under `folders`, up to three a family (regular, bold, italic first), in a fixed order."""
    families: dict[str, list[Face]] = defaultdict(list)
    for folder in folders:
        for path in sorted(Path(folder).expanduser().rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                for face in _faces(path):
                    families[face.family].append(face)
    return [face for name in sorted(families) for face in _spread(families[name])]


def _faces(path: Path) -> list[Face]:
    found: list[Face] = []
    for index in range(8 if path.suffix.lower() == ".ttc" else 1):
        try:
            family, style = ImageFont.truetype(str(path), 16, index=index).getname()
        except OSError as error:
            if index == 0:
                log.info("skipped %s: %s", path, error)
            break
        found.append(Face(str(path), index, family or path.stem, style or "Regular"))
    return found


def _spread(faces: list[Face]) -> list[Face]:
    """The faces of a family that differ most by name: one regular, one bold, one italic, then others."""

    def kind(face: Face) -> str:
        style = face.style.lower()
        if any(word in style for word in ("italic", "oblique", "slanted")):
            return "italic"
        return "bold" if any(word in style for word in ("bold", "black", "heavy")) else "regular"

    firsts: dict[str, Face] = {}
    for face in sorted(faces, key=lambda face: (len(face.style), face.path)):
        firsts.setdefault(kind(face), face)
    rest = [face for face in faces if face not in firsts.values()]
    return [*firsts.values(), *rest][:FACES_PER_FAMILY]


def choose(shapes: np.ndarray, score: np.ndarray, families: Sequence[str], most: int) -> list[int]:
    """Indices of the faces to keep: readable, no near-copies, families in turn until `most` is reached.

    shapes: [f, c, d] unit letter shapes; score: [f] readability.
    """
    flat = shapes.reshape(len(shapes), -1) / np.sqrt(shapes.shape[1])
    rank: dict[str, int] = defaultdict(int)
    turns = []
    for index, family in enumerate(families):
        turns.append((rank[family], index))
        rank[family] += 1
    kept: list[int] = []
    for _, index in sorted(turns):
        if len(kept) == most:
            break
        if score[index] >= LEAST_READABLE and (
            not kept or (flat[kept] @ flat[index]).max() < SAME_FACE
        ):
            kept.append(index)
    return sorted(kept)
