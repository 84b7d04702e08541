"""Word crops drawn on the accelerator: a pure function of (key, index), so a run needs no image files and no iterator state.

    packed = prepare(atlas, lexicon, backgrounds)            # once: arrays on the device
    batch = draw_strips(key, packed, batch=128, start=step * 128)

Each crop: a text (`drawn_text`), a face, a layout (`lettering`), a placement (`warp`), paint (`paint`) and a camera
(`effects`). The crop is drawn at its NATIVE resolution, 8 to 32 px high, damaged there, and then enlarged to the canvas,
as real crops are. Sample i depends on fold_in(key, i) only, whatever the batch split or the number of devices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data import effects, lettering, paint, warp
from gemma3_jax.data.drawn_text import sample_text
from gemma3_jax.data.glyphs import GlyphAtlas
from gemma3_jax.data.lexicon import MAX_LABEL, Lexicon
from gemma3_jax.types import Batch

CELL = lettering.CELL


class Studio(NamedTuple):
    """Everything that drawing needs, on the device."""

    atlas: GlyphAtlas  # without its `columns`: they are in `packed`
    packed: Any  # [f * c * 40, 10] uint32
    face_cdf: Any  # [f] float32
    lexicon: Lexicon
    backgrounds: Any  # [m, 64, 256, 3] uint8


class Strengths(NamedTuple):
    """How far drawing departs from a clean word, each 0..1 and traced: probabilities and amplitudes scale with it."""

    length: Any = 1.0  # of texts: 0 caps them at 5 characters
    shape: Any = 1.0  # rotation, perspective, curves, spacing, margins
    colour: Any = 1.0  # backgrounds, low contrast, outlines, shadows, clutter
    camera: Any = 1.0  # blur, noise, JPEG, low resolution, exposure

    @classmethod
    def ramp(cls, difficulty: Any) -> Strengths:
        """All four at `difficulty`."""
        return cls(difficulty, difficulty, difficulty, difficulty)


def prepare(atlas: GlyphAtlas, lexicon: Lexicon, backgrounds: Any) -> Studio:
    """Put atlas, lexicon and backgrounds on the default device, once, outside the step."""
    packed = lettering.pack_columns(atlas)
    small = jax.tree.map(jnp.asarray, atlas._replace(columns=jnp.zeros((0,), jnp.uint8)))
    cdf = jnp.cumsum(jnp.asarray(atlas.weights, jnp.float32))
    return Studio(
        small, packed, cdf / cdf[-1], jax.tree.map(jnp.asarray, lexicon), jnp.asarray(backgrounds)
    )


def draw_strips(
    key: Any,
    studio: Studio,
    *,
    batch: int,
    start: Any = 0,
    height: int = 32,
    width: int = 128,
    max_label: int = MAX_LABEL,
    difficulty: Any = 1.0,
    strengths: Strengths | None = None,
) -> Batch:
    """Draw samples `start` .. `start + batch - 1` of the stream `key`. Jittable; static: batch, height, width, max_label.

    Canvas convention of real crops: the crop is `height` px high and w <= `width` px wide, its quad is (0,0)-(w,height);
    wider crops are squeezed.

    Returns:
        Batch: images uint8 [b, height, width, 3], quads [b, 1, 4, 2], labels [b, 1, max_label], valid (all), ignore (none).

    Raises:
        ValueError: when height or width is not a multiple of 16, or max_label is under 25.
    """
    if height % 16 or width % 16:
        raise ValueError(
            f"canvas {height}x{width} must have sides that are multiples of 16 (JPEG blocks)"
        )
    if max_label < MAX_LABEL:
        raise ValueError(
            f"{max_label=} must be at least {MAX_LABEL}: texts are up to 24 characters"
        )
    strengths = strengths or Strengths.ramp(difficulty)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(start + jnp.arange(batch))
    images, quads, labels = jax.vmap(lambda k: _draw(k, studio, strengths, (height, width)))(keys)
    labels = jnp.pad(labels, ((0, 0), (0, max_label - MAX_LABEL)))[:, None]
    valid = jnp.ones((batch, 1), bool)
    return Batch(images, quads[:, None], labels, valid, jnp.zeros_like(valid))


def _draw(
    key: Any, studio: Studio, strengths: Strengths, shape: tuple[int, int]
) -> tuple[Any, Any, Any]:
    keys = jax.random.split(key, 6)
    font = jnp.minimum(
        jnp.searchsorted(studio.face_cdf, jax.random.uniform(keys[0])), studio.face_cdf.shape[0] - 1
    )
    ids, _ = sample_text(keys[1], studio.lexicon, strengths.length)
    alias = studio.atlas.alias[font].astype(jnp.int32) + 1
    ids = jnp.where(ids > 0, alias[jnp.maximum(ids - 1, 0)], 0)

    line = _line(keys[2], studio, font, ids, strengths)
    place, quad, native = _place(keys[3], studio, font, line, strengths, shape)
    enveloped = _envelope(jax.random.fold_in(keys[3], 2), strengths.shape)
    ink = _ink(studio, font, line, place, native, shape, enveloped)
    planes = paint.paint(keys[4], ink, studio.backgrounds, native, strengths.colour)
    return _camera(keys[5], planes, native, line.alone, strengths.camera), quad, ids


def _line(key: Any, studio: Studio, font: Any, ids: Any, strengths: Strengths) -> lettering.Line:
    """Letter spacing from touching to wide, neighbouring words at the margins, letters off the baseline."""
    u = jax.random.uniform(key, (8,))
    s = strengths.shape
    x_height = studio.atlas.x_height[font]
    wide = u[0] < 0.12 * s
    tracking = x_height * jnp.where(wide, 0.15 + 0.7 * u[1] ** 2, s * (0.18 * u[1] - 0.09))
    neighbours = u[2] < 0.3 * strengths.colour
    gap = jnp.where(neighbours, jnp.maximum(tracking, 0) + x_height * (0.35 + 0.9 * u[3]), jnp.inf)
    noise = effects.hash_noise(
        jax.random.bits(key), (ids.shape[0] + lettering.BEFORE + lettering.AFTER,)
    )
    jitter = jnp.where(u[4] < 0.08 * s, x_height * 0.1, 0.0) * noise
    return lettering.lay_out(studio.atlas, font, ids, tracking, gap, jitter)


def _place(
    key: Any,
    studio: Studio,
    font: Any,
    line: lettering.Line,
    strengths: Strengths,
    shape: tuple[int, int],
) -> tuple[warp.Placement, Any, Any]:
    """Placement, quad [4, 2] on the canvas, native width and height [2] of the crop in px."""
    u = jax.random.uniform(key, (24,))
    s = strengths.shape
    ink_height = jnp.maximum(line.bottom - line.top, 3.0)
    squash = jnp.exp(s * (0.4 * (u[0] + u[1] + u[2] - 1.5) - 0.1))
    aspect = (
        jnp.maximum(line.right - line.left, 1.0) / ink_height * studio.atlas.stretch[font] * squash
    )

    angle_range = jnp.where(u[3] < 0.12, 0.44, 0.1)
    angle = s * angle_range * (u[4] + u[5] - 1) * jnp.where(aspect < 1.2, 0.5, 1.0)
    shear = s * jnp.where(u[6] < 0.2, 0.7, 0.15) * (u[7] - 0.5)
    tilt = s * jnp.where(u[8] < 0.25, 0.5, 0.1) * (u[9:11] - 0.5)
    most = jnp.minimum(1.2, 0.25 * aspect)
    turn = jnp.where(u[11] < 0.14 * s, 2 * (u[12] - 0.5) * most, 0.0)
    matrix = warp.homography(shear, angle, tilt[0], tilt[1], jnp.maximum(aspect, 0.5))
    place = warp.Placement(aspect, turn, matrix, jnp.zeros(4))

    # margins in text heights: mostly a few per cent, sometimes generous, sometimes cutting into the ink
    loose = jnp.where(u[13] < 0.2 * s, 0.45, 0.18)
    low = -0.04 * s
    margins = jnp.array([1.0, 0.8, 1.0, 0.8]) * (
        low + (loose * (0.3 + 0.7 * s) - low) * u[14:18] ** 1.3
    )
    points = warp.outline(place)
    box = jnp.concatenate([points.min(0), points.max(0)])
    scale = jnp.minimum(box[3] - box[1], 1.6)
    window = box + scale * margins * jnp.array([-1.0, -1.0, 1.0, 1.0])

    height, width = shape
    ratio = (window[2] - window[0]) / jnp.maximum(window[3] - window[1], 1e-3)
    crop_width = jnp.clip(jnp.round(height * ratio), 8, width)
    native = _native_scale(u[23], strengths.camera, jax.random.uniform(jax.random.fold_in(key, 1)))
    place = place._replace(window=window)
    whole = jnp.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]]) * jnp.stack(
        [crop_width, jnp.float32(height)]
    )
    return place, whole, native * jnp.stack([crop_width, jnp.float32(height)])


def _envelope(key: Any, s: Any) -> tuple[Any, Any]:
    """Cuts [2] and form for `warp.envelope`: signs whose letters grow and shrink along the word, now and then."""
    u = jax.random.uniform(key, (5,))
    cut = 0.4 * u[1:3] * jnp.where(u[0] < 0.1 * s, 1.0, 0.0)
    form = jnp.where(u[3] < 0.4, 0.5, jnp.where(u[3] < 0.7, 2.0, jnp.round(u[4])))
    return cut, form


def _native_scale(u: Any, camera: Any, v: Any) -> Any:
    """Native px per canvas px: half of the crops at full size, the others 10 to 30 px high."""
    return jnp.where(u < 0.48 * camera, 0.31 + 0.64 * v, 1.0)


def _ink(
    studio: Studio,
    font: Any,
    line: lettering.Line,
    place: warp.Placement,
    native: Any,
    shape: tuple[int, int],
    enveloped: tuple[Any, Any],
) -> Any:
    """`paint.Ink` of the native canvas: coverage of letters and the text coordinates of every pixel."""
    points = warp.canvas_points(place, warp.outline(place), native[0], native[1])
    span = points.max(0) - points.min(0)
    ink_width, ink_height = line.right - line.left, line.bottom - line.top
    columns = jnp.clip(1.25 * span[0], 4, lettering.WORD_COLUMNS)
    step = jnp.maximum(jnp.maximum(ink_width, 1.0) / columns, 0.5)
    rows = jnp.clip(1.25 * span[1] / ink_height, 0.15, 1.0)
    strip, jitter = lettering.coverage(studio.packed, line, step, rows)

    x, y = warp.text_coordinates(place, native[0], native[1], shape)
    y = warp.envelope(x, y, place.aspect, *enveloped)
    per_unit = ink_width / (place.aspect * step)  # strip columns per text height
    column = lettering.PAD_COLUMNS + x * per_unit
    index = jnp.clip(column, 0, lettering.STRIP_COLUMNS - 1).astype(jnp.int32)
    pushed = jitter.at[index].get(mode="promise_in_bounds")
    baseline = (studio.atlas.baseline[font] - line.top) / ink_height
    pixel = 1 / jnp.maximum(span[1], 4.0)

    def letters(across: Any, down: Any) -> Any:
        row = (line.top + (y + down) * ink_height + pushed) * rows
        return warp.sample(strip, column + across * per_unit, row)

    return paint.Ink(letters, x, y, place.aspect, baseline, pixel)


def _camera(key: Any, planes: Any, native: Any, alone: Any, s: Any) -> Any:
    """Blur, exposure, noise and JPEG at native resolution, then the enlarged picture uint8 [h, w, 3]."""
    u = jax.random.uniform(key, (16,))
    _, height, width = planes.shape
    scale = native[1] / height
    sigma = jnp.where(u[0] > 0.55 * s, 0.0, (0.3 + 1.0 * u[1] ** 2) * 1.1 * scale)
    kernel_y = kernel_x = effects.gaussian(sigma)
    motion = u[2] < 0.12 * s
    smear = effects.box(1 + 4 * u[3] * scale)
    kernel_x = jnp.where(motion & (u[4] < 0.6), smear, kernel_x)
    kernel_y = jnp.where(motion & (u[4] > 0.8), smear, kernel_y)
    planes = effects.blur_planes(planes, kernel_y, kernel_x)

    gain = jnp.where(u[5] < 0.3 * s, 0.6 + 0.85 * u[6], 1.0)
    mean = (
        planes.mean()
    )  # towards white or black by a share of what is left, so that little is lost
    room = jnp.where(u[8] < 0.5, -0.5 * mean, 0.9 * (1 - mean))
    lift = jnp.where(u[7] < 0.3 * s, room * jnp.abs(u[8] - 0.5), 0.0)
    cast = 1 + s * 0.3 * (jax.random.uniform(jax.random.fold_in(key, 2), (3, 1, 1)) - 0.5)
    planes = effects.tone(planes * cast, gain, lift, s * 0.6 * (u[9] - 0.5))
    level = s * jnp.where(u[10] < 0.6, 0.012 * u[11], 0.065 * u[11] ** 2.5)
    grain = effects.colour_noise(jax.random.bits(jax.random.fold_in(key, 1)), (height, width))
    planes = jnp.clip(planes + level * grain, 0, 1)
    strength = jnp.exp(-1.0 + 2.3 * u[12])
    planes = jnp.where(u[13] < 0.5 * s, effects.jpeg_planes(planes, strength), planes)

    # right of the crop: its last column repeated, or the scene going on where no other word stands
    last_column = jnp.where((u[14] < 0.75) | ~alone, native[0] - 1.0, width)
    return effects.enlarge(planes, scale, native[1] - 1.0, last_column)


def crop_widths(batch: Batch) -> Any:
    """Width in px of each crop's valid part. [b]"""
    return batch.quads[:, 0, :, 0].max(-1)
