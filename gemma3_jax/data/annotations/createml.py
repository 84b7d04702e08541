"""CreateML JSON as LabelImg writes it: a list of pictures, each with upright boxes whose x and y are the CENTRE, in px.

The transcription is the annotation's `label`. There is no do-not-care flag: type `###`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gemma3_jax.data.annotations.errors import blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.words import centred, word
from gemma3_jax.data.corpora import Sample

LAYOUT = "a .json file, a list of entries with image and annotations (LabelImg, CreateML)"


def matches(folder: Folder) -> bool:
    """Whether a .json file is a list of pictures with annotations."""
    return any(map(_is_ours, folder.first_documents()))


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each entry, in the file's order."""
    for path, document in folder.documents(_is_ours):
        entries = ((path, i, entry) for i, entry in enumerate(document))
        yield from folder.collect(entries, lambda entry: _sample(folder, *entry))


def _is_ours(document: Any) -> bool:
    entry = document[0] if isinstance(document, list) and document else None
    return isinstance(entry, dict) and {"image", "annotations"} <= entry.keys()


def _sample(folder: Folder, path: Path, index: int, entry: Any) -> Sample:
    with blaming(f"{folder.where(path)} entry {index}"):
        picture = folder.pictures.find(entry["image"], path)
        words = []
        for item in entry["annotations"]:
            box = item["coordinates"]
            quad = centred(box["x"], box["y"], box["width"], box["height"])
            words.append(word(quad, item["label"]))
        return Sample(picture, words)
