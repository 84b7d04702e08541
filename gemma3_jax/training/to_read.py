"""Which boxes of a scene a step reads: words, as imperfectly boxed as a detector boxes them, and what is no word."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from gemma3_jax.config import STRIDE, Config
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.decoding.centres import decode_centres
from gemma3_jax.types import Batch, DetectionMaps

# Between two words of a line, in heights of the first: annotators who split "12/17/95" leave less, columns more.
NARROWEST_GAP, WIDEST_GAP = 0.12, 1.0
OFF_LINE = 0.3  # heights that the second may sit higher or lower
ALIKE = 1.6  # how many times as high as the other either may be
PARALLEL = 0.96  # cosine of the angle between them
# Of a scene's likeliest peaks those are taken for boxes without a word that lie on none; how likely they must be, and how high.
PEAKS, LEAST_HEAT, LEAST_PX = 48, 0.03, 4.0


def words_to_read(config: Config, scenes: Batch, key: Array) -> tuple[Array, Array, Array]:
    """A random choice of each scene's legible words: quads, labels, and which of them there are.

    Some are read together with the next word of their line, a space between the two, as detectors box them now and then: a
    reader that sees the space can part them. Quads are jittered and have margins of 0 to 1.5.
    """
    choose, join, move, grow = jax.random.split(key, 4)
    readable = scenes.valid & ~scenes.ignore & (scenes.labels[..., 0] > 0)
    quads, labels = scenes.quads, scenes.labels
    if not (alphabet := config.model.alphabet).unknown(" "):
        join_next = jax.vmap(partial(with_next, space=alphabet.encode(" ")[0]))
        wanted = jax.random.bernoulli(join, config.data.read_joined, readable.shape)
        quads, labels = join_next(quads, labels, readable, wanted)
    draw = jax.random.uniform(choose, readable.shape) - (~readable).astype(jnp.float32)
    _, index = jax.lax.top_k(draw, min(config.data.read_words, readable.shape[1]))
    quads = jnp.take_along_axis(quads, index[..., None, None], axis=1)
    labels = jnp.take_along_axis(labels, index[..., None], axis=1)
    height = jnp.linalg.norm(quads[..., 3, :] - quads[..., 0, :], axis=-1)
    margin = jax.random.uniform(grow, (*quads.shape[:2], 1, 1), maxval=1.5)
    quads = quads + margin * (with_margin(quads) - quads)
    noise = jax.random.normal(move, quads.shape) * config.data.quad_jitter
    quads = quads + noise * height[..., None, None]
    return quads, labels, jnp.take_along_axis(readable, index, axis=1)


def nothing_to_read(
    config: Config, maps: DetectionMaps, scenes: Batch, key: Array
) -> tuple[Array, Array]:
    """The likeliest boxes `[b, n, 4, 2]` of each scene that touch no word, legible or not, and which there are `[b, n]`.

    They are hard negatives (Shrivastava et al. 2016) for the reader, the detector's own: what it takes for words on windows,
    leaves and bricks. Read with margins of 0 to 1.5, as words are.
    """
    found = decode_centres(
        DetectionMaps(*jax.lax.stop_gradient(maps)),
        slots=PEAKS,
        stride=STRIDE,
        threshold=LEAST_HEAT,
    )
    quads, scores, valid = found
    height = jnp.linalg.norm(quads[..., 3, :] - quads[..., 0, :], axis=-1)
    empty = valid & (height >= LEAST_PX) & ~touching(quads, scenes.quads, scenes.valid)
    _, index = jax.lax.top_k(jnp.where(empty, scores, -1.0), config.data.read_nothing)
    quads = jnp.take_along_axis(quads, index[..., None, None], axis=1)
    margin = jax.random.uniform(key, (*quads.shape[:2], 1, 1), maxval=1.5)
    quads = quads + margin * (with_margin(quads) - quads)
    return quads, jnp.take_along_axis(empty, index, axis=1)


def touching(
    boxes: Float[Array, "b n 4 2"], words: Float[Array, "b m 4 2"], valid: Bool[Array, "b m"]
) -> Bool[Array, "b n"]:
    """Which boxes' upright outlines share an area with that of any of the valid words."""
    low, high = (f(boxes, axis=2)[:, :, None] for f in (jnp.min, jnp.max))
    least, most = (f(words, axis=2)[:, None] for f in (jnp.min, jnp.max))
    shared = jnp.minimum(high, most) - jnp.maximum(low, least)
    return ((shared > 0).all(axis=-1) & valid[:, None]).any(axis=-1)


def with_next(
    quads: Float[Array, "n 4 2"],
    labels: Int[Array, "n l"],
    readable: Bool[Array, " n"],
    wanted: Bool[Array, " n"],
    *,
    space: int,
) -> tuple[Float[Array, "n 4 2"], Int[Array, "n l"]]:
    """The words of a scene, those `wanted` together with the word after them where there is one and both fit a label.

    `space` is the class id between them.
    """
    after = next_in_line(quads, readable)
    second = jnp.maximum(after, 0)
    lengths = (labels > 0).sum(-1)
    both = wanted & (after >= 0) & (lengths + 1 + lengths[second] <= labels.shape[1])
    place = jnp.arange(labels.shape[1]) - lengths[:, None] - 1
    tail = jnp.take_along_axis(labels[second], jnp.maximum(place, 0), axis=1)
    text = jnp.where(place < -1, labels, jnp.where(place == -1, space, tail))
    box = jnp.stack([quads[:, 0], quads[second, 1], quads[second, 2], quads[:, 3]], axis=1)
    return (
        jnp.where(both[:, None, None], box, quads),
        jnp.where(both[:, None], text, labels),
    )


def next_in_line(quads: Float[Array, "n 4 2"], readable: Bool[Array, " n"]) -> Int[Array, " n"]:
    """Index of the word that follows each one on its line, a space away; -1 where none does."""
    starts = (quads[:, 0] + quads[:, 3]) / 2
    ends = (quads[:, 1] + quads[:, 2]) / 2
    along = ends - starts
    along = along / jnp.maximum(jnp.linalg.norm(along, axis=-1, keepdims=True), 1e-6)
    height = jnp.linalg.norm(quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1], axis=-1) / 2
    height = jnp.maximum(height, 1e-6)
    way = (starts[None] - ends[:, None]) / height[:, None, None]  # from i's end to j's start
    gap = (way * along[:, None]).sum(-1)
    off = jnp.abs(way[..., 1] * along[:, None, 0] - way[..., 0] * along[:, None, 1])
    ratio = height[None] / height[:, None]
    fits = (
        (gap >= NARROWEST_GAP)
        & (gap <= WIDEST_GAP)
        & (off <= OFF_LINE)
        & (jnp.maximum(ratio, 1 / ratio) <= ALIKE)
        & (along @ along.T >= PARALLEL)
        & readable[None]
        & readable[:, None]
    )
    gap = jnp.where(fits, gap, jnp.inf)
    return jnp.where(fits.any(1), gap.argmin(1), -1)
