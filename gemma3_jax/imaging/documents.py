"""Files with more than one page: PDF (through pypdfium2, extra `[pdf]`) and multi-page TIFF."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from gemma3_jax.imaging import pdf
from gemma3_jax.imaging.load import decode, first_bytes, naming, open_image, source_name
from gemma3_jax.imaging.text_layer import TextLayer, text_layer


@dataclasses.dataclass(frozen=True)
class DocumentPage:
    """One page of a file, opened when it is read: a source like any other, at the cost of a name and a number.

    `file` is a path, or the encoded bytes of a download or of standard input; `dpi` the resolution at which a PDF page is
    drawn, None to fit it to the page's text (`pdf.fitted_dpi`); `count` the pages of the file.
    """

    file: Path | bytes = dataclasses.field(repr=False)
    index: int = 0
    dpi: float | None = None
    name: str = ""
    count: int = 1

    def __str__(self) -> str:
        return f"{self.name}[{self.index + 1}]" if self.count > 1 else self.name

    def load_page(self) -> np.ndarray:
        """uint8 RGB [h, w, 3].

        Raises:
            ImageError: naming the file, the page and the reason.
        """
        if is_pdf(self.file):
            return pdf.render(self.file, self.index, self.dpi, str(self))
        with open_image(self.file, str(self)) as image, naming(str(self)):
            image.seek(self.index)
            return decode(image)

    def text_layer(self) -> TextLayer | None:
        """The text that a PDF page holds besides its pixels; None where it holds none worth taking.

        Raises:
            ImageError: naming the file, the page and the reason.
        """
        if not is_pdf(self.file):
            return None
        return text_layer(self.file, self.index, self.dpi, str(self))


def is_pdf(file: str | Path | bytes) -> bool:
    """Whether a file starts as a PDF does (its name does not count).

    Raises:
        ImageError: when there is no such file, or nothing in it.
    """
    head = first_bytes(file, source_name(file))
    return head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-")


def document_pages(
    file: str | Path | bytes, dpi: float | None = None, name: str = ""
) -> list[DocumentPage]:
    """The pages of a PDF, the frames of a TIFF, or the one page of any other picture.

    Raises:
        ImageError: when the file cannot be opened, or is a PDF and pypdfium2 is not installed.
    """
    file = Path(file) if isinstance(file, str) else file
    name = name or source_name(file)
    first_bytes(file, name)  # missing or empty: said with this name
    if is_pdf(file):
        count = pdf.page_count(file, name)
    else:
        with open_image(file, name) as image, naming(name):
            count = _frames(image)
    return [DocumentPage(file, index, dpi, name, count) for index in range(count)]


def _frames(image: Image.Image) -> int:
    """Pages of a TIFF; of a film strip (GIF) or a stereo pair (MPO) only the first frame is the picture."""
    return getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
