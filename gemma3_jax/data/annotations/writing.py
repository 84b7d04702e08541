"""What the writers share: pictures brought into the folder, numbers that read back as they were."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from gemma3_jax.data.corpora import Annotation, Sample
from gemma3_jax.imaging.load import load_image


def bring_pictures(
    samples: Iterable[Sample], folder: Path
) -> Iterator[tuple[Sample, tuple[int, int]]]:
    """Each sample with its picture in `folder` (copied there unless it is), and the picture's (width, height), px.

    Raises:
        ValueError: when two pictures would get the same name but for the suffix.
    """
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    stems: dict[str, str] = {}
    for sample in samples:
        source, target = sample.image_path, folder / sample.image_path.name
        if target.stem.lower() in stems:
            raise ValueError(
                f"{source} and {stems[target.stem.lower()]} would both be {target.stem}: rename one"
            )
        stems[target.stem.lower()] = str(source)
        pixels = load_image(source)
        if not isinstance(source, Path):  # a picture inside an LMDB
            Image.fromarray(pixels).save(target)
        elif source.resolve() != target.resolve():
            shutil.copyfile(source, target)
        yield Sample(target, sample.words), (pixels.shape[1], pixels.shape[0])


def upright_box(annotation: Annotation, picture: Path) -> np.ndarray:
    """left, top, right, bottom, float32 px, of a quad that is an upright rectangle.

    Raises:
        ValueError: naming the word when its quad is turned or slanted.
    """
    quad = annotation.quad
    (left, top), (right, bottom) = quad[0], quad[2]
    if not np.array_equal(quad, [[left, top], [right, top], [right, bottom], [left, bottom]]):
        raise ValueError(
            f"{picture.name}: the box of {annotation.text!r} is not upright: write icdar2015 instead"
        )
    return np.array([left, top, right, bottom], np.float32)


def one_line(text: str, picture: Path, forbidden: str = "\r\n") -> str:
    """`text`, if a line of a text file can hold it.

    Raises:
        ValueError: naming the text when it has a character of `forbidden` or spaces around it.
    """
    if set(text) & set(forbidden) or text != text.strip():
        raise ValueError(f"{picture.name}: a line cannot hold the text {text!r}")
    return text


def number(value: float) -> str:
    """The shortest decimal that reads back as the same float32."""
    return np.format_float_positional(np.float32(value), trim="-")
