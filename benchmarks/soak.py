"""A long job with the real model: does memory stay flat, and how many pages a second?

    python benchmarks/soak.py --files 500 --damaged 20 --workers 2
    python benchmarks/soak.py --folder scans --threads 2

Files of seven formats (PDF where the extra is there) are made of the example pictures at different sizes, some of them cut off
in the middle; or those of a folder are read. They go through `gemma3-ocr read` in this process; the resident memory is noted
after each tenth of the pages. The first pages fill caches and the runtime's arena, so growth is counted from the second
quarter on: the program fails when the last quarter's highest is over the second's by more than `allowed_mb`.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from PIL import Image

from gemma3_jax.commands.arguments import Read
from gemma3_jax.commands.read import EXAMPLES, read
from gemma3_jax.ocr import GemmaOCR

SUFFIXES = ("jpg", "png", "webp", "tif", "bmp", "gif")
SIDES_PX = (480, 1600)


class Watched:
    """An engine beside which memory is noted, once a call of the detector (two to three a page)."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.charset = engine, engine.charset
        self.read, self.read_strips = engine.read, engine.read_strips
        self.memory_mb: list[float] = []

    def detect(self, images: np.ndarray, slots: int) -> Any:
        self.memory_mb.append(resident_mb())
        return self.engine.detect(images, slots)


def resident_mb() -> float:
    """Memory of this process now; where /proc is not there to tell, the highest so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def make_files(folder: Path, count: int, damaged: int) -> None:
    """`count` pictures in all formats and of many sizes, `damaged` of them, evenly spread, without their second half."""
    rng = np.random.default_rng(0)
    examples = [Image.open(path).convert("RGB") for path in sorted(EXAMPLES.glob("*.jpg"))]
    suffixes = SUFFIXES + (("pdf",) if find_spec("pypdfium2") else ())
    bad = set(np.linspace(0, count - 1, damaged).astype(int).tolist())
    for k in range(count):
        picture = examples[k % len(examples)]
        factor = rng.integers(*SIDES_PX) / max(picture.size)
        size = [max(1, round(side * factor)) for side in picture.size]
        path = folder / f"{k:05d}.{suffixes[k % len(suffixes)]}"
        picture.resize((size[0], size[1])).save(path)
        if k in bad:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def main(
    files: int = 500,
    damaged: int = 20,
    folder: Path | None = None,
    workers: int = 1,
    threads: int | None = None,
    format: str = "json",
    allowed_mb: float = 50.0,
) -> None:
    """Read and print the table; `folder` replaces the files that are made otherwise."""
    ocr = GemmaOCR.from_pretrained(threads=threads)
    engine = Watched(ocr.engine)
    with tempfile.TemporaryDirectory() as made:
        scans = folder or Path(made, "scans")
        if folder is None:
            scans.mkdir()
            make_files(scans, files, damaged)
        command = Read((str(scans),), output=Path(made, "out"), format=format, workers=workers)
        begun, cpu = time.monotonic(), time.process_time()
        read(command, GemmaOCR(engine))
        seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    memory = np.array(engine.memory_mb)
    print(f"{len(memory)} calls of the detector in {seconds:.1f} s, {cpu:.1f} s of processor time")
    for tenth in range(11):
        place = min(len(memory) - 1, tenth * len(memory) // 10)
        print(f"{10 * tenth:>4} %  {memory[place]:8.1f} MB")
    _, second, _, last = np.array_split(memory, 4)
    growth = last.max() - second.max()
    print(f"highest of the last quarter over that of the second: {growth:+.1f} MB")
    if growth > allowed_mb:
        sys.exit(f"memory is not flat: more than {allowed_mb:g} MB")


if __name__ == "__main__":
    tyro.cli(main)
