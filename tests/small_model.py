"""A network small enough to compile in a test, with weights that look trained to whoever folds or exports them."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from gemma3_jax.config import ModelConfig
from gemma3_jax.model.spotter import init_variables

SMALL = ModelConfig(
    name="small",
    charset="abcdefgh",
    stem_width=8,
    stage_widths=(8, 16),
    stage_depths=(1, 2),
    neck_width=8,
    detector_depth=1,
    strip_widths=(8, 16),
    strip_depths=(1, 1),
    embed=16,
    attention_depth=1,
    heads=2,
    depthwise="conv",
)


def trained(seed: int = 0, config: ModelConfig = SMALL) -> dict[str, Any]:
    """Random variables whose norms have seen something: no mean is 0, no variance 1, no scale 1."""
    # nothing is compiled
    shapes = jax.eval_shape(partial(init_variables, config), jax.random.key(0))
    rng = np.random.default_rng(seed)

    def draw(path: Any, leaf: Any) -> np.ndarray:
        name = path[-1].key
        if name in ("scale", "var"):
            return np.exp(rng.normal(0, 0.3, leaf.shape)).astype(np.float32)
        spread = 0.3 if name in ("mean", "bias") else (2 / np.prod(leaf.shape[:-1])) ** 0.5
        return rng.normal(0, spread, leaf.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)
