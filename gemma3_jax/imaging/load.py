"""Whatever a person calls a picture, as upright RGB: one array, or one error that names the file and the reason."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from gemma3_jax.imaging.pixels import from_array, to_rgb

MAX_PIXELS = 178_956_970  # Pillow's own limit: more is taken for a decompression bomb
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    RuntimeError,
    TypeError,  # this and the next two: TIFF headers that are cut off
    KeyError,
    IndexError,
    struct.error,
)  # what decoders raise
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")

Encoded = str | Path | bytes | bytearray | memoryview
Source = Any  # str | Path | bytes | PIL.Image.Image | numpy.ndarray | DocumentPage


class ImageError(ValueError):
    """A picture that cannot be read. `str(error)` names the source and the reason."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source, self.reason = source, reason


def source_name(source: Source) -> str:
    """How messages call a source: its path, or what it is."""
    if isinstance(source, (str, Path)):
        return str(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"<{len(source)} bytes>"
    if isinstance(source, Image.Image):
        return getattr(source, "filename", "") or f"<{source.mode} picture>"
    if isinstance(source, np.ndarray):
        return f"<array {'x'.join(map(str, source.shape))} {source.dtype}>"
    return str(source)


def load_image(source: Source) -> np.ndarray:
    """uint8 RGB `[h, w, 3]` of a path, encoded bytes, PIL image, array (HW, HWC, grey, RGB or RGBA) or document page.

    The EXIF orientation is applied; transparency is laid over white (over black when all that shows is nearly white);
    16-bit, float, palette and CMYK pictures are converted; of an animation or a multi-page file the first frame is taken.

    Raises:
        ImageError: missing, a directory, empty, not an image, truncated, too many pixels, or no pixels at all.
        TypeError: when the source is none of the above.
    """
    name = source_name(source)
    if isinstance(source, np.ndarray):
        with naming(name):
            return from_array(source)
    if isinstance(source, Image.Image):
        with naming(name):
            return decode(source)
    if hasattr(source, "load_page"):
        return source.load_page()
    with open_image(source) as image, naming(name):
        return decode(image)


def open_image(source: Encoded, name: str = "") -> Image.Image:
    """The still undecoded PIL image of a path or of encoded bytes; close it after use.

    Raises:
        ImageError: as `load_image`, as far as the header tells. TypeError: when the source is no path and no bytes.
    """
    name = name or source_name(source)
    if not isinstance(source, Encoded):
        raise TypeError(
            f"cannot read a {type(source).__name__}: give a path, bytes, a PIL image or a numpy array"
        )
    head = first_bytes(source, name)
    with naming(name):
        try:
            return Image.open(_stream(source))
        except UnidentifiedImageError:
            if head[4:8] != b"ftyp" or head[8:12] not in HEIF_BRANDS:
                raise ImageError(name, _not_an_image(head)) from None
        _register_heif(name)
        return Image.open(_stream(source))


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """What a decoder says of a broken file becomes one `ImageError` that names it."""
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(name, _not_an_image(b"")) from None
    except Image.DecompressionBombError:
        reason = f"more than {MAX_PIXELS / 1e6:.0f} megapixels: scale it down"
        raise ImageError(name, reason) from None
    except BROKEN as error:
        reason = one_line(error)
        if "truncated" in reason or isinstance(error, EOFError):
            reason = f"truncated, the end of the file is missing ({reason})"
        raise ImageError(name, reason) from error


def decode(image: Image.Image) -> np.ndarray:
    """uint8 RGB `[h, w, 3]`, upright, of an open PIL image. Raises what Pillow does: call it inside `naming`."""
    if 0 in image.size:
        raise ValueError(f"has no pixels ({image.width}x{image.height})")
    image.load()
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    return to_rgb(ImageOps.exif_transpose(image) if turned else image)  # it would copy the others


def first_bytes(source: Encoded, name: str, count: int = 64) -> bytes:
    """How a file or encoded bytes begin.

    Raises:
        ImageError: missing, a directory, empty, or not to be read.
    """
    if not isinstance(source, (str, Path)):
        if not len(source):
            raise ImageError(name, "empty (0 bytes)")
        return bytes(source[:count])
    try:
        with Path(source).open("rb") as file:
            head = file.read(count)
    except IsADirectoryError:
        raise ImageError(name, "is a directory: name the pictures in it") from None
    except FileNotFoundError:
        raise ImageError(name, "no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise ImageError(name, one_line(error)) from None
    if not head:
        raise ImageError(name, "empty file (0 bytes)")
    return head


def one_line(error: Exception) -> str:
    """What an exception says, without line breaks."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


def _stream(source: Encoded) -> Any:
    return source if isinstance(source, (str, Path)) else io.BytesIO(source)


def _not_an_image(head: bytes) -> str:
    if head.startswith(b"%PDF-"):
        return "is a PDF: use read_document"
    if head[4:8] == b"ftyp" and head[8:12] in AVIF_BRANDS:
        return "is AVIF, which this Pillow was built without: pip install --upgrade pillow"
    return "not an image, or damaged in its first bytes"


def _register_heif(name: str) -> None:
    try:
        import pillow_heif
    except ImportError:
        reason = 'is HEIC: pip install "gemma3_jax[heic]" to read it'
        raise ImageError(name, reason) from None
    pillow_heif.register_heif_opener()
