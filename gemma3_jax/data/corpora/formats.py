r"""One parser per annotation format of the public sets: text of a file in, words out.

`where` names the file in messages. Every parser raises ValueError with the file and what it found
where it expected something else; none guesses.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from gemma3_jax.data.corpora.samples import DO_NOT_CARE, Annotation, rectangle

_BOX_LINE = re.compile(r'\s*(\d+),?\s+(\d+),?\s+(\d+),?\s+(\d+),?\s+"(.*)"\s*')
_NAMED_LINE = re.compile(r'\s*([^\s,]+\.\w+)\s*,\s*"(.*)"\s*')


class Tagged(NamedTuple):
    """A picture of a `tagset` file (ICDAR 2003, SVT) and the words that may be in it (SVT)."""

    image_name: str
    words: list[Annotation]
    lexicon: list[str]


def lines(text: str) -> list[str]:
    """The lines that are not blank. Only CR and LF end a line: texts hold other separators."""
    every = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in every if line.strip()]


def parse_quad_line(line: str, where: str) -> Annotation:
    """Read `x1,y1,...,x4,y4,text` (ICDAR 2015, SROIE): the text may hold commas, `###` is do not care.

    Raises:
        ValueError: naming the file and the line when there are not eight numbers and a text.
    """
    fields = line.split(",", 8)
    try:
        numbers = [float(field) for field in fields[:8]]
        text = fields[8].strip()
    except (ValueError, IndexError) as error:
        raise ValueError(f"{where}: expected x1,y1,...,x4,y4,text, found {line!r}") from error
    return Annotation(np.asarray(numbers, np.float32).reshape(4, 2), text, text == DO_NOT_CARE)


def parse_quads(text: str, where: str) -> list[Annotation]:
    """Read a whole file of `parse_quad_line`."""
    return [parse_quad_line(line, where) for line in lines(text)]


def parse_boxes(text: str, where: str) -> list[Annotation]:
    r"""Read `left top right bottom "text"` (ICDAR 2013): blanks in the train half, commas in the test half.

    `\"` and `\\` of the text are undone.
    """
    words = []
    for line in lines(text):
        match = _BOX_LINE.fullmatch(line)
        if match is None:
            raise ValueError(f'{where}: expected left top right bottom "text", found {line!r}')
        word = _unescape(match[5])
        box = rectangle(*(float(match[i]) for i in range(1, 5)))
        words.append(Annotation(box, word, word == DO_NOT_CARE))
    return words


def parse_named_texts(text: str, where: str) -> list[tuple[str, str]]:
    r"""Read `word_1.png, "text"` (ICDAR 2013 and 2015 crops) into (name, text); `\"` is undone."""
    rows = []
    for line in lines(text):
        match = _NAMED_LINE.fullmatch(line)
        if match is None:
            raise ValueError(f'{where}: expected word_N.jpg, "text", found {line!r}')
        rows.append((match[1], _unescape(match[2])))
    return rows


def parse_spaced_texts(text: str, where: str) -> list[tuple[str, str]]:
    """Read `name text` (SVT-P), or `name text 1 text` (CUTE80), into (name, text)."""
    rows = []
    for line in lines(text):
        fields = line.split()
        if len(fields) not in (2, 4):
            raise ValueError(f"{where}: expected name and text, found {line!r}")
        rows.append((fields[0], fields[1]))
    return rows


def parse_tagset(xml: bytes, where: str) -> list[Tagged]:
    """Read `<tagset>` (ICDAR 2003, SVT): upright boxes; `offset` and `rotation` are not applied."""
    return [
        Tagged(
            image.findtext("imageName", "").strip(),
            [_tagged_rectangle(node, where) for node in image.iter("taggedRectangle")],
            [word for word in (image.findtext("lex") or "").split(",") if word],
        )
        for image in _root(xml, where).iter("image")
    ]


def parse_imagelist(xml: bytes, where: str) -> list[tuple[str, str]]:
    """Read `<imagelist><image file= tag=/>` (ICDAR 2003 crops) into (file, text)."""
    images = list(_root(xml, where).iter("image"))
    return [(_attribute(node, "file", where), _attribute(node, "tag", where)) for node in images]


def parse_polygons(xml: bytes, where: str) -> dict[str, list[np.ndarray]]:
    """Read CUTE80's ground truth into {image name: polygons float32 [points, 2]}.

    An image's first child holds its name, the others its polygons as attributes `x` and `y`:
    numbers between blanks. A picture may be listed more than once.
    """
    pictures: dict[str, list[np.ndarray]] = {}
    for image in _root(xml, where):
        children = list(image)
        name = (children[0].text or "").strip() if children else ""
        for node in children[1:]:
            xs, ys = (_attribute(node, axis, where).split() for axis in "xy")
            if len(xs) != len(ys) or len(xs) < 3:
                raise ValueError(f"{where}: {name} has a polygon of {len(xs)} x and {len(ys)} y")
            points = np.asarray([xs, ys]).astype(np.float32).T
            pictures.setdefault(name, []).append(points)
    return pictures


def parse_form(text: str, where: str) -> list[Annotation]:
    """Read a FUNSD page: upright word boxes; a box without text is do not care."""
    try:
        entries = [word for block in json.loads(text)["form"] for word in block["words"]]
        words = [(rectangle(*word["box"]), word["text"].strip()) for word in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{where} is not a FUNSD annotation: {error!r}") from error
    return [Annotation(quad, word, not word) for quad, word in words]


def _tagged_rectangle(node: ElementTree.Element, where: str) -> Annotation:
    sides = [float(_attribute(node, key, where)) for key in ("x", "y", "width", "height")]
    left, top, width, height = sides
    return Annotation(rectangle(left, top, left + width, top + height), node.findtext("tag", ""))


def _root(xml: bytes, where: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise ValueError(f"{where} is not whole XML: {error}") from error


def _attribute(node: ElementTree.Element, key: str, where: str) -> str:
    value = node.get(key)
    if value is None:
        raise ValueError(f"{where}: <{node.tag}> without {key}=, found {node.attrib}")
    return value


def _unescape(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text)
