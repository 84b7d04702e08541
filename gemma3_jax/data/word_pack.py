"""Word pictures as arrays: the pack that trainers draw from, joined, saved and loaded."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True)
class WordPack:
    """`m` word pictures on one canvas, their labels and where they come from.

    `images` uint8 [m, 32, 128, 3]; `widths` int32 [m], canvas pixels that hold picture (the rest
    repeats the last column); `labels` int32 [m, 25] charset ids, zero-padded; `corpus` int8 [m],
    index into `names`; `dropped` counts by reason.
    """

    images: np.ndarray
    widths: np.ndarray
    labels: np.ndarray
    corpus: np.ndarray
    names: tuple[str, ...] = ("",)
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def weights(self, per_corpus: dict[str, float]) -> np.ndarray:
        """Sampling probabilities float64 [m]: `per_corpus` is the weight of one word (default 1).

        Raises:
            ValueError: when a name is not a corpus of this pack, or every weight is zero.
        """
        if unknown := sorted(set(per_corpus) - set(self.names)):
            raise ValueError(f"pack has no corpus {unknown}: it holds {list(self.names)}")
        weights = np.asarray([per_corpus.get(name, 1.0) for name in self.names])[self.corpus]
        if not weights.sum() > 0:
            raise ValueError(f"all weights are zero: {per_corpus}; give one corpus a weight")
        return weights / weights.sum()


def join_packs(packs: Sequence[WordPack]) -> WordPack:
    """One pack of several; the names stay apart, `dropped` is counted as `name: reason`."""
    names: list[str] = []
    corpora = []
    for pack in packs:
        corpora.append(pack.corpus + len(names))
        names.extend(pack.names)
    dropped = {f"{p.names[0]}: {why}": count for p in packs for why, count in p.dropped.items()}
    return WordPack(
        images=np.concatenate([pack.images for pack in packs]),
        widths=np.concatenate([pack.widths for pack in packs]),
        labels=np.concatenate([pack.labels for pack in packs]),
        corpus=np.concatenate(corpora).astype(np.int8),
        names=tuple(names),
        dropped=dropped,
    )


def save_pack(pack: WordPack, path: str | Path, quality: int | None = None) -> None:
    """Write a pack as one npz file, folders included; a reader never sees half of it.

    Pictures are kept exactly, or as WebP of `quality` (1..100) where the file has to travel: at 75
    it is a sixth of the size.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {name: getattr(pack, name) for name in ("widths", "labels", "corpus")}
    dropped = [f"{why}\t{count}" for why, count in pack.dropped.items()]
    if quality is None:
        fields["images"] = pack.images
    else:
        fields |= encode_pictures(pack.images, quality)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:  # a file object: savez would append .npz to a bare name
        np.savez_compressed(
            file, names=np.asarray(pack.names), dropped=np.asarray(dropped, np.str_), **fields
        )
    partial.replace(path)


def load_pack(path: str | Path) -> WordPack:
    """Read what `save_pack` wrote.

    Raises:
        FileNotFoundError: with the command that builds the pack.
    """
    path = Path(path)
    if not path.is_file():
        make = f"python -m gemma3_jax.data.real --data ../shared/data --out {path}"
        raise FileNotFoundError(f"{path} is not there: build it with `{make}`")
    with np.load(path) as file:
        fields = dict(file)
    dropped = [str(line).rsplit("\t", 1) for line in fields["dropped"]]
    return WordPack(
        images=decode_pictures(fields) if "webp" in fields else fields["images"],
        widths=fields["widths"],
        labels=fields["labels"],
        corpus=fields["corpus"],
        names=tuple(str(name) for name in fields["names"]),
        dropped={why: int(count) for why, count in dropped},
    )


def encode_pictures(images: np.ndarray, quality: int) -> dict[str, np.ndarray]:
    """Pictures uint8 [m, h, w, 3], each as a WebP of its own (in one, the codec smooths across them): entries for an npz."""
    files = [_encode(image, quality) for image in images]
    return {
        "webp": np.frombuffer(b"".join(files), np.uint8),
        "webp_bytes": np.asarray([len(file) for file in files], np.int64),
        "shape": np.asarray(images.shape, np.int64),
    }


def decode_pictures(fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """The pictures [m, h, w, 3] that `encode_pictures` wrote, nearly."""
    from PIL import Image

    count, height, width, channels = fields["shape"].tolist()
    images = np.empty((count, height, width, channels), np.uint8)
    files, ends = fields["webp"], np.cumsum(fields["webp_bytes"])
    for image, size, end in zip(images, fields["webp_bytes"], ends, strict=True):
        with Image.open(io.BytesIO(files[end - size : end].tobytes())) as picture:
            image[:] = np.asarray(picture)
    return images


def _encode(image: np.ndarray, quality: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()
