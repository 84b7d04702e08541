"""RapidOCR and Tesseract as readers for `gemma3_jax.evaluation`: same pictures, same metrics, one table.

    pip install rapidocr && pip install --no-deps rapidocr_onnxruntime     # PP-OCRv6 and PP-OCRv4 models, in the wheels
    apt-get install -y --no-install-recommends tesseract-ocr
    python -m benchmarks.peers --data ../shared/data --sets all-val --limit 3      # reads ahead into the cache, no model
    python eval.py --config base --data ../shared/data --sets all-val              # the table

What a peer said is kept as JSON under `--cache`, by version, settings and picture (SHA-256 of its pixels): a run that was
stopped goes on where it was, and a later one only replays. Nothing is downloaded, and the package imports none of this.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.peer_engines import Engine, PeerWord, RapidOcr, Tesseract

PEERS = ("rapidocr-v6", "rapidocr-v4", "tesseract")
CACHE = Path(".cache/gemma3_jax/peers")
CROP_HEIGHT, CROP_BORDER = (
    48,
    12,
)  # px: Tesseract needs taller letters than scene crops have, and paper around them
ONE_WORD, SPARSE = "8", "11"  # Tesseract's page segmentation modes


@dataclasses.dataclass(frozen=True)
class PeerPage:
    """All words of a picture and how long it took to read it."""

    words: list[PeerWord]
    seconds: float


class Peer:
    """A reader (`gemma3_jax.evaluation.Reader`) that asks its engine only for what is not in the cache."""

    def __init__(self, open_engine: Callable[[], Engine], cache: Path = CACHE) -> None:
        self.engine = open_engine()
        self.folder = cache / self.engine.name

    def recognize(self, crops: list[np.ndarray]) -> list[PeerWord]:
        pages = [self._recalled("crop", crop, self.engine.read_crop) for crop in crops]
        return [dataclasses.replace(page.words[0], seconds=page.seconds) for page in pages]

    def read_batch(self, sources: list[np.ndarray]) -> list[PeerPage]:
        return [self._recalled("page", picture, self.engine.read_page) for picture in sources]

    def _recalled(
        self, kind: str, picture: np.ndarray, read: Callable[[np.ndarray], list[PeerWord]]
    ) -> PeerPage:
        digest = hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()
        path = self.folder / kind / f"{digest}.json"
        if path.is_file():
            saved = json.loads(path.read_text("utf-8"))
            return PeerPage([PeerWord(*word) for word in saved["words"]], saved["seconds"])
        begun = perf_counter()
        page = PeerPage(read(picture), perf_counter() - begun)
        rows = [[word.text, word.confidence, word.quad] for word in page.words]
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")  # a run that is stopped leaves no half a file behind
        unfinished.write_text(json.dumps({"words": rows, "seconds": page.seconds}), "utf-8")
        unfinished.replace(path)
        return page


def open_peers(names: Sequence[str], cache: Path = CACHE) -> tuple[dict[str, Peer], list[str]]:
    """The peers that are installed, by name, and a line for each that is not.

    Raises:
        ValueError: for a name that is none of `PEERS`.
    """
    if unknown := [name for name in names if name not in PEERS]:
        raise ValueError(f"unknown peers {unknown}: choose from {', '.join(PEERS)}")
    missing = {name: how for name in names if (how := _missing(name))}
    engines: dict[str, Callable[[], Engine]] = {
        "rapidocr-v6": lambda: RapidOcr("v6"),
        "rapidocr-v4": lambda: RapidOcr("v4"),
        "tesseract": Tesseract,
    }
    readers = {name: Peer(engines[name], cache) for name in names if name not in missing}
    return readers, [f"{name} is left out: {how}" for name, how in missing.items()]


def _missing(name: str) -> str:
    """How to install what a peer needs and is not there; empty when it all is."""
    if name == "tesseract":
        found = shutil.which("tesseract")
        return "" if found else "apt-get install -y --no-install-recommends tesseract-ocr"
    if importlib.util.find_spec("rapidocr") is None:
        return "pip install rapidocr onnxruntime"
    if name == "rapidocr-v4" and importlib.util.find_spec("rapidocr_onnxruntime") is None:
        return "pip install --no-deps rapidocr_onnxruntime"
    return ""


def main(
    data: Path = Path("../shared/data"),
    sets: tuple[str, ...] = ("all-val",),
    peers: tuple[str, ...] = PEERS,
    limit: int | None = None,
    cache: Path = CACHE,
) -> None:
    """Let the peers read the first `limit` pictures of each set and print their figures."""
    from rich.console import Console
    from rich.progress import track

    from gemma3_jax.evaluation.report import console, notes, table
    from gemma3_jax.evaluation.runs import evaluate

    readers, missing = open_peers(peers, cache)
    bars = Console(stderr=True)
    for line in missing:
        bars.print(line)
    results = {
        name: evaluate(
            reader,
            sets,
            data,
            limit,
            lambda items, of, name=name: track(items, f"{name} {of}", console=bars),
        )
        for name, reader in readers.items()
    }
    screen = console()
    screen.print(table(results, f"{', '.join(sets)}, figures in percent"))
    for note in notes(results):
        screen.print(note, style="dim")


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
