"""Colours, backgrounds and decoration of a drawn word: what is between the letters' shapes and the camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data import effects


class Ink(NamedTuple):
    """Where the letters are. `x`, `y`: text-plane coordinates of every pixel, y = 0..1 over the ink, x = 0..aspect."""

    letters: Callable[
        [Any, Any], Any
    ]  # (across, down) -> coverage [h, w], looked up that far away in the text plane
    x: Any  # [h, w]
    y: Any  # [h, w]
    aspect: Any
    baseline: Any  # y of the baseline
    pixel: Any  # height of a pixel in the text plane


def paint(key: Any, ink: Ink, backgrounds: Any, native: Any, s: Any) -> Any:
    """The scene before the camera, [h, w, 3] 0..1; `s` 0..1 scales variety. native: crop width and height in pixels."""
    keys = jax.random.split(key, 6)
    shape = ink.x.shape
    ground = effects.settle(background(keys[0], backgrounds, shape, s))
    letters = effects.settle(jnp.maximum(ink.letters(0.0, 0.0), _clutter(keys[1], ink, s)))
    letters = jnp.maximum(_weight(keys[2], letters, s), 0.0)
    letters = effects.settle(jnp.maximum(letters, _rules(keys[3], ink, s)))
    fill, ground = _colours(keys[4], ground, native, s)
    return _compose(keys[5], ground, letters, fill, ink, s)


def background(key: Any, backgrounds: Any, shape: tuple[int, int], s: Any) -> Any:
    """Plain (40 %), gradient, photograph or texture [h, w, 3], of any strength."""
    height, width = shape
    u = effects.uniform(key, (16,))
    count, rows, columns, _ = backgrounds.shape
    at = (u[:3] * jnp.array([count, rows - height + 1, columns - width + 1])).astype(jnp.int32)
    patch = jax.lax.dynamic_slice(backgrounds, (at[0], at[1], at[2], 0), (1, height, width, 3))[0]
    patch = patch.astype(jnp.float32) / 255
    mean = patch.mean((0, 1))
    colour = random_colour(u[3:8])
    photo = u[8] < 0.42 * s
    tint = u[9] < 0.5
    base = jnp.where(photo & ~tint, mean, colour)
    texture = jnp.where(photo, jnp.where(u[10] < 0.5, 1.0, u[11]), 0.12 * s * u[11]) * (
        patch - mean
    )
    down, across = (
        jnp.linspace(-0.5, 0.5, height)[:, None, None],
        jnp.linspace(-0.5, 0.5, width)[:, None],
    )
    slope = jnp.where(u[12] < 0.45 * s, 0.5, 0.05 * s)
    gradient = slope * ((u[13] - 0.5) * 2 * down + (u[14] - 0.5) * 3 * across)
    return base + gradient + jnp.where(u[15] < 0.08, 0.0, texture)


def random_colour(u: Any) -> Any:
    """A colour [3] from five uniforms: a third near grey, the others of any hue; dark and light ends favoured."""
    value = jnp.where(
        u[0] < 0.3, u[1], jnp.where(u[0] < 0.6, 1 - 0.35 * u[1] ** 1.5, 0.4 * u[1] ** 1.2)
    )
    hue = jnp.abs(jnp.mod(u[2] * 6 + jnp.array([0.0, 4.0, 2.0]), 6) - 3) - 1
    saturation = jnp.where(u[3] < 0.4, 0.12 * u[4], u[4])
    return value * (1 - saturation * (1 - jnp.clip(hue, 0, 1)))


def luma(colour: Any) -> Any:
    """Luma of [..., 3]."""
    return colour @ jnp.array(effects.LUMA)


def _weight(key: Any, letters: Any, s: Any) -> Any:
    """Thinner, bolder or crisper strokes by a threshold on the coverage; worn or dotted print now and then."""
    u = effects.uniform(key, (8,))
    gain = 1 + 1.5 * u[0] * s
    bold = s * jnp.where(u[1] < 0.3, 0.7 * (u[2] - 0.35), 0.0)
    letters = jnp.clip((letters - 0.5) * gain + 0.5 + bold * (letters > 0.02), 0, 1)
    height, width = letters.shape
    noise = effects.blur(
        effects.hash_noise(jax.random.bits(key), (height, width)),
        effects.gaussian(0.7),
        effects.gaussian(0.9),
    )
    worn = jnp.clip(0.75 + noise * 1.6, 0, 1)
    return letters * jnp.where(u[3] < 0.06 * s, worn, 1.0)


def _clutter(key: Any, ink: Ink, s: Any) -> Any:
    """The line above or below, close by: the same letters shifted, seen at the crop's edge only."""
    u = effects.uniform(key, (4,))
    pitch = 1.15 + 0.6 * u[0]
    far = jnp.where(ink.y > 0.5, -pitch, pitch)
    other = (ink.y > 1.06) | (ink.y < -0.06)
    return jnp.where(other & (u[1] < 0.15 * s), ink.letters((u[2] - 0.5) * 40, far), 0.0)


def _rules(key: Any, ink: Ink, s: Any) -> Any:
    """Underlines, ruled lines above and below, strike-through, frames. Coverage [h, w]."""
    u = effects.uniform(key, (8,))
    thick = 0.02 + 0.06 * u[0]

    def line(distance: Any) -> Any:
        return jnp.clip((thick - jnp.abs(distance)) / ink.pixel + 0.5, 0, 1)

    under = line(ink.y - jnp.maximum(ink.baseline, 0.9) - 0.12 - 0.15 * u[1])
    over = line(ink.y + 0.12 + 0.2 * u[2])
    side = jnp.minimum(
        jnp.abs(ink.x + 0.12 + 0.2 * u[3]), jnp.abs(ink.x - ink.aspect - 0.12 - 0.2 * u[4])
    )
    kind = u[5] / jnp.maximum(s, 1e-6)
    has_under = (kind < 0.05) | ((kind > 0.08) & (kind < 0.11))
    has_over = (kind > 0.05) & (kind < 0.11)
    has_side = (kind > 0.09) & (kind < 0.13)
    return jnp.maximum(jnp.maximum(under * has_under, over * has_over), line(side) * has_side)


def _colours(key: Any, ground: Any, native: Any, s: Any) -> tuple[Any, Any]:
    """A fill colour that differs from the ground; a busy ground is calmed until the contrast stands out."""
    u = effects.uniform(key, (12,))
    height, width, _ = ground.shape
    seen = ((jnp.arange(width) < native[0]) & (jnp.arange(height) < native[1])[:, None])[..., None]
    mean = (ground * seen).sum((0, 1)) / seen.sum()
    grey = luma(mean)
    faint = u[0] < 0.18 * s
    wanted = jnp.where(faint, 0.09 + 0.16 * u[1], 0.25 + 0.65 * u[1] ** 0.8)
    up = jnp.where(u[2] < 0.12, grey < u[3], grey < 0.2 + 0.6 * u[3])
    up = jnp.where(grey + wanted > 1, False, jnp.where(grey - wanted < 0, True, up))
    target = jnp.clip(grey + jnp.where(up, wanted, -wanted), 0, 1)
    target = jnp.where(
        jnp.abs(target - grey) < 0.09, jnp.where(grey < 0.5, grey + 0.3, grey - 0.3), target
    )
    fill = random_colour(u[4:9])
    fill = jnp.clip(fill - luma(fill) + target, 0, 1) * jnp.where(
        u[9] < 0.45, 1, 0
    ) + target * jnp.where(u[9] < 0.45, 0, 1)
    contrast = jnp.abs(luma(fill) - grey)
    away = ground - mean
    spread = jnp.sqrt(((luma(away) ** 2) * seen[..., 0]).sum() / seen.sum())
    calm = jnp.minimum(1.0, contrast / jnp.maximum(2.2 * spread, 1e-3))
    return effects.settle((fill, jnp.clip(mean + away * calm, 0, 1)))


def _dilate(x: Any) -> Any:
    wide = jnp.pad(x, 1)
    across = jnp.maximum(jnp.maximum(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
    return jnp.maximum(jnp.maximum(across[:-2], across[1:-1]), across[2:])


def _shift(x: Any, down: Any, across: Any) -> Any:
    """`x` [h, w] moved by whole pixels, at most 4."""
    return jax.lax.dynamic_slice(jnp.pad(x, 4), (4 - down, 4 - across), x.shape)


def _compose(key: Any, ground: Any, letters: Any, fill: Any, ink: Ink, s: Any) -> Any:
    """Shadow, outline, fill, relief and light, one over the other."""
    u = effects.uniform(key, (32,))
    size = 0.05 / ink.pixel  # px, a twentieth of the letter height

    def over(under: Any, colour: Any, alpha: Any) -> Any:
        return under + (colour - under) * alpha[..., None]

    fat = effects.settle(_dilate(letters))
    fatter = effects.settle(_dilate(fat))
    outlined = u[0] < 0.13 * s
    ring = jnp.where(
        (u[1] < 0.5) & (size > 0.9), fatter, jnp.where(u[1] < 0.8, fat, fat * 0.6 + letters * 0.4)
    )
    body = effects.settle(jnp.where(outlined, ring, letters))

    move = jnp.round(
        (0.5 + 2.2 * u[2:4]) * jnp.maximum(size, 0.6) * jnp.where(u[4:6] < 0.3, -1, 1)
    ).astype(jnp.int32)
    move = jnp.clip(move, -4, 4)
    shadow = _shift(body, move[0], move[1])
    soft = effects.gaussian(jnp.where(u[6] < 0.5, 0.0, 1.5 * u[7]))
    shadow = effects.blur(shadow, soft, soft)
    shade = jnp.where(u[8] < 0.7, 0.15 * u[9], jnp.where(u[8] < 0.85, 1.0, u[9])) * jnp.ones(3)
    image = over(ground, shade, shadow * jnp.where(u[10] < 0.14 * s, 0.3 + 0.7 * u[11], 0.0))

    grey, fill_grey = luma(ground.mean((0, 1))), luma(fill)
    edge = jnp.where(fill_grey > 0.5, 0.25 * u[12], 1 - 0.25 * u[12]) * jnp.ones(3)
    edge = jnp.where(u[13] < 0.35, random_colour(u[14:19]), edge)
    image = over(image, edge, ring * outlined)
    hollow = outlined & (u[19] < 0.2) & (jnp.abs(luma(edge) - grey) > 0.25)
    tone = (
        fill
        + s
        * 0.5
        * (u[20] - 0.5)
        * jnp.where(u[21] < 0.25, 1.0, 0.1)
        * (jnp.clip(ink.y, 0, 1) - 0.5)[..., None]
    )
    image = over(image, jnp.where(hollow, ground, tone), letters)

    relief = _shift(letters, jnp.int32(-1), jnp.int32(-1)) - _shift(
        letters, jnp.int32(1), jnp.int32(1)
    )
    image = image + (jnp.where(u[22] < 0.08 * s, 0.5 * (u[23] - 0.3), 0.0) * relief)[..., None]
    return jnp.clip(_light(u[24:], image, s), 0, 1)


def _light(u: Any, image: Any, s: Any) -> Any:
    """A slope of brightness, a cast shadow's edge, a glare spot."""
    height, width, _ = image.shape
    y, x = jnp.linspace(-1, 1, height)[:, None], jnp.linspace(-1, 1, width)
    slope = 1 + s * jnp.where(u[0] < 0.3, 0.5, 0.08) * ((u[1] - 0.5) * x + (u[2] - 0.5) * y)
    cast = jnp.clip(((u[3] - 0.5) * 3 * x + (u[4] - 0.5) * y + u[5] - 0.5) * 6, -0.5, 0.5) + 0.5
    slope = slope * (1 - jnp.where(u[6] < 0.07 * s, 0.45, 0.0) * cast)
    spot = jnp.exp(-(((x - 2 * u[1] + 1) * 3) ** 2) - (y - 2 * u[2] + 1) ** 2)
    return image * slope[..., None] + (jnp.where(u[7] < 0.07 * s, 0.5, 0.0) * spot)[..., None]
