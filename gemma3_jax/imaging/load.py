"""Whatever a person calls a picture, as upright RGB: one array, or one error that names the file and the reason."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gemma3_jax.imaging.pixels import from_array, to_rgb

MAX_PIXELS = 178_956_970  # Pillow's own limit: more is taken for a decompression bomb

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
        return _named(name, from_array, source)
    if isinstance(source, Image.Image):
        return _named(name, _decode, source)
    if hasattr(source, "load_page"):
        return source.load_page()
    with open_image(source) as image:
        return _named(name, _decode, image)


def open_image(source: str | Path | bytes) -> Image.Image:
    """The still undecoded PIL image of a path or of encoded bytes; close it after use.

    Raises:
        ImageError: as `load_image`, as far as the header tells. TypeError: when the source is no path and no bytes.
    """
    name = source_name(source)
    if not isinstance(source, (str, Path, bytes, bytearray, memoryview)):
        raise TypeError(
            f"cannot read a {type(source).__name__}: give a path, bytes, a PIL image or a numpy array"
        )
    _check_there(source, name)
    stream = source if isinstance(source, (str, Path)) else io.BytesIO(source)
    try:
        image = Image.open(stream)
    except UnidentifiedImageError:
        raise ImageError(name, _not_an_image(source)) from None
    except Image.DecompressionBombError:
        raise ImageError(
            name, f"more than {MAX_PIXELS / 1e6:.0f} megapixels: scale it down"
        ) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(name, f"cannot be opened ({_one_line(error)})") from error
    return image


def _check_there(source: str | Path | bytes, name: str) -> None:
    if not isinstance(source, (str, Path)):
        if not len(source):
            raise ImageError(name, "empty (0 bytes)")
        return
    try:
        size = Path(source).stat().st_size
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        missing = isinstance(error, FileNotFoundError)
        raise ImageError(name, "no such file" if missing else _one_line(error)) from None
    if Path(source).is_dir():
        raise ImageError(name, "is a directory: name the pictures in it")
    if not size:
        raise ImageError(name, "empty file (0 bytes)")


def _not_an_image(source: str | Path | bytes) -> str:
    if isinstance(source, (str, Path)):
        with Path(source).open("rb") as file:
            head = file.read(5)
    else:
        head = bytes(source[:5])
    if head == b"%PDF-":
        return "is a PDF: use read_document"
    return "not an image, or damaged in its first bytes"


def _decode(image: Image.Image) -> np.ndarray:
    if 0 in image.size:
        raise ValueError(f"has no pixels ({image.width}x{image.height})")
    image.load()
    return to_rgb(ImageOps.exif_transpose(image))


def _named(name: str, convert: Any, picture: Any) -> np.ndarray:
    """Run a conversion; what Pillow says of a broken file becomes one clear line that names the file."""
    try:
        return convert(picture)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = _one_line(error)
        if "truncated" in reason or isinstance(error, EOFError):
            reason = f"truncated, the end of the file is missing ({reason})"
        raise ImageError(name, reason) from error


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
