"""Colours, backgrounds and decoration of a drawn word: what is between the letters' shapes and the camera.

Pictures are planes [3, h, w], 0..1. `s` 0..1 scales how often and how strongly anything happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data import effects

EMBOSSED = 0.06  # share of words without any ink
ALIKE = 0.05  # share of words as bright as their ground, of another hue


class Ink(NamedTuple):
    """Where the letters are, for every pixel of the native canvas."""

    letters: Callable[[Any, Any], Any]  # (across, down) text heights -> coverage [h, w] over there
    x: Any  # [h, w] text plane, 0..aspect over the word's ink
    y: Any  # [h, w] text plane, 0..1 over the word's ink
    aspect: Any
    baseline: Any  # y of the baseline
    pixel: Any  # height of a pixel in the text plane


def paint(key: Any, ink: Ink, backgrounds: Any, native: Any, s: Any) -> Any:
    """The scene before the camera [3, h, w]. native: width and height of the crop in pixels."""
    keys = jax.random.split(key, 6)
    ground, grain = background(keys[0], backgrounds, ink.x.shape, s)
    letters = jnp.maximum(ink.letters(0.0, 0.0), _neighbour_line(keys[1], ink, s))
    letters = jnp.maximum(_stroke(keys[2], letters, grain, s), _rules(keys[3], ink, s))
    fill, ground = _fill(keys[4], ground, native, s)
    return _compose(keys[5], ground, letters, fill, grain, ink, s)


def background(key: Any, backgrounds: Any, shape: tuple[int, int], s: Any) -> tuple[Any, Any]:
    """Plain, paper, sloping, photograph or texture [3, h, w], and the patch's own grain [h, w] of mean 0."""
    height, width = shape
    u = jax.random.uniform(key, (17,))
    count, rows, columns, _ = backgrounds.shape
    room = jnp.array([count, rows - height + 1, columns - width + 1])
    at = (u[:3] * room).astype(jnp.int32)
    patch = piece(backgrounds, at, shape)
    mean = patch.mean((1, 2))[:, None, None]
    photo = u[8] < 0.42 * s
    strength = jnp.where(photo, jnp.where(u[10] < 0.5, 1.0, u[11]), 0.12 * s * u[11])
    strength = jnp.where(~photo & (u[15] < 0.3), 0.0, strength)
    base = jnp.where(photo & (u[9] < 0.4), mean, random_colour(u[3:8])[:, None, None])
    paper = u[16] < 0.14
    base = jnp.where(paper, 1 - 0.2 * u[4] * jnp.array([0.7, 0.8, 1.0])[:, None, None], base)
    strength = jnp.where(paper, 0.15 * strength, strength)
    down = jnp.linspace(-0.5, 0.5, height)[:, None]
    across = jnp.linspace(-0.5, 0.5, width)
    slope = jnp.where(u[12] < 0.4 * s, 0.5, 0.05 * s)
    gradient = slope * ((u[13] - 0.5) * 2 * down + (u[14] - 0.5) * 3 * across)
    return base + gradient + strength * (patch - mean), luma(patch - mean)


def piece(backgrounds: Any, at: Any, shape: tuple[int, int]) -> Any:
    """Planes [3, h, w], 0..1, cut from a patch of `backgrounds` at (patch, row, column).

    In two steps: one slice with all three offsets makes a TPU copy ALL patches once for every sample (docs/tpu.md).
    """
    patch = jax.lax.dynamic_index_in_dim(backgrounds, at[0], keepdims=False)
    patch = jax.lax.dynamic_slice(patch, (at[1], at[2], 0), (*shape, 3))
    return patch.transpose(2, 0, 1).astype(jnp.float32) * (1 / 255)


def random_colour(u: Any) -> Any:
    """A colour [3] from five uniforms: near grey or of any hue, dark and light ends favoured."""
    value = jnp.where(u[0] < 0.72, 1 - 0.4 * u[1] ** 1.3, 0.4 * u[1])
    value = jnp.where(u[0] < 0.35, u[1], value)
    hue = jnp.abs(jnp.mod(u[2] * 6 + jnp.array([0.0, 4.0, 2.0]), 6) - 3) - 1
    saturation = jnp.where(u[3] < 0.35, 0.15 * u[4], u[4])
    return value * (1 - saturation * (1 - jnp.clip(hue, 0, 1)))


def luma(planes: Any) -> Any:
    """Luma of colours or planes [3, ...]."""
    red, green, blue = planes
    return effects.LUMA[0] * red + effects.LUMA[1] * green + effects.LUMA[2] * blue


def _stroke(key: Any, letters: Any, grain: Any, s: Any) -> Any:
    """Thinner, bolder or crisper strokes by a threshold on the coverage; worn print now and then."""
    u = jax.random.uniform(key, (5,))
    gain = 1 + 1.5 * u[0] * s
    bold = s * jnp.where(u[1] < 0.3, 0.7 * (u[2] - 0.35), 0.0)
    letters = jnp.clip((letters - 0.5) * gain + 0.5 + bold * (letters > 0.02), 0, 1)
    worn = jnp.clip(0.8 + grain * (5 + 15 * u[4]), 0, 1)
    return letters * jnp.where(u[3] < 0.07 * s, worn, 1.0)


def _neighbour_line(key: Any, ink: Ink, s: Any) -> Any:
    """The line above or below, close by: the same letters shifted, seen at the crop's edge only."""
    u = jax.random.uniform(key, (3,))
    pitch = 1.15 + 0.6 * u[0]
    far = jnp.where(ink.y > 0.5, -pitch, pitch)
    other = (ink.y > 1.06) | (ink.y < -0.06)
    return jnp.where(other & (u[1] < 0.15 * s), ink.letters((u[2] - 0.5) * 1.5, far), 0.0)


def _rules(key: Any, ink: Ink, s: Any) -> Any:
    """Underlines, ruled lines above and below, frames. Coverage [h, w]."""
    u = jax.random.uniform(key, (6,))
    thick, per_pixel = 0.02 + 0.06 * u[0], 1 / ink.pixel

    def line(distance: Any) -> Any:
        return jnp.clip((thick - jnp.abs(distance)) * per_pixel + 0.5, 0, 1)

    kind = u[5] / jnp.maximum(s, 1e-6)
    far = 1e3  # of a line that is not there
    low = jnp.maximum(ink.baseline, 0.9) + 0.12 + 0.15 * u[1]
    under = ink.y - jnp.where((kind < 0.05) | ((kind > 0.08) & (kind < 0.11)), low, far)
    over = ink.y + jnp.where((kind > 0.05) & (kind < 0.11), 0.12 + 0.2 * u[2], far)
    framed = (kind > 0.09) & (kind < 0.13)
    left = ink.x + jnp.where(framed, 0.12 + 0.2 * u[3], far)
    right = ink.x - ink.aspect - jnp.where(framed, 0.12 + 0.2 * u[4], far)
    nearest = jnp.minimum(jnp.abs(under), jnp.abs(over))
    return line(jnp.minimum(nearest, jnp.minimum(jnp.abs(left), jnp.abs(right))))


def _fill(key: Any, ground: Any, native: Any, s: Any) -> tuple[Any, Any]:
    """A fill colour [3] that differs from the ground; a busy ground is calmed until the letters stand out."""
    u = jax.random.uniform(key, (10,))
    _, height, width = ground.shape
    seen = ((jnp.arange(width) < native[0]) & (jnp.arange(height) < native[1])[:, None]) * 1.0
    area = seen.sum()
    mean = (ground * seen).sum((1, 2)) / area
    grey = luma(mean)
    faint = u[0] < 0.14 * s
    wanted = jnp.where(faint, 0.05 + 0.2 * u[1], 0.28 + 0.67 * u[1] ** 0.8)
    up = jnp.where(u[2] < 0.12, grey < u[3], grey < 0.2 + 0.6 * u[3])
    up = jnp.where(grey + wanted > 1, False, jnp.where(grey - wanted < 0, True, up))
    target = jnp.clip(grey + jnp.where(up, wanted, -wanted), 0, 1)
    other_side = jnp.where(grey < 0.5, grey + 0.3, grey - 0.3)
    target = jnp.where(jnp.abs(target - grey) < 0.09, other_side, target)
    colour = random_colour(u[4:9])
    colour = jnp.clip(colour - luma(colour) + target, 0, 1)
    fill = jnp.where(u[9] < 0.55, colour, target)
    away = ground - mean[:, None, None]
    spread = jnp.sqrt((luma(away) ** 2 * seen).sum() / area)
    contrast = jnp.abs(luma(fill) - grey)
    v = jax.random.uniform(jax.random.fold_in(key, 1), (7,))
    alike = v[0] < ALIKE * s
    fill = jnp.where(alike, _of_another_hue(v[1:], mean), fill)
    contrast = jnp.where(alike, 0.3, contrast)
    calm = jnp.minimum(1.0, contrast / jnp.maximum(2.2 * spread, 1e-3))
    return fill, jnp.clip(mean[:, None, None] + away * calm, 0, 1)


def _of_another_hue(u: Any, ground: Any) -> Any:
    """A colour [3] about as bright as `ground` [3], on the other side of grey: what only its colour tells from it."""
    grey = luma(ground)
    chroma = random_colour(u[:5].at[3].set(1.0))
    chroma, own = chroma - luma(chroma), ground - grey
    chroma = jnp.where((chroma * own).sum() > 0, -chroma, chroma)
    chroma = chroma * 0.5 / jnp.maximum(jnp.linalg.norm(chroma), 0.1)
    return jnp.clip(grey + 0.16 * (u[5] - 0.5) + chroma, 0, 1)


def _compose(key: Any, ground: Any, letters: Any, fill: Any, grain: Any, ink: Ink, s: Any) -> Any:
    """Shadow or glow, outline, fill and relief, one over the other, then light."""
    u = jax.random.uniform(key, (32,))
    size = 0.05 / ink.pixel  # px, a twentieth of the letters' height

    outlined = u[0] < 0.13 * s
    fat = effects.gaussian(jnp.clip((0.5 + 1.1 * u[1]) * size, 0.45, 2.0))
    ring = jnp.clip(effects.blur_planes(letters, fat, fat) * 7 - 0.35, 0, 1)
    body = jnp.where(outlined, jnp.maximum(ring, letters), letters)
    move = (0.3 + 2.2 * u[2:4]) * jnp.maximum(size, 0.6) * jnp.where(u[4:6] < 0.3, -1, 1)
    move = jnp.clip(move, -3, 3)
    soft = jnp.where(u[6] < 0.5, 0.0, 1.5 * u[7])
    shadow = effects.blur_planes(
        body, effects.shifted(move[0], soft), effects.shifted(move[1], soft)
    )

    grey, fill_grey = luma(ground.mean((1, 2))), luma(fill)
    shade = jnp.where(u[8] < 0.7, 0.15 * u[9], jnp.where(u[8] < 0.85, 1.0, u[9]))
    dark = jnp.where(u[10] < 0.14 * s, 0.3 + 0.7 * u[11], 0.0) * shadow
    image = ground + (shade - ground) * dark

    edge = jnp.where(fill_grey > 0.5, 0.25 * u[12], 1 - 0.25 * u[12]) * jnp.ones(3)
    edge = jnp.where(u[13] < 0.35, random_colour(u[14:19]), edge)
    hollow = outlined & (u[19] < 0.2) & (jnp.abs(luma(edge) - grey) > 0.25)
    image = image + (edge[:, None, None] - image) * (ring * outlined)
    slope = s * 0.5 * (u[20] - 0.5) * jnp.where(u[21] < 0.25, 1.0, 0.1)
    rough = jnp.where(u[25] < 0.15 * s, 2.0 * u[26], 0.0)
    inside = fill[:, None, None] + slope * (jnp.clip(ink.y, 0, 1) - 0.5) + rough * grain
    image = image + (jnp.where(hollow, ground, inside) - image) * letters
    # Pressed into the ground or out of it, nothing but light on one side of the strokes and shade on the other.
    embossed = jax.random.uniform(jax.random.fold_in(key, 1), (3,))
    bare = embossed[0] < EMBOSSED * s
    image = jnp.where(bare, ground, image)

    relief = jnp.where(u[22] < 0.08 * s, 0.6 * (u[23] - 0.3), 0.0)
    depth = (0.1 + 0.4 * embossed[1]) * jnp.where(embossed[2] < 0.5, -1.0, 1.0)
    relief = jnp.where(bare, depth, relief) * (letters - shadow)
    return jnp.clip(_light(u[24:], image + relief, s), 0, 1)


def _light(u: Any, image: Any, s: Any) -> Any:
    """A slope of brightness, a cast shadow's edge, a glare spot."""
    _, height, width = image.shape
    y, x = jnp.linspace(-1, 1, height)[:, None], jnp.linspace(-1, 1, width)
    strength = s * jnp.where(u[0] < 0.3, 0.5, 0.08)
    slope = 1 + strength * ((u[1] - 0.5) * x + (u[2] - 0.5) * y)
    edge = (u[3] - 0.5) * 3 * x + (u[4] - 0.5) * y + u[5] - 0.5
    slope = slope * (
        1 - jnp.where(u[6] < 0.07 * s, 0.45, 0.0) * (jnp.clip(edge * 6, -0.5, 0.5) + 0.5)
    )
    across = jnp.exp(-(((x - 2 * u[3] + 1) * 3) ** 2))
    spot = across * jnp.exp(-((y - 2 * u[4] + 1) ** 2))
    return image * slope + jnp.where(u[7] < 0.07 * s, 0.5, 0.0) * spot
