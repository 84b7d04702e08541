"""`gemma3-ocr synth`: a contact sheet of drawn words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax

from gemma3_jax.cli import UsageError
from gemma3_jax.data.backgrounds import procedural_backgrounds
from gemma3_jax.data.glyphs import load_atlas
from gemma3_jax.data.lexicon import load_lexicon
from gemma3_jax.data.sheet import contact_sheet
from gemma3_jax.data.synthetic import draw_strips, prepare
from gemma3_jax.writers.drawing import save

if TYPE_CHECKING:
    from gemma3_jax.cli import Synth


def synth(command: Synth) -> int:
    """Draw the sheet; its atlas is built from the installed fonts on first use and kept in the cache folder."""
    if not 1 <= command.count <= 4096:
        raise UsageError(f"synth: --count {command.count} must be in 1..4096")
    if not 0 <= command.difficulty <= 1:
        raise UsageError(f"synth: --difficulty {command.difficulty} must be in 0..1")
    from gemma3_jax.commands.cache import cache_folder

    atlas = load_atlas(cache=cache_folder() / "atlas.npz")
    studio = prepare(atlas, load_lexicon(command.wordlists), procedural_backgrounds())
    key = jax.random.key(command.seed)
    batch = draw_strips(key, studio, batch=command.count, difficulty=command.difficulty)
    save(contact_sheet(batch.images, batch.labels), command.sheet)
    print(f"{command.count} crops in {len(atlas.weights)} faces: {command.sheet}")
    return 0
