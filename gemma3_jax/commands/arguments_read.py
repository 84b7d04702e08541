"""What `gemma3-ocr read` takes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gemma3_jax.config import MAX_SIDE


@dataclasses.dataclass
class Read:
    """Print the text of pictures, PDF and TIFF files.

    Exit status: 0 everything was read; 1 something could not be read or written; 2 wrong use; 130 interrupted (Ctrl-C):
    what was finished until then is there, and --resume reads the rest.
    """

    images: Positional[tuple[str, ...]] = ()
    """Files, folders or patterns such as "scans/*.png"; "-" is standard input."""
    example: bool = False
    """Read the pictures that come with the program."""
    recursive: Annotated[bool, arg(aliases=["-r"])] = False
    """Look into the folders of folders too."""
    allow_urls: bool = False
    """Fetch http:// and https:// addresses; nothing else here uses the network."""
    text_layer: Literal["use", "ignore"] = "ignore"
    """Take the words that a PDF page holds as text, where it does, instead of reading its pixels."""
    dpi: float | None = None
    """Resolution to draw PDF pages at, by default what suits the size of their text."""
    format: str = "text"
    """text, markdown, json (an object per line and page), tsv, csv, hocr, alto, page-xml or pdf (searchable); with
    --output also several, joined by commas."""
    json: bool = False
    """The same as --format json."""
    output: Path | None = None
    """Folder to write to instead of printing: a file per page, of pdf one per document; a summary at the end."""
    draw: Path | None = None
    """Picture file to draw boxes and text to; a folder where there are several pages."""
    style: Literal["auto", "overlay", "panel"] = "auto"
    """Drawing: words above their boxes, or the page again beside itself."""
    resume: bool = False
    """Leave out files whose outputs are all in --output already, newer than the file; with the options of the first time."""
    failures: Path | None = None
    """File to list what could not be read or written: name, tab, reason. By default failures.txt in --output, if any."""
    progress: bool = False
    """Show pages per second and the time left on standard error even where that is no terminal."""
    model: str = "gemma3-base"
    """A model in the package, or a folder that save_pretrained wrote."""
    max_side: int = MAX_SIDE
    """Longest side in px at which a picture is first looked at; small print is then read larger."""
    min_side: int = 0
    """Lift --max-side until the shorter side has as many px."""
    scale: float | None = None
    """Scale pictures by this instead."""
    min_confidence: float = 0.5
    """Leave out words that are less sure than this (0 to 1); 0 keeps everything."""
    beam_width: int = 1
    """Texts to keep in mind while decoding; 1 is greedy."""
    language: Literal["auto", "on", "off"] = "auto"
    """Let a language model correct doubtful words, all that look like words, or none."""
    language_model: str = "english"
    """A model in the package, or a file that `gemma3-ocr lm build` wrote."""
    words: tuple[str, ...] = ()
    """More words that the language model shall know."""
    keep: tuple[str, ...] = ()
    """Regular expressions of texts that it shall leave alone."""
    threads: int | None = None
    """Processor cores to use, all by default."""
    workers: int | None = None
    """Pages to read at the same time, by default one on each core, up to four; twice as many are in memory. Results are the
    same, in the same order."""

    def run(self) -> int:
        from gemma3_jax.commands.read import read

        return read(self)
