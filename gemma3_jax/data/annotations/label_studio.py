"""Label Studio's JSON export (not JSON-MIN) of a project with rectangles or polygons and a text area per region.

x, y, width and height are percent of the picture; `rotation` is clockwise, in degrees, about the box's top left corner and
happens in px, so a turned box is not a turned box in percent. A region's shape, label and text are separate results that
share an id. Labels "ignore", "illegible" and "unreadable" mean do not care.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from gemma3_jax.data.annotations.errors import blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.pictures import check_size, is_picture_name, picture_size
from gemma3_jax.data.annotations.words import polygon_quad, word
from gemma3_jax.data.corpora import Annotation, Sample

LAYOUT = "a .json file, a list of tasks with data and annotations (Label Studio)"

UNREADABLE_LABELS = {"ignore", "illegible", "unreadable"}
UPLOAD_HASH = re.compile(r"[0-9a-f]{8}-")  # Label Studio puts it before an uploaded file's name


def matches(folder: Folder) -> bool:
    """Whether a .json file is a list of tasks."""
    return any(map(_is_ours, folder.first_documents()))


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each annotated task, in the file's order; tasks nobody has annotated are passed over."""
    for path, document in folder.documents(_is_ours):
        tasks = ((path, task) for task in document if _results(task) is not None)
        yield from folder.collect(tasks, lambda task: _sample(folder, *task))


def _is_ours(document: Any) -> bool:
    task = document[0] if isinstance(document, list) and document else None
    return isinstance(task, dict) and {"data", "annotations"} <= task.keys()


def _results(task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The results of a task's latest annotation; None when there is none, or only cancelled ones."""
    done = [one for one in task.get("annotations", ()) if not one.get("was_cancelled")]
    return done[-1].get("result", []) if done else None


def _sample(folder: Folder, path: Path, task: dict[str, Any]) -> Sample:
    with blaming(f"{folder.where(path)} task {task.get('id', '?')}"):
        picture = folder.pictures.find(_file_name(task, folder), path)
        regions: dict[str, list[dict[str, Any]]] = {}
        for result in _results(task) or ():
            if "value" in result:  # relations between regions have none
                regions.setdefault(result["id"], []).append(result)
        size = picture_size(picture)
        for result in (one for some in regions.values() for one in some):
            seen = (result.get("original_width", 0), result.get("original_height", 0))
            check_size(picture, seen, folder.where(path))
        words = [_word(results, size) for results in regions.values()]
        return Sample(picture, [one for one in words if one is not None])


def _file_name(task: dict[str, Any], folder: Folder) -> str:
    """The picture's file name out of the task's URL, which is Label Studio's and leads nowhere here."""
    urls = [value for value in task["data"].values() if isinstance(value, str)]
    for url in urls:
        parts = urlsplit(url)
        place = parse_qs(parts.query).get("d", [parts.path])[0]
        name = PurePosixPath(unquote(place)).name
        if is_picture_name(name):
            bare = UPLOAD_HASH.sub("", name, count=1) if UPLOAD_HASH.match(name) else name
            return name if folder.pictures.has_name(name) else bare
    raise ValueError(f"the task names no picture: its data is {urls}")


def _word(results: list[dict[str, Any]], size: tuple[int, int]) -> Annotation | None:
    """The word of a region's results; None for what has no place in the picture (notes, choices)."""
    value: dict[str, Any] = {}
    labels: set[str] = set()
    for result in results:
        if result.get("image_rotation", 0):
            raise ValueError("the picture was turned inside Label Studio: turn the file instead")
        value |= result["value"]
        labels |= {str(label).lower() for label in result["value"].get(result["type"], ())}
    if "points" in value:
        quad = polygon_quad(np.array(value["points"]) / 100 * size, in_order=False)
    elif "width" in value and "height" in value:
        quad = _turned(value, size)
    else:
        return None
    text = value.get("text", "")
    text = " ".join(text) if isinstance(text, list) else text
    return word(quad, text, bool(labels & UNREADABLE_LABELS))


def _turned(value: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """The quad [4, 2], px, of a rectangle in percent, turned about its top left corner."""
    start = np.array([value["x"], value["y"]]) / 100 * size
    width, height = np.array([value["width"], value["height"]]) / 100 * size
    angle = np.deg2rad(value.get("rotation", 0))
    along = np.array([np.cos(angle), np.sin(angle)]) * width
    down = np.array([-np.sin(angle), np.cos(angle)]) * height
    return np.stack([start, start + along, start + along + down, start + down])
