"""Pictures without text to write on: pieces of photographs, and textures made of noise when there are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

PATCH_HEIGHT, PATCH_WIDTH = 64, 256
WALLPAPERS = ("/usr/share/backgrounds", "/usr/share/wallpapers")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def procedural_backgrounds(count: int = 96, seed: int = 0) -> np.ndarray:
    """Textures [count, 64, 256, 3] uint8: noise of several octaves, stripes, tiles, bricks, blobs in 2 or 3 colours."""
    rng = np.random.default_rng(seed)
    return np.stack([_texture(rng) for _ in range(count)])


def photo_backgrounds(
    photos: Iterable[Path],
    count: int,
    seed: int = 0,
    boxes: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> np.ndarray:
    """Pieces of photographs [<= count, 64, 256, 3] uint8 at random scales.

    boxes: file name -> quads [4, 2] of words in that photograph; pieces keep clear of them.

    Raises:
        FileNotFoundError: when there is no photograph at all.
    """
    rng = np.random.default_rng(seed)
    paths = sorted(photos)
    if not paths:
        raise FileNotFoundError(
            "no photographs to cut backgrounds from: use procedural_backgrounds()"
        )
    pieces: list[np.ndarray] = []
    each = -(-count // len(paths))
    for path in paths:
        image = Image.open(path).convert("RGB")
        if image.width > 2000:
            image = image.resize((1920, image.height * 1920 // image.width), Image.Resampling.BOX)
        for _ in range(each):
            piece = _piece(rng, image, (boxes or {}).get(path.name, ()))
            if piece is not None:
                pieces.append(piece)
    return np.stack([pieces[i] for i in rng.permutation(len(pieces))[:count]])


def icdar_boxes(folder: Path) -> dict[str, list[np.ndarray]]:
    """Word quads of ICDAR 2015 localisation files gt_img_N.txt, by photograph name (img_N.jpg)."""
    found: dict[str, list[np.ndarray]] = {}
    for path in folder.glob("gt_img_*.txt"):
        lines = path.read_text("utf-8-sig").splitlines()
        quads = [
            np.array(line.split(",")[:8], float).reshape(4, 2) for line in lines if line.strip()
        ]
        found[path.name.removeprefix("gt_").replace(".txt", ".jpg")] = quads
    return found


def find_wallpapers(folders: Iterable[str] = WALLPAPERS) -> list[Path]:
    """Pictures that Debian's wallpaper packages installed."""
    return [
        p
        for folder in folders
        for p in sorted(Path(folder).rglob("*"))
        if p.suffix.lower() in _SUFFIXES
    ]


def _piece(
    rng: np.random.Generator, image: Image.Image, quads: Sequence[np.ndarray]
) -> np.ndarray | None:
    """A random cut, 0.5 to 3 photo pixels per background pixel; None when every try meets a word."""
    for _ in range(12):
        scale = min(
            2.0 ** rng.uniform(-1, 1.6), image.width / PATCH_WIDTH, image.height / PATCH_HEIGHT
        )
        width, height = PATCH_WIDTH * scale, PATCH_HEIGHT * scale
        x, y = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
        free = all(
            q[:, 0].max() < x
            or q[:, 0].min() > x + width
            or q[:, 1].max() < y
            or q[:, 1].min() > y + height
            for q in quads
        )
        if free:
            box = (x, y, x + width, y + height)
            piece = np.asarray(
                image.resize(
                    (PATCH_WIDTH, PATCH_HEIGHT), Image.Resampling.BILINEAR, box, reducing_gap=2.0
                )
            )
            return piece[:, ::-1] if rng.random() < 0.5 else piece
    return None


def _noise(rng: np.random.Generator, cell: float) -> np.ndarray:
    """Smooth noise 0..1 [64, 256] with features of about `cell` px."""
    shape = (max(2, round(PATCH_WIDTH / cell)), max(2, round(PATCH_HEIGHT / cell)))
    small = Image.fromarray(rng.random((shape[1], shape[0])).astype(np.float32))
    return np.asarray(small.resize((PATCH_WIDTH, PATCH_HEIGHT), Image.Resampling.BICUBIC))


def _texture(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0:PATCH_HEIGHT, 0:PATCH_WIDTH].astype(np.float32)
    cells = rng.choice([2, 4, 8, 16, 32, 64], 3, replace=False)
    octaves = np.sum([_noise(rng, cell) * cell**0.5 for cell in cells], axis=0)
    octaves = (octaves - octaves.min()) / np.ptp(octaves)
    angle, period = rng.uniform(0, np.pi), 2.0 ** rng.uniform(1.5, 5.5)
    wave = np.sin(
        (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period
        + octaves * rng.choice([0, 0, 2, 8])
    )
    brick = ((x + (y // period % 2) * period) % (2 * period) < 1.5) | (y % period < 1.5)
    shapes = [
        octaves,
        wave > 0,
        (wave + 1) / 2,
        brick,
        octaves > 0.5,
        ((x // period + y // period) % 2),
    ]
    mask = np.asarray(shapes[rng.choice(6, p=[0.4, 0.12, 0.12, 0.12, 0.16, 0.08])], np.float32)[
        ..., None
    ]
    first, second = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    if rng.random() < 0.6:
        second = first + rng.normal(0, 30, 3)
    grain = rng.normal(0, rng.choice([0, 3, 10]), (PATCH_HEIGHT, PATCH_WIDTH, 1)) + 25 * (
        octaves[..., None] - 0.5
    )
    return np.clip(first * (1 - mask) + second * mask + grain, 0, 255).astype(np.uint8)
