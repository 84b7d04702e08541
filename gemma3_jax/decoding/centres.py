"""Detection maps -> word quads, on the device, with static shapes."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from gemma3_jax.config import THRESHOLD
from gemma3_jax.types import DetectionMaps

LOOKS = 2
# How far inside an end its corners are asked for: of the height, and of the width at least.
INSET = (0.6, 0.15)


def decode_centres(
    maps: DetectionMaps, *, slots: int, stride: int, threshold: float = THRESHOLD
) -> tuple[Float[Array, "b n 4 2"], Float[Array, "b n"], Bool[Array, "b n"]]:
    """Peaks of the heat-map, and corners as the cells near each end see them.

    Returns quads in pixels, scores best first, and which of the `n = slots` are words: above the threshold and not
    lying on a better word.
    """
    _b, h, w = maps.centre.shape
    scores, index = jax.lax.top_k(peaks(maps.centre), min(slots, h * w))
    return words_at(maps.corners, scores, index, stride=stride, threshold=threshold)


def peaks(centre: Float[Array, "b h w"]) -> Float[Array, "b cells"]:
    """Scores of the cells, row by row: zero where a neighbour's is higher (3 x 3 maxima, Zhou et al. 2019, section 4.1)."""
    heat = jax.nn.sigmoid(centre)
    pooled = nn.max_pool(heat[..., None], window_shape=(3, 3), strides=(1, 1), padding="SAME")
    return jnp.where(pooled[..., 0] == heat, heat, 0.0).reshape(centre.shape[0], -1)


def words_at(
    corners: Float[Array, "b h w 4 2"],
    scores: Float[Array, "b n"],
    index: Int[Array, "b n"],
    *,
    stride: int,
    threshold: float = THRESHOLD,
) -> tuple[Float[Array, "b n 4 2"], Float[Array, "b n"], Bool[Array, "b n"]]:
    """What `decode_centres` returns, of the cells `index`, best first."""
    b, h, w = corners.shape[:3]
    cells = jnp.stack([index % w, index // w], axis=-1) + 0.5
    flat = corners.reshape(b, h * w, 8)
    quads = jnp.take_along_axis(flat, index[..., None], axis=1).reshape(b, -1, 4, 2)
    quads = quads + cells[:, :, None, :]
    for _ in range(LOOKS):
        quads = seen_from_ends(quads, corners)
    quads = quads * stride
    valid = (scores > threshold) & ~_covered(quads, scores > threshold)
    return quads, scores, valid


def seen_from_ends(
    quads: Float[Array, "b n 4 2"], corners: Float[Array, "b h w 4 2"]
) -> Float[Array, "b n 4 2"]:
    """Quads in cells whose left corners come from near the word's left end and right corners from near its right end.

    The peak of a long word lies many heights from its ends; a cell just inside an end sees that end sharply (as the head
    and tail cells of AdvancedEAST do), and the second look starts from better ends than the first.
    """
    along = (quads[..., 1, :] - quads[..., 0, :] + quads[..., 2, :] - quads[..., 3, :]) / 2
    height = jnp.linalg.norm(quads[..., 3, :] - quads[..., 0, :], axis=-1)
    width = jnp.linalg.norm(along, axis=-1)
    inset = jnp.maximum(INSET[0] * height / jnp.maximum(width, 1e-6), INSET[1])
    inset = jnp.minimum(inset, 0.5)[..., None] * along
    left = (quads[..., 0, :] + quads[..., 3, :]) / 2 + inset
    right = (quads[..., 1, :] + quads[..., 2, :]) / 2 - inset
    from_left, from_right = (jax.vmap(_look)(corners, points) for points in (left, right))
    return jnp.stack(
        [from_left[:, :, 0], from_right[:, :, 1], from_right[:, :, 2], from_left[:, :, 3]], axis=2
    )


def _look(corners: Float[Array, "h w 4 2"], points: Float[Array, "n 2"]) -> Float[Array, "n 4 2"]:
    """Corners as the four cells around each of `points` (xy, cells) see them, bilinearly weighted."""
    h, w = corners.shape[:2]
    limit = jnp.array([w - 1, h - 1])
    low = jnp.floor(points - 0.5)
    part = points - 0.5 - low
    found = jnp.zeros((points.shape[0], 4, 2))
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        cell = jnp.clip(low + jnp.array([dx, dy]), 0, limit)
        index = cell.astype(jnp.int32)
        weight = jnp.abs(1 - dx - part[:, 0]) * jnp.abs(1 - dy - part[:, 1])
        place = corners[index[:, 1], index[:, 0]] + (cell + 0.5)[:, None, :]
        found += weight[:, None, None] * place
    return found


def _covered(quads: Float[Array, "b n 4 2"], alive: Bool[Array, "b n"]) -> Bool[Array, "b n"]:
    """True where a word's centre lies in a better word's quad and the two are of like height.

    One word can raise two peaks along its length; a small word printed inside a large letter is a different height.
    """
    centres = quads.mean(axis=2)
    edges = jnp.roll(quads, -1, axis=2) - quads
    to_centre = (
        centres[:, :, None, None, :] - quads[:, None]
    )  # [b, i, j, 4, 2]: centre i seen from corners of j
    turn = edges[:, None, ..., 0] * to_centre[..., 1] - edges[:, None, ..., 1] * to_centre[..., 0]
    inside = (turn > 0).all(axis=-1)
    height = jnp.linalg.norm(quads[:, :, 3] - quads[:, :, 0], axis=-1)
    ratio = height[:, :, None] / jnp.maximum(height[:, None, :], 1e-6)
    like = (ratio > 0.5) & (ratio < 2.0)
    n = quads.shape[1]
    better = jnp.tril(jnp.ones((n, n), bool), -1)[None]  # j before i: top_k sorts by score
    return (inside & like & better & alive[:, None, :]).any(axis=-1)
