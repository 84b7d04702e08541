"""A list of annotated pictures as a file of lines, read one at a time: a million pictures take 8 MB of memory.

    write_manifest(annotations.read_folder(folder), "train.jsonl")

The pictures stay where they are. A manifest is also cheap to hand to worker processes, which a list of a million samples is
not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gemma3_jax.data.corpora import Annotation, Sample

CHUNK_BYTES = 1 << 22


class Manifest(Sequence[Sample]):
    """Samples of a manifest file by number; a line is read and parsed when it is asked for.

    Raises:
        FileNotFoundError: when there is no such file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self.path.open("rb") as file:
            self._starts = _line_starts(file)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, index: int) -> Sample:
        """Sample `index`.

        Raises:
            ValueError: naming file and line when the line is not a sample.
        """
        row = range(len(self))[index]
        start, stop = self._starts[row : row + 2].tolist()
        with self.path.open("rb") as file:
            file.seek(start)
            line = file.read(stop - start)
        try:
            entry = json.loads(line)
            words = [_word(*word) for word in entry["words"]]
            return Sample(self.path.parent / entry["image"], words)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{self.path}:{row + 1}: expected {{"image": path, "words": '
                f"[[[x1, y1, ..., x4, y4], text, ignore], ...]}}, found {line[:80]!r} ({error})"
            ) from error


def write_manifest(samples: Iterable[Sample], path: str | Path) -> Manifest:
    """Write samples, one a line, as they come, and open the file.

    Pictures below the manifest's folder are named relative to it, so that the two can be moved together.
    """
    path = Path(path)
    folder = path.parent.absolute()
    with path.open("w", encoding="utf-8") as file:
        for sample in samples:
            image = sample.image_path.absolute()
            name = image.relative_to(folder) if image.is_relative_to(folder) else image
            words = [[_numbers(word.quad), word.text, word.ignore] for word in sample.words]
            json.dump({"image": str(name), "words": words}, file, ensure_ascii=False)
            file.write("\n")
    return Manifest(path)


def _numbers(quad: np.ndarray) -> list[float]:
    # the shortest decimals that give the same float32 back
    return [float(str(value)) for value in np.asarray(quad, np.float32).ravel()]


def _word(numbers: list[float], text: str, ignore: bool) -> Annotation:
    return Annotation(np.asarray(numbers, np.float32).reshape(4, 2), text, ignore)


def _line_starts(file: BinaryIO) -> np.ndarray:
    """Offsets int64 [lines + 1] of every line and of the end, found in chunks."""
    starts, offset = [np.zeros(1, np.int64)], 0
    while chunk := file.read(CHUNK_BYTES):
        breaks = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n"))
        starts.append(breaks + offset + 1)
        offset += len(chunk)
    every = np.concatenate(starts)
    return every if every[-1] == offset else np.append(every, offset)  # no break after the last
