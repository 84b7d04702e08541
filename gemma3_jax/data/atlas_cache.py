"""The glyph atlas in a file: built from the fonts that a machine has on first use, and carried to machines that have none."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.data import fonts
from gemma3_jax.data.glyphs import GlyphAtlas, build_atlas, builtin_atlas

FONT_FOLDERS = ("/usr/share/fonts", "/usr/share/texmf/fonts", "/usr/local/share/fonts", "~/.fonts")
FORMAT_VERSION = 5


def load_atlas(
    charset: Charset | None = None,
    *,
    cache: Path | None = None,
    folders: Iterable[str] = FONT_FOLDERS,
    max_fonts: int = 900,
) -> GlyphAtlas:
    """The cached atlas, built from the fonts under `folders` on first use; the built-in one where there are no fonts.

    The cache is `cache`, or `atlas_name` in $GEMMA3_CACHE, or in .cache/gemma3_jax under the working directory.

    Raises:
        ValueError: when a cache is there but was built for another charset, size or version, and no fonts to rebuild it.
    """
    charset = charset or Charset()
    folder = Path(os.environ.get("GEMMA3_CACHE", ".cache/gemma3_jax"))
    path = cache or folder / atlas_name(charset)
    if path.exists():
        with np.load(path) as saved:
            current = int(saved["version"]) == FORMAT_VERSION
            if (
                current
                and str(saved["charset"]) == charset.characters
                and int(saved["max_fonts"]) == max_fonts
            ):
                return GlyphAtlas(**{name: saved[name] for name in GlyphAtlas._fields})
    found = fonts.find_fonts(folders)
    if not found and path.exists():
        raise ValueError(
            f"{path} is of another charset, max_fonts or version, and no fonts are installed: build it anew where they are"
        )
    if not found:
        return builtin_atlas(charset)
    atlas = build_atlas(found, charset, max_fonts=max_fonts)
    save_atlas(atlas, path, charset, max_fonts)
    return atlas


def atlas_name(charset: Charset) -> str:
    """File name of the atlas of a charset: one for each, so that a run with another alphabet overwrites nothing."""
    if charset == Charset():
        return "atlas.npz"
    return f"atlas-{zlib.crc32(charset.characters.encode()):08x}.npz"


def save_atlas(atlas: GlyphAtlas, path: Path, charset: Charset, max_fonts: int = 900) -> None:
    """Write the atlas as compressed npz, whole or not at all (written beside, then renamed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.npz")
    note = {"version": FORMAT_VERSION, "charset": charset.characters, "max_fonts": max_fonts}
    np.savez_compressed(partial, **atlas._asdict(), **note)
    partial.replace(path)
