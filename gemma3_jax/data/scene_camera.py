"""What light and camera do to a drawn scene. Planes [3, h, w], 0..1, until the camera's bytes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gemma3_jax.data import effects
from gemma3_jax.data.flow import PAGE, RECEIPT, STREET, by_kind


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
