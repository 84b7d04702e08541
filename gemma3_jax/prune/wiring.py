"""Which channels belong together: what surgery must cut at the same places.

Maps that are added share their channels, and so do all arrays that read or write them; such a set is a group (Li et al. 2017,
section 3.3). An axis of an array is a row of groups: `("stem", "neck")` where two maps are joined, `("strip1",) * 4` where
four rows of a strip lie behind one another, `()` where nothing is ever cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict

from gemma3_jax.config import ModelConfig

Axis = tuple[str, ...]
Path = tuple[str, ...]
WHOLE: Axis = ()
STRIP_SHRINKS = 4  # times fewer rows where a strip's rows are collapsed into one


def group_sizes(config: ModelConfig) -> dict[str, int]:
    """Channels of every group of a model."""
    sizes = {"stem": config.stem_width, "neck": config.neck_width, "embed": config.embed}
    sizes |= {f"stage{i}": width for i, width in enumerate(config.stage_widths, 1)}
    sizes |= {f"strip{i}": width for i, width in enumerate(config.strip_widths)}
    for i in range(config.attention_depth):
        sizes |= {f"heads{i}": config.embed, f"hidden{i}": config.mlp_ratio * config.embed}
    return sizes


def axes_of(path: Path, config: ModelConfig) -> tuple[Axis, ...]:
    """The last one or two axes of the array at `path`, which is of parameters or of BatchNorm's statistics.

    Raises:
        KeyError: for a path that no model has.
    """
    room, module, *leaf = path
    if room == "recognizer" and module.startswith("attention"):
        return _attention(int(module.removeprefix("attention")), leaf)
    if module == "head_norm":
        return (("embed",),)
    read, written = _module(room, module.removesuffix("_norm"), config)
    part = leaf[0].removesuffix("_norm")
    if part in ("depthwise_stem", "depthwise_fused"):
        return ((read[part == "depthwise_fused"],),)
    if part == "depthwise":
        return (read,)
    return (read, written) if leaf[-1] == "kernel" else (written,)


def _module(room: str, module: str, config: ModelConfig) -> tuple[Axis, Axis]:
    """What a module reads and what it writes."""
    block = re.fullmatch(r"stage(\d)_block(\d)", module)
    if room == "backbone" and block:
        stage, place = int(block[1]), int(block[2])
        own = (f"stage{stage}",)
        return own if place else (f"stage{stage - 1}",) if stage > 1 else ("stem",), own
    if room == "recognizer" and block:
        stage, place = int(block[1]), int(block[2])
        own = (f"strip{stage}",)
        return own if place else ("strip0",) if stage else ("stem", "neck"), own
    if room == "neck" and module.startswith("lateral"):
        return (f"stage{module.removeprefix('lateral')}",), ("neck",)
    if (room, module[:-1]) in (("neck", "smooth"), ("detector", "block")):
        return ("neck",), ("neck",)
    rows = config.strip_rows // STRIP_SHRINKS
    return {
        "backbone/stem": (WHOLE, ("stem",)),
        "detector/centre": (("neck",), WHOLE),
        "detector/corners": (("neck",), WHOLE),
        "recognizer/collapse": (("strip1",) * rows, ("embed",)),
        "recognizer/head": (("embed",), WHOLE),
    }[f"{room}/{module}"]


def _attention(i: int, leaf: Sequence[str]) -> tuple[Axis, ...]:
    embed, heads, hidden = ("embed",), (f"heads{i}",), (f"hidden{i}",)
    products = {
        "qkv": (embed, heads * 3),
        "out": (heads, embed),
        "expand": (embed, hidden),
        "contract": (hidden, embed),
    }
    if leaf[0] in products:
        read, written = products[leaf[0]]
        return (read, written) if leaf[-1] == "kernel" else (written,)
    return (embed,)


def places(axis: Axis, kept: dict[str, np.ndarray], sizes: dict[str, int]) -> np.ndarray:
    """Indices along an axis of what stays, where `kept[group]` are the channels that stay."""
    starts = np.cumsum([0, *(sizes[group] for group in axis)])
    return np.concatenate([s + kept[g] for s, g in zip(starts[:-1], axis, strict=True)])


def by_path(tree: Any) -> dict[Path, Any]:
    """The arrays of a tree of dicts."""
    flat: Any = flatten_dict(tree)
    return flat
