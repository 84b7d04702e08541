"""A page as one JSON object, there and back.

Schema 1: `schema_version`, `source`, `width`, `height` (px of the upright picture), `text`, `warnings`, `error` (empty when
read), `lines`: [`text`, `confidence`, `block`, `quad`, `words`: [`text`, `raw`, `reason` (why a language model made `text` of
`raw`, or empty), `confidence`, `detection`, `quad`, `chars`: [`text`, `confidence`, `quad`], `alternatives` (next best
readings of a doubtful word, likeliest first): [`text`, `confidence`]]], `unread`: boxes that hold a word which could not be
read surely enough, written as words are. Quads are four [x, y] in px, clockwise from the top left of the text; confidences are
0..1. A later version only adds keys (`alternatives` and `unread` are the youngest: files without them are read too); a change
of meaning takes a new number.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gemma3_jax.page import Alternative, Char, Line, Page, Word

SCHEMA_VERSION = 1


def to_json(page: Page, indent: int | None = None) -> str:
    """One JSON object; on one line unless `indent` is given. Text outside ASCII stays as it is."""
    return json.dumps(to_dict(page), indent=indent, ensure_ascii=False, allow_nan=False)


def to_dict(page: Page) -> dict[str, Any]:
    """The same object as plain dicts and lists."""
    return {
        "schema_version": SCHEMA_VERSION,
        "source": page.source,
        "width": page.width,
        "height": page.height,
        "text": page.text,
        "warnings": list(page.warnings),
        "error": page.error,
        "lines": [_line(line) for line in page.lines],
        "unread": [_word(word) for word in page.unread],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "text": line.text,
        "confidence": _round(line.confidence),
        "block": line.block,
        "quad": _quad(line.quad),
        "words": [_word(word) for word in line.words],
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "raw": word.raw,
        "reason": word.reason,
        "confidence": _round(word.confidence),
        "detection": _round(word.detection),
        "quad": _quad(word.quad),
        "chars": [
            {"text": c.text, "confidence": _round(c.confidence), "quad": _quad(c.quad)}
            for c in word.chars
        ],
        "alternatives": [
            {"text": other.text, "confidence": _round(other.confidence)}
            for other in word.alternatives
        ],
    }


def _round(value: float) -> float:
    return round(float(value), 4)


def _quad(quad: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 2), round(float(y), 2)] for x, y in quad]


def from_json(text: str) -> Page:
    """A page from `to_json`; unknown keys are passed over.

    Raises:
        ValueError: not JSON, not a page, or of a schema version this code does not know.
    """
    entry = json.loads(text)
    version = entry.get("schema_version") if isinstance(entry, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema_version is {version!r}: this reads version {SCHEMA_VERSION}")
    try:
        return Page(
            width=entry["width"],
            height=entry["height"],
            lines=tuple(_read_line(line) for line in entry["lines"]),
            source=entry["source"],
            warnings=tuple(entry["warnings"]),
            error=entry["error"],
            unread=tuple(_read_word(word) for word in entry.get("unread", ())),
            picture=entry["source"] or None,
        )
    except KeyError as error:
        raise ValueError(f"the page lacks the key {error}") from error


def _read_line(entry: dict[str, Any]) -> Line:
    return Line(tuple(_read_word(word) for word in entry["words"]), entry["block"])


def _read_word(entry: dict[str, Any]) -> Word:
    chars = [Char(c["text"], c["confidence"], _read_quad(c["quad"])) for c in entry["chars"]]
    others = [Alternative(a["text"], a["confidence"]) for a in entry.get("alternatives", ())]
    return Word(
        entry["text"],
        entry["confidence"],
        _read_quad(entry["quad"]),
        tuple(chars),
        entry["detection"],
        entry["raw"],
        entry.get("reason", ""),
        tuple(others),
    )


def _read_quad(corners: list[list[float]]) -> np.ndarray:
    return np.array(corners, np.float32).reshape(4, 2)
