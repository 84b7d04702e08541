"""Word crops in an LMDB (data.mdb) with the keys num-samples, image-%09d and label-%09d, counted from 1.

What create_lmdb_dataset.py of clova's deep-text-recognition-benchmark writes, and PARSeq's training sets are. Needs the
package lmdb.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from gemma3_jax.data.annotations.errors import AnnotationError
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.words import whole_picture
from gemma3_jax.data.corpora import Sample
from gemma3_jax.imaging.load import ImageError, load_image, open_image

LAYOUT = "data.mdb (LMDB of crops: clova, PARSeq)"


@dataclasses.dataclass(frozen=True)
class LmdbPicture:
    """A picture inside an LMDB: `load_image` opens it as it does a path, and it can be sent to another process."""

    database: Path
    index: int

    @property
    def name(self) -> str:
        """A file name for it; crops are JPEG or PNG in there, PNG loses nothing."""
        return f"{self.database.name}-{self.index:09d}.png"

    def __str__(self) -> str:
        return f"{self.database}[{self.index}]"

    def encoded(self) -> bytes:
        """The picture as it is stored.

        Raises:
            ImageError: when the database has no such entry.
        """
        data = _get(self.database, f"image-{self.index:09d}")
        if data is None:
            raise ImageError(str(self), "not in the database")
        return data

    def load_page(self) -> np.ndarray:
        """uint8 RGB [h, w, 3]; errors as `load_image`."""
        return load_image(self.encoded())


def matches(folder: Folder) -> bool:
    """Whether there is a data.mdb."""
    return bool(folder.named("data.mdb"))


def read(folder: Folder) -> Iterator[Sample]:
    """The crop of each entry; `image_path` is an LmdbPicture.

    Raises:
        ModuleNotFoundError: when lmdb is not installed.
    """
    for file in folder.named("data.mdb"):
        count = int(_get(file.parent, "num-samples") or 0)
        entries = (LmdbPicture(file.parent, i + 1) for i in range(count))
        yield from folder.collect(entries, _sample)


def _sample(picture: LmdbPicture) -> Sample:
    label = _get(picture.database, f"label-{picture.index:09d}")
    if label is None:
        raise AnnotationError(str(picture), "has no label")
    try:
        text = label.decode()
        with open_image(picture.encoded()) as image:
            size = image.size
    except ValueError as error:  # UnicodeDecodeError and ImageError
        raise AnnotationError(str(picture), str(error)) from error
    return Sample(cast(Path, picture), [whole_picture(size, text)])


def _get(database: Path, key: str) -> bytes | None:
    with _environment(database).begin() as transaction:
        return transaction.get(key.encode())


@functools.lru_cache(maxsize=16)
def _environment(database: Path) -> Any:
    try:
        import lmdb
    except ModuleNotFoundError as error:
        what = f"{database} is an LMDB: reading it needs the package lmdb (pip install lmdb)"
        raise ModuleNotFoundError(what, name="lmdb") from error
    return lmdb.open(str(database), readonly=True, lock=False, readahead=False, meminit=False)
