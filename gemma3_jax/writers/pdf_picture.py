"""A picture as a PDF page holds it: a JPEG as it is, byte for byte; anything else pixel for pixel."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from gemma3_jax.imaging.documents import DocumentPage
from gemma3_jax.imaging.load import Encoded, load_image, open_image, source_name

ASSUMED_DPI = 150.0  # of a picture that does not say
LEAST_DPI = 90.0  # 72 and less is what programs write that do not know
MOST_POINTS = 14_400.0  # longest side of a page (ISO 32000-1, annex C)
SPACES = {"1": "/DeviceGray", "L": "/DeviceGray", "RGB": "/DeviceRGB"}


class Picture(NamedTuple):
    """The data of a PDF image with its dictionary, and how to show it."""

    data: bytes
    entries: dict[str, Any]
    orientation: int  # EXIF: how the data is turned
    dpi: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px, as it is shown."""
        stored = self.entries["/Width"], self.entries["/Height"]
        return stored[::-1] if self.orientation in (5, 6, 7, 8) else stored


def picture_of(source: Any) -> Picture:
    """The stored form of any source that can be read, other than a PDF page.

    Raises:
        ImageError: when the source cannot be opened (again).
    """
    encoded = source.file if isinstance(source, DocumentPage) else source
    dpi = ASSUMED_DPI
    if isinstance(encoded, Encoded):
        with open_image(encoded, source_name(source)) as image:
            dpi = float(image.info.get("dpi", (0, 0))[0])
            if image.format == "JPEG" and image.mode in ("L", "RGB"):
                orientation = image.getexif().get(0x0112, 1)
                entries = _entries(image, "/DCTDecode")
                return Picture(_bytes(encoded), entries, orientation, _usable(dpi))
    return _lossless(load_image(source), _usable(dpi))


def page_size(width: int, height: int, dpi: float) -> tuple[float, float]:
    """Points of a page that shows `width` x `height` pixels at `dpi`, no side longer than PDF allows."""
    scale = min(72 / dpi, MOST_POINTS / max(width, height))
    return width * scale, height * scale


def _usable(dpi: float) -> float:
    return dpi if dpi >= LEAST_DPI else ASSUMED_DPI


def _bytes(encoded: Encoded) -> bytes:
    if isinstance(encoded, (bytes, bytearray, memoryview)):
        return bytes(encoded)
    with open(encoded, "rb") as file:
        return file.read()


def _lossless(pixels: np.ndarray, dpi: float) -> Picture:
    """PNG's own compressed rows: PDF reads them with the same predictors (ISO 32000-1, 7.4.4.4)."""
    image = Image.fromarray(pixels)
    if (pixels == pixels[..., :1]).all():
        image = image.convert("L")
        if np.isin(pixels, (0, 255)).all():
            image = image.convert("1")
    entries = _entries(image, "/FlateDecode")
    if (
        image.mode == "1"
    ):  # without PNG's filters, which do little for it and which pypdf 7.1 undoes wrongly
        return Picture(zlib.compress(image.tobytes()), entries, 1, dpi)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    entries["/DecodeParms"] = {
        "/Predictor": 15,
        "/Colors": len(image.getbands()),
        "/BitsPerComponent": 8,
        "/Columns": image.width,
    }
    return Picture(_png_rows(stream.getvalue()), entries, 1, dpi)


def _entries(image: Image.Image, compression: str) -> dict[str, Any]:
    return {
        "/Type": "/XObject",
        "/Subtype": "/Image",
        "/Width": image.width,
        "/Height": image.height,
        "/ColorSpace": SPACES[image.mode],
        "/BitsPerComponent": 1 if image.mode == "1" else 8,
        "/Filter": compression,
    }


def _png_rows(png: bytes) -> bytes:
    """The IDAT chunks of a PNG, joined."""
    rows, place = b"", 8
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        if kind == b"IDAT":
            rows += png[place + 8 : place + 8 + length]
        place += length + 12
    return rows
