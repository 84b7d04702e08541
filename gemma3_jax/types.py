"""What travels between the rooms, and the legend of letters and units.

Dimension letters, one meaning each in the whole project:
`b` batch · `h w c` map · `n` words per image · `t` columns of a strip (CTC time) · `l` label length ·
`v` charset size incl. blank · `d` embedding · `k` attention window.
Units are suffixes: `_px` pixels, `_cells` cells of a feature map, `_s`, `_ms`.
A box is a quad `[4, 2]`: xy corners in pixels, clockwise from the top left of the TEXT (reading order), pixel centres at
integer + 0.5, so that an image of width w spans 0..w. Images are RGB, `[h, w, 3]`, uint8 (or float on the device) 0..255.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Array = Any  # jax.Array or numpy.ndarray: annotations here must not import jax at the front door


class Batch(NamedTuple):
    """Training pictures with their words. A strip is a picture with one word (`n` = 1)."""

    images: Array  # [b, h, w, 3] uint8 or float32, 0..255
    quads: Array  # [b, n, 4, 2] float32, pixels of `images`
    labels: Array  # [b, n, l] int32, charset ids, zero-padded
    valid: Array  # [b, n] bool: the slot holds a word
    ignore: Array  # [b, n] bool: do not care (unreadable): neither rewarded nor punished


class DetectionMaps(NamedTuple):
    """What the detector says of each cell of its map (stride 4)."""

    centre: Array  # [b, h, w] logits of "a word's centre is here"
    corners: Array  # [b, h, w, 4, 2] cell centre -> corner, xy, in cells


class Spotted(NamedTuple):
    """What `spot` returns: boxes and text of one forward pass."""

    quads: Array  # [b, n, 4, 2] float32, pixels of the input images
    scores: Array  # [b, n] probability that the box is a word
    tokens: Array  # [b, n, t] int32, best class per column (0 = blank), not collapsed
    token_probs: Array  # [b, n, t] probability of that class
    valid: Array  # [b, n] bool: score over the threshold, not a duplicate
