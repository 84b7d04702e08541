"""Pictures of noise, and a small network that takes a good many places in them for words."""

from __future__ import annotations

from typing import Any

import numpy as np
from small_model import trained


def noise(height: int = 64, width: int = 96, seed: int = 0) -> np.ndarray:
    """A picture uint8 with structure at several scales."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (height // 8, width // 8, 3)).repeat(8, 0).repeat(8, 1)
    return (coarse + rng.integers(-40, 40, (height, width, 3))).clip(0, 255).astype(np.uint8)


def spotting(seed: int = 3) -> dict[str, Any]:
    """Variables that take a good many places for words."""
    variables = trained(seed)
    detector = variables["params"]["detector"]
    detector["centre"]["bias"][:] = 0.5
    detector["corners"]["kernel"] *= 0.1
    detector["corners"]["bias"][:] = np.array([-2, -1, 2, -1, 2, 1, -2, 1]) / 8
    return variables
