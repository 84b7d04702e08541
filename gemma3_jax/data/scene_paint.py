"""Colours of a drawn scene: ground, papers and signs, ink, rules, light. Planes [3, h, w], 0..1, until the camera's bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data import effects, warp
from gemma3_jax.data.flow import PAGE, RECEIPT, STREET, by_kind
from gemma3_jax.data.layout import BLOCKS, Papers, Words
from gemma3_jax.data.paint import luma, piece, random_colour

APART = 32768.0  # paper units between the papers in `Surface.x`, so that one number tells paper and place
RULES = 6
_FAR = 12000.0
_PATCH = 128  # px of a background patch's width that are used
_COARSE = 8  # px between the samples of which means are taken


class Surface(NamedTuple):
    """What every canvas pixel shows of the papers. [h, w] each, but `mine`."""

    x: Any  # paper units, paper i at APART * i
    y: Any
    mine: Any  # [k, h, w] bool: the pixel is in this paper's cell
    outside: Any  # px from the box around the words, negative inside
    edge: Any  # px from the edge of the sheet or sign, negative inside


def surface(papers: Papers, margins: Any, shape: tuple[int, int]) -> Surface:
    """Look through every pixel at its paper. margins: [k, 2] from the words to the sheet's edge, paper units."""
    px, py = jnp.arange(shape[1]) + 0.5, (jnp.arange(shape[0]) + 0.5)[:, None]
    middle = (papers.extent[:, :2] + papers.extent[:, 2:]) / 2
    half = (papers.extent[:, 2:] - papers.extent[:, :2]) / 2
    back = jax.vmap(warp.inverse)(papers.matrix)
    seen = jax.vmap(warp.project)(papers.matrix, middle)
    back = back / ((back[:, 2, :2] * seen).sum(1) + back[:, 2, 2])[:, None, None]  # depth 1 there

    def look(found: tuple, paper: tuple) -> tuple[tuple, Any]:
        m, middle, half, margin, pixel, cell, apart = paper
        depth = m[2, 0] * px + m[2, 1] * py + m[2, 2]
        per = 1 / jnp.maximum(depth, 1e-3)
        x = (m[0, 0] * px + m[0, 1] * py + m[0, 2]) * per
        y = (m[1, 0] * px + m[1, 1] * py + m[1, 2]) * per
        # nothing is seen behind the camera
        x = jnp.where(depth > 0.05, jnp.clip(x, -_FAR, _FAR), _FAR)
        across, down = jnp.abs(x - middle[0]) - half[0], jnp.abs(y - middle[1]) - half[1]
        words = jnp.maximum(across, down) * pixel
        sheet = jnp.maximum(across - margin[0], down - margin[1]) * pixel
        mine = (px >= cell[0]) & (px < cell[2]) & (py >= cell[1]) & (py < cell[3])
        new = (x + apart, y, words, sheet)
        return tuple(jnp.where(mine, *pair) for pair in zip(new, found, strict=True)), mine

    apart = APART * jnp.arange(BLOCKS)
    each = (back, middle, half, margins, papers.pixel, papers.cell, apart)
    (x, y, outside, edge), mine = jax.lax.scan(look, (jnp.full(shape, _FAR),) * 4, each)
    return Surface(x, y, mine, outside, edge)


def margins(u: Any, kind: Any) -> Any:
    """From the words to the edge of their sheet [k, 2], paper units; pages mostly fill the picture. u: [k, 4]"""
    near = 6 + 50 * u[:, :2] ** 1.5
    whole = jnp.where(u[:, 2:3] < 0.65, _FAR, 15 + 60 * u[:, :2])
    long = jnp.stack([10 + 70 * u[:, 0], jnp.where(u[:, 3] < 0.7, _FAR, 20 + 60 * u[:, 1])], -1)
    return by_kind(kind, near, whole, long)


def _spread(mine: Any, table: Any) -> Any:
    """Per-paper values [k] as a map, or [k, 3] as planes."""
    if table.ndim == 1:
        return sum(jnp.where(mine[i], table[i], 0.0) for i in range(BLOCKS))
    return sum(jnp.where(mine[i], table[i][:, None, None], 0.0) for i in range(BLOCKS))


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


def light(u: Any, image: Any, kind: Any, s: Any) -> Any:
    """Uneven light, the edge of a shadow, creases of a receipt. u: [12]"""
    _, height, width = image.shape
    y, x = jnp.linspace(-1, 1, height)[:, None], jnp.linspace(-1, 1, width)
    strength = s * jnp.where(u[0] < 0.35, 0.5, 0.1) * jnp.where(kind == PAGE, 0.4, 1.0)
    gain = 1 + strength * ((u[1] - 0.5) * x + (u[2] - 0.5) * y)
    turn = 2 * jnp.pi * u[3]
    side = x * jnp.cos(turn) + y * jnp.sin(turn) + u[4] - 0.5
    shade = jnp.where(u[5] < 0.12 * s, 0.5 * u[6], 0.0)
    gain = gain * (1 - shade * jnp.clip(side * (3 + 30 * u[7]) + 0.5, 0, 1))
    fold = x * 0.3 * (u[8] - 0.5) + y + 1.4 * (u[9] - 0.5)
    crease = jnp.where((kind == RECEIPT) & (u[10] < 0.4 * s), 0.16, 0.0) * jnp.exp(
        -((fold * 14) ** 2)
    )
    gain = gain - crease * jnp.where(fold > 0, u[11], -0.5 * u[11])
    return jnp.clip(image * gain, 0, 1)


def sigma(u: Any, kind: Any, s: Any) -> Any:
    """Standard deviation of the camera's blur, px. u: [2]"""
    most = by_kind(kind, 1.5, 0.75, 0.9)
    return jnp.where(u[0] < 0.65 * s, 0.3 + most * u[1] ** 2, 0.0)


def camera(key: Any, image: Any, blurred: Any, kind: Any, s: Any) -> Any:
    """Blur, exposure, bilevel scanning, noise and JPEG: the picture uint8 [h, w, 3]."""
    u = jax.random.uniform(key, (20,))
    _, height, width = image.shape
    kernel_y = kernel_x = effects.gaussian(blurred)
    motion = (u[0] < 0.1 * s) & (kind == STREET)
    smear = effects.box(1 + 3 * u[1])
    kernel_x = jnp.where(motion & (u[2] < 0.6), smear, kernel_x)
    kernel_y = jnp.where(motion & (u[2] > 0.8), smear, kernel_y)
    image = effects.blur_planes(image, kernel_y, kernel_x)
    bits = jax.random.bits(jax.random.fold_in(key, 1), (2,))
    scanned = (kind == PAGE) & (u[3] < 0.5 * s)
    hard = jnp.where(scanned, 1.5 + 4 * u[4], 1.0)
    image = jnp.where(scanned, (image - 0.55) * hard + 0.55 + 0.2 * (u[5] - 0.5), image)
    specks = effects.hash_noise(bits[0], (height, width)) > 3.25
    image = jnp.where(scanned & (u[6] < 0.4) & specks, 0.25, image)
    gain = jnp.where(u[7] < 0.35 * s, 0.6 + 0.7 * u[8], 1.0)
    gain = jnp.where(kind == STREET, gain, 0.3 * gain + 0.7)
    mean = image.mean()  # towards white or black by a share of what is left, so that little is lost
    room = jnp.where(u[10] < 0.45, -0.35 * mean, 0.5 * (1 - mean))
    lift = jnp.where(u[9] < 0.25 * s, room * u[19], 0.0)
    cast = 1 + s * by_kind(kind, 0.3, 0.06, 0.16) * (u[11:14, None, None] - 0.5)
    image = effects.tone(
        image * cast, gain, lift * by_kind(kind, 1.0, 0.4, 0.7), s * 0.5 * (u[14] - 0.5)
    )
    level = s * jnp.where(u[15] < 0.6, 0.012 * u[16], 0.045 * u[16] ** 2.5)
    image = jnp.clip(image + level * effects.colour_noise(bits[1], (height, width)), 0, 1)
    strength = jnp.exp(-1.2 + 2.2 * u[17])
    image = jnp.where(u[18] < 0.5 * s, effects.jpeg_planes(image, strength), image)
    return (image * 255 + 0.5).astype(jnp.uint8).transpose(1, 2, 0)
