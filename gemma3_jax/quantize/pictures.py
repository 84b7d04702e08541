"""What ranges are measured on: the bundled pictures, drawn scenes, and pictures of the user's or of the public sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from gemma3_jax.imaging.load import load_image

EXAMPLES = Path(__file__).parent.parent / "examples"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


def bundled() -> Iterator[np.ndarray]:
    """The pictures in the package, RGB uint8 `[h, w, 3]`."""
    return loaded(sorted(EXAMPLES.glob("*.jpg")))


def in_folders(folders: Sequence[Path], most: int) -> list[Path]:
    """At most `most` pictures of each folder and the folders in it, evenly spread over their names in order.

    Raises:
        ValueError: naming a folder without pictures.
    """
    found = []
    for folder in folders:
        paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
        if not paths:
            raise ValueError(f"{folder} holds no picture ({' '.join(SUFFIXES)})")
        found += spread(paths, most)
    return found


def of_public_sets(data: Path, most: int) -> list[Path]:
    """At most `most` pictures of the training part of each public set that is in `data` (docs/datasets.md).

    Raises:
        FileNotFoundError: when there is none of them.
    """
    from gemma3_jax.data.corpora import SCENE_SETS

    found = []
    for read in SCENE_SETS.values():
        try:
            samples = read(data, "train")
        except FileNotFoundError:
            continue  # whoever has some of the sets may use them
        found += spread([sample.image_path for sample in samples], most)
    if not found:
        raise FileNotFoundError(f"{data} holds none of the public sets {', '.join(SCENE_SETS)}")
    return found


def spread(paths: Sequence[Path], most: int) -> list[Path]:
    """At most `most` of them at equal distances, the first included."""
    return list(paths[:: max(1, -(-len(paths) // most))][:most])


def loaded(paths: Iterable[Path]) -> Iterator[np.ndarray]:
    """The pictures, RGB uint8 `[h, w, 3]`, read when they are asked for.

    Raises:
        ImageError: naming a file that is none.
    """
    return (load_image(str(path)) for path in paths)


def drawn(count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Scenes as training draws them, from the installed fonts (or from Pillow's own), RGB uint8 `[h, w, 3]`."""
    import jax

    from gemma3_jax.commands.cache import cache_folder
    from gemma3_jax.data.atlas_cache import load_atlas
    from gemma3_jax.data.backgrounds import procedural_backgrounds
    from gemma3_jax.data.drawn_scenes import draw_scenes
    from gemma3_jax.data.lexicon import load_lexicon
    from gemma3_jax.data.synthetic import prepare

    atlas = load_atlas(cache=cache_folder() / "atlas.npz")
    studio = prepare(atlas, load_lexicon(None), procedural_backgrounds())
    draw = jax.jit(lambda start: draw_scenes(jax.random.key(seed), studio, batch=1, start=start))
    return chain.from_iterable(np.asarray(draw(i).images) for i in range(count))
