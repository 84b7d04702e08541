"""What a training machine needs beside the code, built once into a cache folder that can be carried anywhere.

    python -m gemma3_jax.data.packs --data ../shared/data --cache .cache/gemma3_jax

writes atlas.npz (glyphs of the installed fonts), backgrounds.npz (textures, wallpapers and, where the data are, pieces of
ICDAR 2015 TRAINING photographs 1..900 clear of their words), words_train.npz and words_val.npz.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gemma3_jax.data import backgrounds
from gemma3_jax.data.atlas_cache import load_atlas
from gemma3_jax.data.word_pack import decode_pictures, encode_pictures

TRAINING_PHOTOGRAPHS = 900  # img_901..1000 are the validation part (splits.json)
PROCEDURAL, WALLPAPER, STREET = 160, 240, 600


def load_backgrounds(path: Path, data: Path | None = None) -> np.ndarray:
    """Patches uint8 [m, 64, 256, 3] from the cache file, built there first when it is missing."""
    if not path.exists():
        save_backgrounds(path, build_backgrounds(data))
    with np.load(path) as saved:
        return saved["patches"] if "patches" in saved else decode_pictures(saved)


def save_backgrounds(path: Path, patches: np.ndarray, quality: int | None = None) -> None:
    """Write patches exactly, or as WebP of `quality` (1..100), a tenth of the size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if quality is None:
        np.savez_compressed(path, patches=patches)
    else:
        np.savez_compressed(path, allow_pickle=False, **encode_pictures(patches, quality))


def build_backgrounds(data: Path | None) -> np.ndarray:
    """Textures always; wallpapers and street photographs where they are installed or at hand."""
    parts = [backgrounds.procedural_backgrounds(PROCEDURAL)]
    if wallpapers := backgrounds.find_wallpapers():
        parts.append(backgrounds.photo_backgrounds(wallpapers, WALLPAPER))
    folder = (data or Path()) / "icdar2015"
    photographs = [
        folder / "ch4_training_images" / f"img_{i}.jpg" for i in range(1, TRAINING_PHOTOGRAPHS + 1)
    ]
    if photographs[0].exists():
        boxes = backgrounds.icdar_boxes(folder / "ch4_training_localization_transcription_gt")
        parts.append(backgrounds.photo_backgrounds(photographs, STREET, boxes=boxes))
    return np.concatenate(parts)


def main(data: Path = Path("../shared/data"), cache: Path = Path(".cache/gemma3_jax")) -> None:
    """Build every pack that `data` and the installed fonts allow."""
    atlas = load_atlas(cache=cache / "atlas.npz")
    print(f"atlas.npz: {len(atlas.weights)} faces")
    print(f"backgrounds.npz: {len(load_backgrounds(cache / 'backgrounds.npz', data))} patches")
    if data.exists():
        from gemma3_jax.data.real import build_real_pack

        for split in ("train", "val"):
            pack = build_real_pack(data, cache / f"words_{split}.npz", split)
            print(f"words_{split}.npz: {len(pack)} words of {pack.names}, dropped {pack.dropped}")


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
