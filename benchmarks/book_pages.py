"""How well printed book pages are read: 20 scans at 300 dpi drawn here, half of them in two columns.

    python benchmarks/book_pages.py --max-sides 1280 2048 --peers tesseract v6

The prose (`prose.txt`) is set in the book faces that are installed (Pillow's own where there are none), then
skewed, blurred, speckled and compressed as a scanner would. Character error rate counts order too: what is read is compared
with the page as one text, spaces and line ends alike. `bag F` does not count order. A page is A4, 2480 × 3508 px.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from gemma3_jax.config import MAX_SIDE

WIDTH, HEIGHT = 2480, 3508  # px: A4 at 300 dpi
FACES = (
    "LiberationSerif-Regular",
    "texgyretermes-regular",
    "texgyrepagella-regular",
    "DejaVuSerif",
)
FACES += ("texgyreschola-regular", "LiberationSans-Regular", "Lato-Regular", "C059-Roman")
SIZES = (40, 54)  # px: 9.6 to 13 points
LEADING, INDENT = 1.32, 1.6  # of the size
COLUMN_GAP = 110


def prose() -> list[str]:
    """Paragraphs that never change, so that figures can be compared; written for this file."""
    text = Path(__file__).with_name("prose.txt").read_text("utf-8")
    return [" ".join(block.split()) for block in text.split("\n\n") if block.strip()]


def draw_page(
    rng: np.random.Generator, paragraphs: Sequence[str], columns: int
) -> tuple[Image.Image, list[str]]:
    """A page and its words in reading order."""
    size = int(rng.integers(*SIZES))
    font = _font(rng, size)
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    pen, words = ImageDraw.Draw(page), []
    margin = int(rng.integers(230, 340))
    width = (WIDTH - 2 * margin - (columns - 1) * COLUMN_GAP) // columns
    source = _words_of(rng, paragraphs)
    for column in range(columns):
        left, y = margin + column * (width + COLUMN_GAP), margin
        line, first = [], True
        while y < HEIGHT - margin - size:
            word = next(source)
            room = width - (INDENT * size if first else 0)
            if word and font.getlength(" ".join([*line, word])) <= room:
                line.append(word)
                continue
            _set_line(pen, font, line, left + width - room, y, room if word else 0)
            words += line
            line, first = ([word], False) if word else ([], True)
            y += LEADING * size
    return page, words


def _words_of(rng: np.random.Generator, paragraphs: Sequence[str]) -> Iterator[str]:
    """Words without end; "" ends a paragraph."""
    while True:
        yield from str(rng.choice(np.asarray(paragraphs, object))).split()
        yield ""


def _set_line(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    line: list[str],
    x: float,
    y: float,
    room: float,
) -> None:
    """Words from `x` on, spread over `room` px (0: not spread)."""
    lengths = [font.getlength(word) for word in line]
    gap = font.getlength(" ")
    if room and len(line) > 1:
        gap = (room - sum(lengths)) / (len(line) - 1)
    for word, length in zip(line, lengths, strict=True):
        pen.text((x, y), word, font=font, fill=0)
        x += length + gap


def _font(rng: np.random.Generator, size: int) -> ImageFont.FreeTypeFont:
    paths = _book_faces()
    if paths:
        return ImageFont.truetype(paths[rng.integers(len(paths))], size)
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


@cache
def _book_faces() -> list[str]:
    from gemma3_jax.data.atlas_cache import FONT_FOLDERS

    folders = [Path(name).expanduser() for name in FONT_FOLDERS]
    found = {p.stem: str(p) for f in folders if f.is_dir() for p in f.rglob("*.[ot]tf")}
    return [found[face] for face in FACES if face in found]


def scan(page: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """The page as a scanner gives it back, uint8 [h, w, 3]."""
    page = page.rotate(rng.uniform(-0.8, 0.8), Image.Resampling.BICUBIC, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 1.4)))
    ink, paper = rng.uniform(10, 60), rng.uniform(215, 250)
    grey = ink + (paper - ink) * np.asarray(page, np.float32) / 255
    grey *= np.linspace(1, rng.uniform(0.88, 1), WIDTH)  # the fold
    grey += rng.normal(0, rng.uniform(3, 9), grey.shape)
    tint = np.array([1, rng.uniform(0.96, 1), rng.uniform(0.86, 1)])
    pixels = np.clip(grey[..., None] * tint, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(55, 92)))
    return np.asarray(Image.open(file))


def main(
    pages: int = 20,
    max_sides: tuple[int, ...] = (MAX_SIDE,),
    peers: tuple[str, ...] = (),
    model: str = "gemma3-base",
    save: Path | None = None,
) -> None:
    """Print a line per reader; `save` is a folder for the pages."""
    from gemma3_jax import GemmaOCR
    from gemma3_jax.metrics.documents import bag_of_words, error_rates

    paragraphs, sheets = prose(), []
    for number in range(pages):
        rng = np.random.default_rng(number)
        page, words = draw_page(rng, paragraphs, columns=1 + number % 2)
        sheets.append((scan(page, rng), words))
    if save:
        save.mkdir(parents=True, exist_ok=True)
        for number, (pixels, _) in enumerate(sheets):
            Image.fromarray(pixels).save(save / f"page{number:02}.jpg")
    readers: dict[str, Callable[[np.ndarray], list[str]]] = {}
    for side in max_sides:
        ocr = GemmaOCR.from_pretrained(model, max_side=side)
        readers[f"{model} at {side} px"] = lambda x, ocr=ocr: ocr.read(x).text.split()
    for name in peers:
        readers[name] = _peer(name)
    print(f"{pages} pages, {sum(len(words) for _, words in sheets)} words")
    for name, read in readers.items():
        began = time.perf_counter()
        answers = [read(pixels) for pixels, _ in sheets]
        seconds = (time.perf_counter() - began) / pages
        pairs = [(words, answer) for (_, words), answer in zip(sheets, answers, strict=True)]
        halves = [100 * error_rates(pairs[k::2]).cer for k in (0, 1) if pairs[k::2]]
        print(
            f"{name:<28} CER {100 * error_rates(pairs).cer:5.1f} % (columns: "
            + ", ".join(f"{k + 1} {rate:.1f}" for k, rate in enumerate(halves))
            + f")  bag F {100 * bag_of_words(pairs).hmean:5.1f}  {seconds:5.1f} s a page",
            flush=True,
        )


def _peer(name: str) -> Callable[[np.ndarray], list[str]]:
    from benchmarks.peer_engines import RapidOcr, Tesseract

    engine = Tesseract() if name == "tesseract" else RapidOcr(name)
    return lambda pixels: [word.text for word in engine.read_page(pixels)]


if __name__ == "__main__":
    tyro.cli(main)
