"""`gemma3-ocr synth`: a contact sheet of drawn words or scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from PIL import Image

from gemma3_jax.cli import UsageError
from gemma3_jax.data.atlas_cache import load_atlas
from gemma3_jax.data.backgrounds import procedural_backgrounds
from gemma3_jax.data.drawn_scenes import draw_scenes
from gemma3_jax.data.lexicon import load_lexicon
from gemma3_jax.data.packs import load_backgrounds
from gemma3_jax.data.sheet import contact_sheet
from gemma3_jax.data.synthetic import draw_strips, prepare
from gemma3_jax.types import Batch
from gemma3_jax.writers.drawing import save

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import Synth

AT_ONCE = 4  # scenes drawn by one call: pictures of 320 px need room


def synth(command: Synth) -> int:
    """Draw the sheet; its atlas is built from the installed fonts on first use and kept in the cache folder."""
    count = command.count if command.count is not None else 16 if command.scenes else 64
    most = 256 if command.scenes else 4096
    if not 1 <= count <= most:
        raise UsageError(f"synth: --count {count} must be in 1..{most}")
    if not 0 <= command.difficulty <= 1:
        raise UsageError(f"synth: --difficulty {command.difficulty} must be in 0..1")
    from gemma3_jax.commands.cache import cache_folder

    atlas = load_atlas(cache=cache_folder() / "atlas.npz")
    photographs = cache_folder() / "backgrounds.npz"
    patches = load_backgrounds(photographs) if photographs.exists() else procedural_backgrounds()
    studio = prepare(atlas, load_lexicon(command.wordlists), patches)
    key = jax.random.key(command.seed)
    if command.scenes:
        sheet = _scenes(key, studio, count, command.difficulty)
    else:
        batch = draw_strips(key, studio, batch=count, difficulty=command.difficulty)
        sheet = contact_sheet(batch.images, batch.labels)
    save(sheet, command.sheet)
    what = "scenes" if command.scenes else "crops"
    print(f"{count} {what} in {len(atlas.weights)} faces: {command.sheet}")
    return 0


def _scenes(key: Any, studio: Any, count: int, difficulty: float) -> Image.Image:
    """Scenes four abreast, words in red, their number below."""
    draw = jax.jit(
        lambda start, studio: draw_scenes(
            key, studio, batch=AT_ONCE, start=start, difficulty=difficulty
        )
    )
    parts = [jax.tree.map(np.asarray, draw(at, studio)) for at in range(0, count, AT_ONCE)]
    batch = Batch(*(np.concatenate(field)[:count] for field in zip(*parts, strict=True)))
    notes = [
        f"{valid.sum()} words, {ignore.sum()} of them not to be read"
        for valid, ignore in zip(batch.valid, batch.ignore, strict=True)
    ]
    return contact_sheet(batch.images, notes, columns=4, scale=1, quads=batch.quads)
