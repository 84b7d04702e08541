"""Long jobs made small: folders of mixed files, some damaged, and `gemma3-ocr read` over them with a watched engine."""

from __future__ import annotations

import io
import os
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from fake_engine import FakeEngine, picture
from PIL import Image
from small_pdf import small_pdf

from gemma3_jax.commands.arguments import Read
from gemma3_jax.commands.read import read
from gemma3_jax.ocr import GemmaOCR

TEXTS = ["Open", "daily", "until", "late"]
SIZE = (96, 160)
SUFFIXES = ["jpg", "png", "webp", "tif", "bmp", "gif"] + ["pdf"] * (
    find_spec("pypdfium2") is not None
)
HAS_PYPDF = find_spec("pypdf") is not None


def encoded(number: int, suffix: str) -> bytes:
    """A picture with one word, by number; a TIFF has two pages, the second with the next word."""
    first, second = (
        Image.fromarray(picture(*SIZE, {(number + k) % len(TEXTS): (40, 30, 120, 60)}))
        for k in (0, 1)
    )
    if suffix == "pdf":
        red, green, blue = (value / 255 for value in first.getpixel((50, 40)))  # type: ignore[union-attr]
        return small_pdf(b"%f %f %f rg 90 90 120 40 re f" % (red, green, blue))
    stream = io.BytesIO()
    form = Image.registered_extensions()[f".{suffix}"]
    more = {"save_all": True, "append_images": [second]} if suffix == "tif" else {}
    options = {"quality": 95} if suffix == "jpg" else {"lossless": True} if suffix == "webp" else {}
    first.save(stream, form, **more, **options)
    return stream.getvalue()


def mixed_files(folder: Path, count: int, damaged: int = 0) -> list[str]:
    """Write `count` small files of all formats, `damaged` of them spread and cut off; returns the names of those."""
    folder.mkdir()
    kinds = {
        (number, suffix): encoded(number, suffix)
        for number in range(len(TEXTS))
        for suffix in SUFFIXES
    }
    bad = set(np.linspace(0, count - 1, damaged).astype(int).tolist())
    names = []
    for k in range(count):
        suffix = SUFFIXES[k % len(SUFFIXES)]
        data = kinds[k % len(TEXTS), suffix]
        path = folder / f"{k:04d}.{suffix}"
        path.write_bytes(data[: len(data) // 3] if k in bad else data)
        if k in bad:
            names.append(str(path))
    past = time.time_ns() - 10**10
    for path in folder.iterdir():
        os.utime(path, ns=(past, past))
    return names


class Watched(FakeEngine):
    """Counts the pictures it is shown, and can do something before one of them."""

    def __init__(self, before=lambda count: None) -> None:
        super().__init__(TEXTS)
        self.before, self.count = before, 0
        self.lock = threading.Lock()

    def detect(self, images, slots):
        with self.lock:
            self.count += 1
            count = self.count
        self.before(count)
        return super().detect(images, slots)


def run(*names: str, engine: FakeEngine | None = None, **options) -> int:
    ocr = GemmaOCR(engine or FakeEngine(TEXTS)).with_options(look_again=False, turn=False)
    return read(Read(names, language="off", scale=1.0, **options), ocr)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
