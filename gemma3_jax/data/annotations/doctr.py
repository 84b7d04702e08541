"""docTR's JSON: labels.json of its detection, OCR and recognition trainers, and exported pages (`NAME.json` per picture).

Coordinates of labels are px, or fractions of the picture where none is over 1; of pages always fractions. The corners of a
polygon come in any order. Detection labels have no texts: their boxes are do-not-care here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.data.annotations.errors import AnnotationError, blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.pictures import check_size, is_picture_name, picture_size
from gemma3_jax.data.annotations.words import polygon_quad, whole_picture, word
from gemma3_jax.data.corpora import Annotation, Sample

LAYOUT = "labels.json of picture names (docTR), or .json files with pages (docTR export)"


def matches(folder: Folder) -> bool:
    """Whether a .json file maps picture names to labels, or holds exported pages."""
    return any(_is_export(one) or _is_labels(one) for one in folder.first_documents())


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each label or page, in the files' order."""
    entries = (
        (path, name, entry)
        for path, document in folder.documents(lambda one: _is_export(one) or _is_labels(one))
        for name, entry in ([(None, document)] if _is_export(document) else document.items())
    )
    return folder.collect(entries, lambda entry: _sample(folder, *entry))


def _is_export(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("pages"), list)


def _is_labels(document: Any) -> bool:
    if not isinstance(document, dict) or not document:
        return False
    name, label = next(iter(document.items()))
    known = isinstance(label, dict) and bool({"polygons", "typed_words"} & label.keys())
    return is_picture_name(name) and (known or isinstance(label, str))


def _sample(folder: Folder, path: Path, name: str | None, entry: Any) -> Sample:
    """Of a page (which has no name but its file's) or a label."""
    return _page(folder, path, entry) if name is None else _labelled(folder, path, name, entry)


def _labelled(folder: Folder, path: Path, name: str, label: Any) -> Sample:
    picture = folder.pictures.find(name, path)
    with blaming(f"{folder.where(path)} {name!r}"):
        if isinstance(label, str):
            return Sample(picture, [whole_picture(picture_size(picture), label)])
        if "img_dimensions" in label:  # height first
            height, width = label["img_dimensions"][:2]
            check_size(picture, (width, height), folder.where(path))
        if "typed_words" in label:
            boxes = [(one["geometry"], one["value"]) for one in label["typed_words"]]
        else:
            polygons = label["polygons"]
            kinds = polygons.values() if isinstance(polygons, dict) else [polygons]
            boxes = [(polygon, "") for kind in kinds for polygon in kind]
        return Sample(picture, _words(picture, boxes))


def _page(folder: Folder, path: Path, document: dict[str, Any]) -> Sample:
    picture = folder.pictures.find_stem(path.stem, path)
    with blaming(folder.where(path)):
        if len(document["pages"]) != 1:
            what = f"{len(document['pages'])} pages for one picture: export each by itself"
            raise AnnotationError(folder.where(path), what)
        (page,) = document["pages"]
        height, width = page["dimensions"]
        check_size(picture, (width, height), folder.where(path))
        lines = [line for block in page["blocks"] for line in block["lines"]]
        boxes = [(one["geometry"], one["value"]) for line in lines for one in line["words"]]
        return Sample(picture, _words(picture, boxes, fractions=True))


def _words(
    picture: Path, boxes: list[tuple[Any, str]], fractions: bool = False
) -> list[Annotation]:
    """Boxes of four numbers, two corners or a polygon, with their texts; fractions become px."""
    corners = [np.asarray(box, np.float64).reshape(-1, 2) for box, _ in boxes]
    fractions |= bool(corners) and max(float(c.max()) for c in corners) <= 1
    scale = picture_size(picture) if fractions else (1, 1)
    quads = [polygon_quad(c * scale, in_order=False) for c in corners]
    return [word(quad, text) for quad, (_, text) in zip(quads, boxes, strict=True)]
