"""The peers' own programs, each behind two calls: the words of a picture, the word of a crop. See `peers`."""

from __future__ import annotations

import csv
import dataclasses
import importlib.metadata
import importlib.util
import io
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

CROP_HEIGHT = 48  # px: Tesseract needs taller letters than scene crops have
AUTOMATIC, ONE_WORD, SPARSE = "3", "8", "11"  # Tesseract's page segmentation modes


@dataclasses.dataclass(frozen=True)
class PeerWord:
    """A word that a peer read; `quad` [4][2] px; `seconds` it took where it was read alone."""

    text: str
    confidence: float
    quad: list[list[float]]
    seconds: float = 0.0


class Engine(Protocol):
    """A peer's own program: `name` tells version and settings, for the cache."""

    name: str

    def read_crop(self, crop: np.ndarray) -> list[PeerWord]: ...

    def read_page(self, picture: np.ndarray) -> list[PeerWord]: ...


class RapidOcr:
    """RapidOCR on the PP-OCRv6 small models of its wheel, or the PP-OCRv4 mobile ones of rapidocr_onnxruntime's.

    Words come from `return_word_box`; the scores that go with them are single characters' (3.10.0), so a word gets
    that of its line. `threads` are ONNX Runtime's; by default it takes what it finds.
    """

    def __init__(self, version: str, threads: int = -1) -> None:
        from rapidocr import ModelType, OCRVersion, RapidOCR

        params: dict[str, Any] = {"Global.log_level": "error"}
        params["EngineConfig.onnxruntime.intra_op_num_threads"] = threads
        if version == "v4":
            models = _package("rapidocr_onnxruntime") / "models"
            for part, kind in (("Det", "det"), ("Rec", "rec")):
                params[f"{part}.model_path"] = str(models / f"ch_PP-OCRv4_{kind}_infer.onnx")
                params[f"{part}.ocr_version"] = OCRVersion.PPOCRV4
                params[f"{part}.model_type"] = ModelType.MOBILE
        self.name = f"rapidocr-{importlib.metadata.version('rapidocr')}-{version}"
        self._engine = RapidOCR(params=params)

    def read_crop(self, crop: np.ndarray) -> list[PeerWord]:
        steps = {"use_det": False, "use_cls": False, "use_rec": True, "return_word_box": False}
        answer: Any = self._engine(crop[..., ::-1], **steps)
        return [PeerWord("".join(answer.txts or ()), min([1.0, *answer.scores]), [])]

    def read_page(self, picture: np.ndarray) -> list[PeerWord]:
        steps = {"use_det": True, "use_cls": True, "use_rec": True, "return_word_box": True}
        answer: Any = self._engine(picture[..., ::-1], **steps)
        return [] if answer.txts is None else rapid_words(answer)


class Tesseract:
    """Tesseract 5, English, as it does best: pages by its automatic layout, sparse text where that finds no word (most
    photographs), crops as one word, enlarged. A border around crops made it read the border."""

    def __init__(self, program: str = "tesseract") -> None:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        self.name = (
            "-".join(said.stdout.split()[:2]) + f"-psm{AUTOMATIC}-{SPARSE}-crop{CROP_HEIGHT}"
        )
        self.program = program

    def read_crop(self, crop: np.ndarray) -> list[PeerWord]:
        words = self._run(_enlarged(crop), ONE_WORD)
        confidence = min((word.confidence for word in words), default=0.0)
        return [PeerWord("".join(word.text for word in words), confidence, [])]

    def read_page(self, picture: np.ndarray) -> list[PeerWord]:
        return self._run(picture, AUTOMATIC) or self._run(picture, SPARSE)

    def _run(self, picture: np.ndarray, mode: str) -> list[PeerWord]:
        from PIL import Image

        png = io.BytesIO()
        Image.fromarray(picture).save(png, "PNG")
        command = [self.program, "stdin", "stdout", "-l", "eng", "--psm", mode, "tsv"]
        done = subprocess.run(command, input=png.getvalue(), capture_output=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return tesseract_words(done.stdout.decode("utf-8"))


def rapid_words(answer: Any) -> list[PeerWord]:
    """The words of a RapidOCR answer with `txts`, `scores`, `boxes` and `word_results` (text, score, box) per line.

    A line that holds one Chinese character comes cut into characters: its words are put together again by the spaces
    of its text. A line without word boxes stays one word.
    """
    pieces_of: dict[str, list[Any]] = defaultdict(list)
    for pieces in answer.word_results:
        pieces_of["".join(piece[0] for piece in pieces)].append(pieces)
    words = []
    for text, score, box in zip(answer.txts, answer.scores, answer.boxes, strict=True):
        waiting = pieces_of["".join(text.split())]
        pieces = waiting.pop(0) if waiting else [(text, score, box)]
        if all(len(piece[0]) == 1 for piece in pieces):
            pieces = _joined(text.split(), pieces)
        words += [
            PeerWord(p[0], min(float(score), 1.0), np.asarray(p[2], float).tolist()) for p in pieces
        ]
    return words


def tesseract_words(tsv: str) -> list[PeerWord]:
    """The words (level 5) of Tesseract's TSV output; confidences from percent to 0..1."""
    words = []
    for row in csv.DictReader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row["text"] or "").strip()
        if row["level"] == "5" and text:
            left, top, width, height = (float(row[k]) for k in ("left", "top", "width", "height"))
            right, bottom = left + width, top + height
            quad = [[left, top], [right, top], [right, bottom], [left, bottom]]
            words.append(PeerWord(text, min(max(float(row["conf"]) / 100, 0.0), 1.0), quad))
    return words


def _joined(words: Iterable[str], characters: Sequence[Any]) -> list[tuple[str, float, np.ndarray]]:
    """(text, 0, quad) of each of `words` from the boxes of its characters: first left edge to last right edge."""
    joined, start = [], 0
    for word in words:
        first, last = characters[start][2], characters[start + len(word) - 1][2]
        joined.append((word, 0.0, np.array([first[0], last[1], last[2], first[3]])))
        start += len(word)
    return joined


def _enlarged(crop: np.ndarray) -> np.ndarray:
    """The crop at least CROP_HEIGHT px high."""
    from PIL import Image

    grown = max(1.0, CROP_HEIGHT / crop.shape[0])
    size = max(1, round(crop.shape[1] * grown)), round(crop.shape[0] * grown)
    return np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC))


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed: pip install --no-deps {name}")
    return Path(spec.origin).parent
