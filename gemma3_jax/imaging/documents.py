"""Files with more than one page: PDF (through pypdfium2, extra `[pdf]`) and multi-page TIFF."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from gemma3_jax.imaging.load import ImageError, load_image, open_image

PDF_DPI = 150  # body text of 10 pt becomes about 20 px high


@dataclasses.dataclass(frozen=True)
class DocumentPage:
    """One page of a file, opened when it is read: a source like any other, at the cost of a name and a number."""

    path: Path
    index: int
    dpi: int = PDF_DPI

    def __str__(self) -> str:
        return f"{self.path}[{self.index + 1}]"

    def load_page(self) -> np.ndarray:
        """uint8 RGB [h, w, 3].

        Raises:
            ImageError: naming the file, the page and the reason.
        """
        if is_pdf(self.path):
            return _render_pdf(self)
        with open_image(self.path) as image:
            for number, frame in enumerate(ImageSequence.Iterator(image)):
                if number == self.index:
                    return _frame_pixels(self, frame)
        raise ImageError(str(self), "no such page")


def is_pdf(path: str | Path) -> bool:
    """Whether a file starts as a PDF does (its name does not count). False where nothing can be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(5) == b"%PDF-"
    except (OSError, ValueError):
        return False


def document_pages(path: str | Path, dpi: int = PDF_DPI) -> list[DocumentPage]:
    """The pages of a PDF, the frames of a TIFF, or the one page of any other picture.

    Raises:
        ImageError: when the file cannot be opened, or is a PDF and pypdfium2 is not installed.
    """
    path = Path(path)
    if is_pdf(path):
        with _open_pdf(path) as pdf:
            count = len(pdf)
    else:
        with open_image(path) as image:
            count = _frames(image, path)
    return [DocumentPage(path, index, dpi) for index in range(count)]


def _frames(image: Image.Image, path: Path) -> int:
    """Pages of a TIFF; of a film strip (GIF) or a stereo pair (MPO) only the first frame is the picture."""
    if image.format != "TIFF":
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except (OSError, EOFError, ValueError, SyntaxError) as error:
        raise ImageError(str(path), f"damaged list of pages ({error})") from error


def _open_pdf(path: Path):
    try:
        import pypdfium2
    except ImportError:
        raise ImageError(str(path), 'is a PDF: pip install "gemma3_jax[pdf]" to read it') from None
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise ImageError(str(path), f"damaged or encrypted PDF ({error})") from error


def _render_pdf(page: DocumentPage) -> np.ndarray:
    with _open_pdf(page.path) as pdf:
        if page.index >= len(pdf):
            raise ImageError(str(page), f"no such page, the file has {len(pdf)}")
        scale: Any = page.dpi / 72  # annotated as a whole number there, documented as a float
        bitmap = pdf[page.index].render(scale=scale)
        return load_image(bitmap.to_pil().convert("RGB"))


def _frame_pixels(page: DocumentPage, frame) -> np.ndarray:
    try:
        return load_image(frame.copy())
    except (ImageError, OSError, EOFError) as error:
        raise ImageError(str(page), getattr(error, "reason", None) or str(error)) from error
