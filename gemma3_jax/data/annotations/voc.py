"""Pascal VOC as LabelImg writes it: an .xml per picture, upright boxes.

The transcription is the object's `name`; `difficult` means do not care. `truncated` is set by LabelImg for every box that
touches the border and means nothing here; `path` and `folder` are those of the annotator's machine, so `filename` counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from gemma3_jax.data.annotations.errors import AnnotationError, blaming
from gemma3_jax.data.annotations.folder import LOOKED_INTO, Folder
from gemma3_jax.data.annotations.pictures import check_size
from gemma3_jax.data.annotations.words import word
from gemma3_jax.data.annotations.writing import bring_pictures, number, upright_box
from gemma3_jax.data.corpora import Annotation, Sample, rectangle

LAYOUT = ".xml files with <annotation> (LabelImg, Pascal VOC)"

# Control characters; a line break would come back as it went, but not through every XML editor.
NOT_IN_XML = re.compile(r"[\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def matches(folder: Folder) -> bool:
    """Whether an .xml file begins with <annotation>."""
    heads = (path.read_bytes()[:200] for path in folder.having(".xml")[:LOOKED_INTO])
    return any(b"<annotation" in head for head in heads)


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each .xml file, in the files' order."""
    return folder.collect(folder.having(".xml"), lambda path: _sample(folder, path))


def _sample(folder: Folder, path: Path) -> Sample:
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except ElementTree.ParseError as error:
        raise AnnotationError(folder.where(path), f"not XML ({error})") from error
    name = (root.findtext("filename") or "").strip()
    if root.tag != "annotation" or not name:
        raise AnnotationError(folder.where(path), "no <annotation> with a <filename>")
    if PurePosixPath(name).suffix:
        picture = folder.pictures.find(name, path)
    else:  # LabelImg before 1.5 left the suffix out
        picture = folder.pictures.find_stem(name, path)
    with blaming(folder.where(path)):
        width, height = (float(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
        words = [_word(node) for node in root.iter("object")]
    check_size(picture, (width, height), folder.where(path))
    return Sample(picture, words)


def _word(node: Element) -> Annotation:
    text = node.findtext("name") or ""
    sides = [node.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
    if None in sides:
        raise ValueError(f"object {text!r} has no <bndbox> with xmin, ymin, xmax, ymax")
    left, top, right, bottom = (float(side or "nan") for side in sides)
    difficult = (node.findtext("difficult") or "0").strip() == "1"
    return word(rectangle(left, top, right, bottom), text, difficult)


def write(samples: Iterable[Sample], folder: Path) -> None:
    """Write pictures and their .xml files side by side into `folder`.

    Raises:
        ValueError: a box that is not upright, or a text that XML cannot hold.
    """
    for sample, (width, height) in bring_pictures(samples, folder):
        root = Element("annotation")
        SubElement(root, "filename").text = sample.image_path.name
        size = SubElement(root, "size")
        for side, pixels in (("width", width), ("height", height), ("depth", 3)):
            SubElement(size, side).text = str(pixels)
        for annotation in sample.words:
            root.append(_object(annotation, sample.image_path))
        ElementTree.indent(root, "\t")
        ElementTree.ElementTree(root).write(sample.image_path.with_suffix(".xml"), "utf-8")


def _object(annotation: Annotation, picture: Path) -> Element:
    if NOT_IN_XML.search(annotation.text):
        raise ValueError(f"{picture.name}: XML cannot hold the text {annotation.text!r}")
    node = Element("object")
    SubElement(node, "name").text = annotation.text
    SubElement(node, "truncated").text = "0"
    SubElement(node, "difficult").text = str(int(annotation.ignore))
    box = SubElement(node, "bndbox")
    sides: np.ndarray = upright_box(annotation, picture)
    for side, value in zip(("xmin", "ymin", "xmax", "ymax"), sides, strict=True):
        SubElement(box, side).text = number(value)
    return node
