"""Weights of earlier versions, as the network takes them now."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

# Until 0.2 a strip was one map: the fused part was enlarged twice (bilinear) beside the stem's, and the first block went over
# both with strides of 2. Rows: which shares of the cells before, at and after a cell of the fused part the three taps saw.
TAPS = np.array([[0.75, 0.25, 0.0], [0.25, 0.75, 0.0], [0.0, 0.75, 0.25]], np.float32)


def brought_up(variables: dict[str, Any], name: str) -> dict[str, Any]:
    """`variables` of any version of the model called `name` as those of this one; changes the dicts it is given.

    Warns where words are read a little otherwise than by the version that made them.
    """
    blocks = [tree.get("recognizer", {}).get("stage0_block0", {}) for tree in variables.values()]
    if any("depthwise_norm" in block for block in blocks):
        warnings.warn(
            f"{name} was trained before version 0.2, which reads strips of words in two parts: their edges are seen a little "
            "otherwise, and some hundred steps of `train.py` with start_from=... make that good",
            stacklevel=3,
        )
        stem = variables["params"]["backbone"]["stem"]["kernel"].shape[-1]
        for block in blocks:
            _in_two_parts(block, stem)
    return variables


def _in_two_parts(block: dict[str, Any], stem: int) -> None:
    """Split what belongs to the stem's channels and to the fused map's; exact but for the cells at the strip's edges."""
    norm = block.pop("depthwise_norm")["norm"]
    parts = {"stem": slice(stem), "fused": slice(stem, None)}
    for name, own in parts.items():
        block[f"depthwise_{name}_norm"] = {"norm": {k: x[own] for k, x in norm.items()}}
    if "depthwise" in block:
        kernel = block.pop("depthwise")["kernel"]
        fused = np.einsum("ac,bd,ab...->cd...", TAPS, TAPS, kernel[..., stem:])
        block["depthwise_stem"], block["depthwise_fused"] = (
            {"kernel": kernel[..., :stem]},
            {"kernel": fused},
        )
