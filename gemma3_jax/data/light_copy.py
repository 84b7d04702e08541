"""A copy of picture sets that is light enough to carry: the same files under the same names, pictures as WebP.

Annotations are copied as they are and pictures keep their size in pixels, so every reader of the sets reads the copy too
(Pillow goes by a file's content, not by its name).
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path

PICTURES = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"}
QUALITIES = (80, 70, 60, 50, 40, 30, 20, 10)  # WebP's, best first
SAMPLED = 40  # pictures that are encoded to foresee the size of all


def light_copy(source: Path, folders: Sequence[str], out: Path, budget: int) -> int:
    """Copy `folders` of `source` to `out` in at most `budget` bytes; returns the WebP quality that allows it.

    Raises:
        FileNotFoundError: naming a folder that is not there.
        ValueError: with both sizes, when the budget is too small even for the lowest quality.
    """
    if missing := [name for name in folders if not (source / name).is_dir()]:
        raise FileNotFoundError(f"{source} has no folder {', '.join(missing)}")
    files = sorted(path for name in folders for path in (source / name).rglob("*"))
    files = [path for path in files if path.is_file()]
    pictures = [path for path in files if path.suffix.lower() in PICTURES]
    others = [path for path in files if path.suffix.lower() not in PICTURES]
    quality = _best_quality(pictures, budget - sum(path.stat().st_size for path in others))
    for path in others:
        shutil.copyfile(path, _place(path, source, out))
    for path in pictures:
        _place(path, source, out).write_bytes(_webp(path, quality))
    return quality


def _best_quality(pictures: Sequence[Path], budget: int) -> int:
    some = [pictures[i * len(pictures) // SAMPLED] for i in range(min(SAMPLED, len(pictures)))]
    foreseen = 0.0
    for quality in QUALITIES:
        foreseen = sum(len(_webp(path, quality)) for path in some) / max(len(some), 1)
        foreseen *= len(pictures)
        if foreseen <= 0.95 * budget:  # a sample may err
            return quality
    raise ValueError(
        f"{len(pictures)} pictures take about {foreseen / 2**20:.0f} MiB at WebP quality {QUALITIES[-1]}, and "
        f"{budget / 2**20:.0f} MiB are left for them: give more, or copy fewer folders"
    )


def _webp(path: Path, quality: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()


def _place(path: Path, source: Path, out: Path) -> Path:
    place = out / path.relative_to(source)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
