"""PPOCRLabel's Label.txt: `folder/NAME.jpg<TAB>JSON` per picture, the JSON a list of words with four or more points.

`difficult` means do not care, as do the texts `###` and `*` (as PaddleOCR's own trainer has it) and the two that
PPOCRLabel gives a new box until somebody types. The path's first part is whatever the folder was called when annotated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from gemma3_jax.data.annotations.errors import AnnotationError, blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.words import polygon_quad, word
from gemma3_jax.data.corpora import Annotation, Sample

LAYOUT = "Label.txt of `picture<TAB>JSON` (PPOCRLabel)"

LIST = "Label.txt"
NOT_TYPED = {"*", "待识别", "TEMPORARY"}


def matches(folder: Folder) -> bool:
    """Whether there is a Label.txt."""
    return bool(folder.named(LIST))


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each line, in the file's order."""
    lines = folder.all_lines(folder.named(LIST))
    return folder.collect(lines, lambda line: _sample(folder, *line))


def _sample(folder: Folder, path: Path, where: str, line: str) -> Sample:
    name, tab, rest = line.partition("\t")
    if not tab:
        raise AnnotationError(where, f"expected picture<TAB>JSON, found {line[:80]!r}")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    inside = "/".join(parts[1:] if len(parts) == 2 and parts[0] not in ("/", "..") else parts)
    picture = folder.pictures.find(inside, path)
    with blaming(where):
        return Sample(picture, [_word(item) for item in json.loads(rest)])


def _word(item: dict[str, Any]) -> Annotation:
    text = item["transcription"]
    ignore = bool(item.get("difficult", False)) or text in NOT_TYPED
    return word(polygon_quad(item["points"], in_order=True), text, ignore)
