"""The pictures of a folder: which one a name in an annotation means, and how large it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from gemma3_jax.data.annotations.errors import AnnotationError
from gemma3_jax.imaging.load import open_image

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
EXIF_ORIENTATION, FIRST_TURNED = 0x0112, 5  # orientations 5..8 swap width and height


def is_picture_name(name: str) -> bool:
    """Whether a name ends as those of pictures do."""
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES


def picture_size(picture: Path) -> tuple[int, int]:
    """Width and height, px, of the upright picture (its EXIF orientation applied, as `load_image` does).

    Raises:
        ImageError: when it is no picture.
    """
    with open_image(picture) as image:
        width, height = image.size
        turned = image.getexif().get(EXIF_ORIENTATION, 1) >= FIRST_TURNED
    return (height, width) if turned else (width, height)


def check_size(picture: Path, noted: tuple[float, float], where: str) -> None:
    """Compare with the (width, height), px, that the annotator's tool noted; a zero means that it did not.

    Raises:
        AnnotationError: when they differ, because then all boxes are off.
    """
    found = picture_size(picture)
    if all(noted) and tuple(map(int, noted)) != found:
        what = (
            f"boxes were drawn on {noted[0]:.0f}x{noted[1]:.0f} px, but {picture.name} is "
            f"{found[0]}x{found[1]} px (upright): scaled or turned since?"
        )
        raise AnnotationError(where, what)


class Pictures:
    """The picture files among `files`. Names are looked up among them and so never lead out of the folder `root`."""

    def __init__(self, root: Path, files: Iterable[Path]) -> None:
        self.root = root
        self.files = [path for path in files if is_picture_name(path.name)]
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in self.files:
            self._by_name.setdefault(path.name.lower(), []).append(path)
            self._by_stem.setdefault(path.stem.lower(), []).append(path)

    def has_name(self, name: str) -> bool:
        """Whether a picture has this file name, in whatever subfolder."""
        return name.lower() in self._by_name

    def has_stem(self, stem: str) -> bool:
        """Whether a picture has this name and any suffix."""
        return stem.lower() in self._by_stem

    def find(self, name: str, annotation: Path) -> Path:
        """The picture that `annotation` calls `name`: a file name, or a path whose end is that of a file in the folder.

        Of several, the one beside the annotation or the one whose folders are most like the annotation's.

        Raises:
            AnnotationError: when the name leads out of the folder, or no picture or more than one is meant.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
            what = f"picture {name!r} lies outside the folder: only files inside it are read"
            raise AnnotationError(self._where(annotation), what)
        tail = [part.lower() for part in path.parts]
        found = [
            candidate
            for candidate in self._by_name.get(path.name.lower(), ())
            if [part.lower() for part in candidate.parts[-len(tail) :]] == tail
        ]
        return self._nearest(found, name, annotation)

    def find_stem(self, stem: str, annotation: Path) -> Path:
        """The picture called `stem` and any suffix; choice and errors as `find`."""
        return self._nearest(self._by_stem.get(stem.lower(), []), f"{stem}.*", annotation)

    def _nearest(self, found: list[Path], name: str, annotation: Path) -> Path:
        if not found:
            what = f"picture {name!r} is not in the folder"
            raise AnnotationError(self._where(annotation), what)
        best = [path for path in found if path.parent == annotation.parent]
        if len(best) != 1:
            own = set(annotation.parent.parts)
            alike = [len(own & set(path.parent.parts)) for path in found]
            best = [path for path, score in zip(found, alike, strict=True) if score == max(alike)]
        if len(best) > 1:
            several = ", ".join(self._where(path) for path in best[:3])
            what = f"picture {name!r} may be any of {several}: give them different names"
            raise AnnotationError(self._where(annotation), what)
        return best[0]

    def _where(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()
