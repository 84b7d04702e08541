"""COCO-Text's JSON (and TextOCR's, which follows it): `imgs` and `anns`, joined by image_id.

A word's outline is `mask` or `polygon` (COCO-Text) or `points` (TextOCR), else the box [x, y, width, height]. What is not
"legible", or has no text, is do not care; TextOCR writes "." for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.data.annotations.errors import blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.pictures import check_size
from gemma3_jax.data.annotations.words import polygon_quad, word
from gemma3_jax.data.corpora import Annotation, Sample, rectangle

LAYOUT = "a .json file with imgs and anns (COCO-Text, TextOCR)"

OUTLINES = ("mask", "polygon", "points")


def matches(folder: Folder) -> bool:
    """Whether a .json file has imgs and anns."""
    return any(map(_is_ours, folder.first_documents()))


def read(folder: Folder) -> Iterator[Sample]:
    """Each picture of `imgs`, in the file's order."""
    for path, document in folder.documents(_is_ours):
        words: dict[str, list[dict[str, Any]]] = {}
        for one in document["anns"].values():
            words.setdefault(str(one.get("image_id")), []).append(one)
        images = ((path, image, words.get(key, [])) for key, image in document["imgs"].items())
        yield from folder.collect(images, lambda image: _sample(folder, *image))


def _is_ours(document: Any) -> bool:
    return isinstance(document, dict) and all(
        isinstance(document.get(key), dict) for key in ("imgs", "anns")
    )


def _sample(
    folder: Folder, path: Path, image: dict[str, Any], words: list[dict[str, Any]]
) -> Sample:
    with blaming(f"{folder.where(path)} image {image.get('id', '?')}"):
        picture = folder.pictures.find(image["file_name"], path)
        check_size(picture, (image.get("width", 0), image.get("height", 0)), folder.where(path))
        return Sample(picture, [_word(one) for one in words])


def _word(one: dict[str, Any]) -> Annotation:
    text = one.get("utf8_string", "")
    legible = one["legibility"] == "legible" if "legibility" in one else text != "."
    outline = next((one[key] for key in OUTLINES if one.get(key)), None)
    if outline is None:
        x, y, width, height = one["bbox"]
        quad = rectangle(x, y, x + width, y + height)
    else:
        quad = polygon_quad(np.reshape(outline, (-1, 2)), in_order=True)
    return word(quad, text, not legible)
