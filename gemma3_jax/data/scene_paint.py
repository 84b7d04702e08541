"""Colours of a drawn scene: ground, papers and signs, ink, rules. Planes [3, h, w], 0..1."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gemma3_jax.data.flow import RECEIPT, STREET, by_kind
from gemma3_jax.data.layout import BLOCKS, Papers, Words
from gemma3_jax.data.paint import luma, piece, random_colour
from gemma3_jax.data.scene_surface import APART, Surface

RULES = 6
_PATCH = 128  # px of a background patch's width that are used
_COARSE = 8  # px between the samples of which means are taken


def ground(key: Any, backgrounds: Any, shape: tuple[int, int], s: Any) -> Any:
    """A photograph or texture, a plain wall, or one beside the other. [3, h, w]"""
    keys = jax.random.split(key, 3)
    u = jax.random.uniform(keys[0], (8,))
    first, second = (_layer(k, backgrounds, shape, s) for k in keys[1:])
    y, x = jnp.linspace(-1, 1, shape[0])[:, None], jnp.linspace(-1, 1, shape[1])
    turn = jnp.where(u[0] < 0.5, jnp.round(u[1] * 4) / 4, u[1]) * 2 * jnp.pi
    side = x * jnp.cos(turn) + y * jnp.sin(turn) + 1.2 * (u[2] - 0.5)
    beside = jnp.clip(side * shape[1] / 2 + 0.5, 0, 1) * (u[3] < 0.6 * s)
    image = first + (second - first) * beside
    slope = jnp.where(u[4] < 0.5, 0.35, 0.08) * s
    return image + slope * ((u[5] - 0.5) * x + (u[6] - 0.5) * y)


def _layer(key: Any, backgrounds: Any, shape: tuple[int, int], s: Any) -> Any:
    u = jax.random.uniform(key, (16,))
    count, rows, columns, _ = backgrounds.shape
    room = jnp.array([count, 1, columns - _PATCH + 1])
    at = (u[:3] * room).astype(jnp.int32)
    patch = piece(backgrounds, at, (rows, _PATCH))
    mean = patch.mean((1, 2), keepdims=True)
    zoom = 1.1 * 3.0 ** u[3]
    tall = _mirror(shape[0], rows, zoom, u[4] * rows) @ (
        patch @ _mirror(shape[1], _PATCH, zoom, u[5] * _PATCH).T
    )
    photo = u[6] < 0.8 * s
    strength = jnp.where(photo, 0.5 + 0.7 * u[7], 0.15 * s * u[7])
    base = jnp.where(photo & (u[8] < 0.8), mean, _muted(u[9:14], 0.5)[:, None, None])
    away = tall - mean
    deviation = jnp.sqrt((away[:, ::_COARSE, ::_COARSE] ** 2).mean())
    return base + away * jnp.minimum(strength, 0.22 / jnp.maximum(deviation, 1e-3))


def _muted(u: Any, keep: Any) -> Any:
    """A random colour [3] with the share `keep` of its saturation: walls and signs are greyer than ink."""
    colour = random_colour(u)
    return luma(colour) + (colour - luma(colour)) * keep


def _mirror(size: int, source: int, zoom: Any, offset: Any) -> Any:
    """Interpolation matrix [size, source]: enlarged by `zoom`, mirrored over and over at the ends."""
    at = jnp.mod((jnp.arange(size) + 0.5) / zoom + offset, 2 * source)
    at = jnp.where(at > source, 2 * source - at, at)
    at = jnp.clip(at, 0.5, source - 0.5)
    return jnp.maximum(1 - jnp.abs(at[:, None] - (jnp.arange(source) + 0.5)), 0)


def _spread(mine: Any, table: Any) -> Any:
    """Per-paper values [k] as a map, or [k, 3] as planes."""
    if table.ndim == 1:
        return sum(jnp.where(mine[i], table[i], 0.0) for i in range(BLOCKS))
    return sum(jnp.where(mine[i], table[i][:, None, None], 0.0) for i in range(BLOCKS))


def sheets(u: Any, image: Any, view: Surface, kind: Any, s: Any) -> Any:
    """Signs and sheets of paper laid over the ground, some with a border. u: [k, 16]"""
    sign = jax.vmap(lambda v: _muted(v[:5], v[14]))(u)
    white = 1 - by_kind(kind, 0.0, 0.14, 0.22) * u[:, 5:6] ** 1.5 * jnp.ones(3)
    white = white - s * 0.08 * u[:, 6:7] * jnp.array([0.0, 0.3, 1.0])
    colour = jnp.where(kind == STREET, sign, white)
    opaque = jnp.where(u[:, 7] < 0.2, 0.5 + 0.5 * u[:, 8], 1.0)
    there = jnp.where(kind == STREET, (u[:, 9] < 0.55) * opaque, 1.0)
    cover = jnp.clip(0.5 - view.edge, 0, 1) * _spread(view.mine, there)
    image = image + (_spread(view.mine, colour) - image) * cover
    thick = jnp.where(
        (u[:, 10] < by_kind(kind, 0.35, 0.2, 0.0)) & (there > 0.9), 0.7 + 2.5 * u[:, 11] ** 2, -9.0
    )
    thick, depth = _spread(view.mine, thick), _spread(view.mine, 2 + 5 * u[:, 12] ** 2)
    border = jnp.clip(thick / 2 - jnp.abs(view.edge + depth) + 0.5, 0, 1)
    dark = jnp.where(
        (luma(colour.T) > 0.5)[:, None], 0.3 * u[:, 13:14], 1 - 0.3 * u[:, 13:14]
    ) * jnp.ones(3)
    return image + (_spread(view.mine, dark) - image) * border


def inks(u: Any, image: Any, view: Surface, kind: Any, s: Any) -> Any:
    """A colour per paper [k, 3] that stands out from what lies under its words. u: [k, 16]"""
    coarse = (..., slice(_COARSE // 2, None, _COARSE), slice(_COARSE // 2, None, _COARSE))
    # of a tiny sign the nearest sample, up to 5.7 px away, has to do
    outside = view.outside[coarse].ravel()
    weight = jnp.where(outside < 0, 1.0, jnp.where(outside < 6, 1e-4, 0.0))
    seen = view.mine[coarse].reshape(BLOCKS, -1) * weight
    area = jnp.maximum(seen.sum(1), 1e-6)
    grey = luma(image[coarse]).ravel()
    mean = (seen * grey).sum(1) / area
    spread = jnp.sqrt((seen * (grey - mean[:, None]) ** 2).sum(1) / area)
    faint = u[:, 0] < 0.12 * s
    wanted = by_kind(
        kind, 0.3 + 0.65 * u[:, 1] ** 0.8, 0.95 - 0.35 * u[:, 1] ** 2, 0.9 - 0.5 * u[:, 1] ** 1.5
    )
    wanted = jnp.where(
        faint,
        by_kind(kind, 0.2 + 0.12 * u[:, 1], 0.35 + 0.2 * u[:, 1], 0.25 + 0.2 * u[:, 1]),
        wanted,
    )
    wanted = jnp.maximum(wanted, 2.4 * spread)
    up = jnp.where(u[:, 2] < 0.15, mean < u[:, 3], mean < 0.3 + 0.35 * u[:, 3])
    up = jnp.where(mean + wanted > 1, mean < 0.5, jnp.where(mean - wanted < 0, mean < 0.5, up))
    target = jnp.clip(mean + jnp.where(up, wanted, -wanted), 0.01, 1)
    colour = jax.vmap(random_colour)(u[:, 4:9])
    colour = jnp.clip(colour + (target - luma(colour.T))[:, None], 0, 1)
    tinted = u[:, 9] < by_kind(kind, 0.6, 0.07, 0.05)
    return jnp.where(tinted[:, None], colour, target[:, None])


def rules(u: Any, words: Words, papers: Papers, view: Surface, kind: Any, s: Any) -> Any:
    """Ruled, dashed and underlining lines below lines of text. Coverage [h, w]; u: [RULES, 8]"""
    word = (u[:, 0] * words.left.shape[0]).astype(jnp.int32)
    block = words.block[word]
    left, right = papers.extent[block, 0], papers.extent[block, 2]
    under = u[:, 1] < 0.3  # the word alone
    short = jnp.where(u[:, 1] < 0.8, left, left + u[:, 2] * (right - left) * 0.5)
    first = jnp.where(under, words.box[word, 0], short)
    last = jnp.where(under, words.box[word, 2], right)
    pixel, thick = papers.pixel[block], 0.5 + 1.3 * u[:, 3] ** 2
    y = words.baseline[word] + jnp.where(under, 9.5, 12.5) * words.scale[word] + thick / pixel
    often = s * by_kind(kind, 0.03, jnp.where(u[0, 6] < 0.6, 0.8, 0.0), 0.5)
    there = words.alive[word] & (u[:, 4] < often)
    apart = APART * block
    dashed = (u[0, 7] < 0.5) & (kind == RECEIPT)
    phase = view.x * (1 / 14.0)  # not jnp.mod: fmod does not vectorise
    drawn = ~dashed | (phase - jnp.floor(phase) < 0.6)

    def rule(cover: Any, line: tuple) -> tuple[Any, None]:
        y, pixel, thick, first, last, there = line
        ink = jnp.clip(thick / 2 - jnp.abs(view.y - y) * pixel + 0.5, 0, 1)
        return jnp.where(
            (view.x > first) & (view.x < last) & there, jnp.maximum(cover, ink), cover
        ), None

    each = (y, pixel, thick, first + apart, last + apart, there)
    cover, _ = jax.lax.scan(rule, jnp.zeros(view.x.shape), each)
    return 0.9 * cover * drawn
