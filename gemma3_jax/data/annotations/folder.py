"""A folder of pictures and annotations: what lies in it, and what went wrong while reading."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from gemma3_jax.data.annotations.errors import AnnotationError
from gemma3_jax.data.annotations.pictures import Pictures
from gemma3_jax.data.corpora import Sample
from gemma3_jax.imaging.load import ImageError

T = TypeVar("T")

LOOKED_INTO = 200  # files of one kind that `detect` opens at most
DOCUMENTS_LOOKED_INTO = 3  # JSON files may be large


class Folder:
    """All files below `root`, found once; hidden ones are passed over.

    Reading collects: `problems` are the annotations that cannot be used (one line each), `used` the pictures that can.
    `unparsable` are the JSON files that looking for a format could not parse.

    Raises:
        FileNotFoundError: when `root` is not a folder.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root} is not a folder: name one that holds annotations")
        self.files = sorted(
            Path(parent, name)
            for parent, _, names in os.walk(self.root)
            for name in names
            if not name.startswith(".")
        )
        self.pictures = Pictures(self.root, self.files)
        self.problems: list[str] = []
        self.unparsable: list[str] = []
        self.used: set[Path] = set()
        self._first_documents: list[Any] | None = None

    def having(self, suffix: str) -> list[Path]:
        """The files with this suffix (".xml"), sorted."""
        return [path for path in self.files if path.suffix.lower() == suffix]

    def named(self, name: str) -> list[Path]:
        """The files of this name, in whatever subfolder."""
        return [path for path in self.files if path.name == name]

    def where(self, path: Path) -> str:
        """How messages call a file: its path below the folder."""
        return path.relative_to(self.root).as_posix()

    def collect(self, items: Iterable[T], parse: Callable[[T], Sample]) -> Iterator[Sample]:
        """`parse` of each item; an item that cannot be used becomes a line in `problems`."""
        for item in items:
            try:
                sample = parse(item)
            except AnnotationError as error:
                self.problems.append(str(error))
            except ImageError as error:
                self.problems.append(f"{self.where(Path(error.source))}: {error.reason}")
            else:
                self.used.add(sample.image_path)
                yield sample

    def text(self, path: Path) -> str:
        """A file's text: UTF-8, with or without a byte-order mark.

        Raises:
            AnnotationError: when it is not UTF-8 (LabelImg on Windows writes classes.txt in the local code page).
        """
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            what = f"byte {error.start} is not UTF-8: save the file as UTF-8"
            raise AnnotationError(self.where(path), what) from error

    def lines(self, path: Path) -> list[tuple[str, str]]:
        """The lines of a text file that are not empty, each with its place (`gt_1.txt:3`); errors as `text`."""
        lines = enumerate(self.text(path).split("\n"), 1)
        return [(f"{self.where(path)}:{row}", line) for row, line in lines if line.strip()]

    def all_lines(self, paths: Iterable[Path]) -> Iterator[tuple[Path, str, str]]:
        """File, place and content of the lines of list files; a file that is not UTF-8 becomes a problem."""
        for path in paths:
            try:
                lines = self.lines(path)
            except AnnotationError as error:
                self.problems.append(str(error))
                continue
            yield from ((path, where, line) for where, line in lines)

    def json(self, path: Path) -> Any:
        """What a JSON file holds.

        Raises:
            AnnotationError: when it is no JSON.
        """
        try:
            return json.loads(self.text(path))
        except json.JSONDecodeError as error:
            what = f"not JSON (line {error.lineno}: {error.msg})"
            raise AnnotationError(self.where(path), what) from error

    def documents(self, belongs: Callable[[Any], bool]) -> Iterator[tuple[Path, Any]]:
        """The JSON files whose content `belongs` to a format; one that is no JSON becomes a problem."""
        for path in self.having(".json"):
            try:
                document = self.json(path)
            except AnnotationError as error:
                self.problems.append(str(error))
                continue
            if belongs(document):
                yield path, document

    def first_documents(self) -> list[Any]:
        """What the first few .json files hold, to tell their format by; parsed once."""
        if self._first_documents is None:
            self._first_documents = []
            for path in self.having(".json")[:DOCUMENTS_LOOKED_INTO]:
                try:
                    self._first_documents.append(self.json(path))
                except AnnotationError as error:
                    self.unparsable.append(str(error))
        return self._first_documents
