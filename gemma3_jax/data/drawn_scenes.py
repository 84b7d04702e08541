"""Whole scenes drawn on the accelerator, with boxes and texts: a pure function of (key, index), like `synthetic`.

    studio = synthetic.prepare(atlas, lexicon, backgrounds)
    batch = draw_scenes(key, studio, batch=16, start=step * 16)

Every word becomes a coverage strip (`lettering`); every pixel looks through the homography of its paper, finds the word
whose box is nearest and samples its strip: one gather a pixel for all words together, no loop over windows.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gemma3_jax.data import (
    effects,
    layout,
    lettering,
    scene_camera,
    scene_paint,
    scene_surface,
    scene_text,
)
from gemma3_jax.data.flow import STREET, by_kind
from gemma3_jax.data.glyphs import CELL
from gemma3_jax.data.lexicon import MAX_LABEL
from gemma3_jax.data.paint import luma, random_colour
from gemma3_jax.data.synthetic import Strengths, Studio
from gemma3_jax.types import Batch

MAX_WORDS = 256  # an index has eight bits in `_owners`
LEAST_HEIGHT = 5.0  # px: smaller words are nobody's business
_NEAR = 16  # steps per paper unit in which distances to words are compared


def draw_scenes(
    key: Any,
    studio: Studio,
    *,
    batch: int,
    start: Any = 0,
    size: tuple[int, int] = (320, 320),
    words: int = 32,
    max_label: int = MAX_LABEL,
    difficulty: Any = 1.0,
    strengths: Strengths | None = None,
    inked: Any = 1.0,
) -> Batch:
    """Draw scenes `start` .. `start + batch - 1` of the stream `key`. Jittable; static: batch, size, words, max_label.

    Streets, pages and receipts (`layout.KIND_SHARES`). Words too small or too blurred to be read are `ignore`. Scene i
    depends on fold_in(key, i) only, whatever the batch split or the number of devices. `inked` 0 leaves the letters out
    and everything else as it is: the difference of the two pictures is the ink.

    Returns:
        Batch: images uint8 [b, h, w, 3], quads [b, n, 4, 2] px, labels [b, n, max_label], valid, ignore; n = `words`.

    Raises:
        ValueError: when a side is not a multiple of 16 or below 64, words not in 1..256, or max_label under 25.
    """
    if any(side % 16 or side < 64 for side in size):
        raise ValueError(
            f"{size=} must have sides that are multiples of 16 (JPEG blocks), 64 at least"
        )
    if not 1 <= words <= MAX_WORDS:
        raise ValueError(f"{words=} must be in 1..{MAX_WORDS}")
    if max_label < MAX_LABEL:
        raise ValueError(
            f"{max_label=} must be at least {MAX_LABEL}: texts are up to 24 characters"
        )
    strengths = strengths or Strengths.ramp(difficulty)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(start + jnp.arange(batch))
    scenes = jax.vmap(lambda k: _draw(k, studio, strengths, size, words, inked))(keys)
    labels = jnp.pad(scenes.labels, ((0, 0), (0, 0), (0, max_label - MAX_LABEL)))
    return scenes._replace(labels=labels)


def _draw(
    key: Any, studio: Studio, strengths: Strengths, size: tuple[int, int], words: int, inked: Any
) -> Batch:
    """One scene, without the batch axis."""
    keys = jax.random.split(key, 6)
    v = jax.random.uniform(keys[0], (layout.BLOCKS, 56))  # of the papers
    u = v[:, 52:].ravel()  # of the scene
    kind = (u[0] > jnp.cumsum(jnp.array(layout.KIND_SHARES))[:2]).sum()
    counts, sheets = layout.counts(u[1 : layout.BLOCKS + 3], kind, words)
    pricy = by_kind(kind, 0.04, 0.08, 0.38)
    texts = scene_text.write(
        keys[1], studio, counts, words, kind != STREET, pricy, strengths.length
    )
    placed, papers = layout.arrange(
        keys[2], studio.atlas, texts, sheets, kind, size, strengths.shape
    )
    blurred = scene_camera.sigma(u[-2:], kind, strengths.camera)

    view = scene_surface.surface(papers, scene_surface.margins(v[:, :4], kind), size)
    cover, owner = _letters(studio, texts, placed, papers, view)
    ground = scene_paint.ground(keys[3], studio.backgrounds, size, strengths.colour)
    ground = scene_paint.sheets(v[:, 4:20], ground, view, kind, strengths.colour)
    colours = scene_paint.inks(v[:, 20:36], ground, view, kind, strengths.colour)
    lines = v[:, 40:52].reshape(scene_paint.RULES, 8)
    lined = scene_paint.rules(lines, placed, papers, view, kind, strengths.colour)
    ink = _colour_map(colours[placed.block], owner)
    image = _compose(keys[4], ground, cover * inked, lined, ink, kind, strengths.colour)
    picture = scene_camera.camera(keys[5], image, blurred, kind, strengths.camera)
    quads = layout.quads(placed, papers)
    tall = jnp.linalg.norm(quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1], axis=-1) / 2
    hidden = tall < LEAST_HEIGHT + 2.5 * blurred
    labels = jnp.where(placed.alive[:, None], texts.ids, 0)
    quads = jnp.where(placed.alive[:, None, None], quads, 0.0)
    return Batch(picture, quads, labels, placed.alive, placed.alive & hidden)


def _letters(
    studio: Studio,
    texts: Any,
    words: layout.Words,
    papers: layout.Papers,
    view: scene_surface.Surface,
) -> tuple[Any, Any]:
    """Coverage of all letters [h, w] and the word that each pixel belongs to [h, w]."""
    lines, pixel = words.lines, papers.pixel[words.block]
    ink_width = jnp.maximum(lines.right - lines.left, 1.0)
    columns = jnp.clip(1.25 * ink_width * words.wide * pixel, 4, lettering.WORD_COLUMNS)
    step = jnp.maximum(ink_width / columns, 0.5)
    rows = jnp.clip(1.25 * words.scale * pixel, 0.15, 1.0)  # strip rows per cell px
    strips, _ = jax.vmap(lambda *a: lettering.coverage(studio.packed, *a))(lines, step, rows)
    packed = jax.vmap(_pack)(strips * words.alive[:, None, None]).ravel()  # dead slots are blank

    owner = _owners(words, view)
    across = 1 / (words.wide * step)
    down = rows / words.scale
    left = words.left + scene_surface.APART * words.block
    shift = studio.atlas.baseline[texts.font] * rows - words.baseline * down
    column = (view.x - left[owner]) * across[owner] + lettering.PAD_COLUMNS
    row = view.y * down[owner] + shift[owner]
    cover = _sample(packed, owner, column, row)
    crisp = jnp.clip(1.2 * words.scale * pixel / rows, 1.0, 3.0)[
        owner
    ]  # letters larger than their cell
    return jnp.clip((cover - 0.5) * crisp + 0.5, 0, 1), owner


def _owners(words: layout.Words, view: scene_surface.Surface) -> Any:
    """Index of the word whose box is nearest to every pixel. Distance and index share an integer: one minimum does it."""
    centre = (words.box[:, :2] + words.box[:, 2:]) / 2
    centre = centre.at[:, 0].add(scene_surface.APART * words.block)
    half = (words.box[:, 2:] - words.box[:, :2]) / 2
    half = jnp.where(words.alive[:, None], half, -1e5)

    def nearer(best: Any, word: Any) -> tuple[Any, None]:
        index, middle, reach = word
        away = jnp.maximum(
            jnp.abs(view.x - middle[0]) - reach[0], jnp.abs(view.y - middle[1]) - reach[1]
        )
        code = (away * _NEAR).astype(jnp.int32) * MAX_WORDS + index
        return jnp.minimum(best, code), None

    worst = jnp.full(view.x.shape, jnp.iinfo(jnp.int32).max)
    each = (jnp.arange(words.left.shape[0]), centre, half)
    best, _ = jax.lax.scan(nearer, worst, each, unroll=2)
    return best & (MAX_WORDS - 1)


def _pack(strip: Any) -> Any:
    """Every pixel of a strip [CELL, STRIP_COLUMNS] with its right, lower and lower right neighbours, in one uint32."""
    grey = jnp.round(jnp.clip(strip, 0, 255)).astype(jnp.uint32)
    right = jnp.pad(grey[:, 1:], ((0, 0), (0, 1)))
    pair = grey | (right << 8)
    return pair | (jnp.pad(pair[1:], ((0, 1), (0, 0))) << 16)


def _sample(packed: Any, owner: Any, column: Any, row: Any) -> Any:
    """Bilinear coverage 0..1 at fractional places of each pixel's strip; blank outside."""
    x, y = column - 0.5, row - 0.5
    last = lettering.STRIP_COLUMNS - 1
    inside = (x >= 0) & (x < last) & (y > -1) & (y < CELL)
    x, y = jnp.clip(x, 0, last - 1e-3), jnp.clip(y, 0, CELL - 1.001)
    left, top = x.astype(jnp.int32), y.astype(jnp.int32)
    at = (owner * CELL + top) * lettering.STRIP_COLUMNS + left
    word = packed.at[at].get(mode="promise_in_bounds")
    fx, fy = x - left, y - top
    a, b, c, d = (((word >> shift) & 255).astype(jnp.float32) for shift in (0, 8, 16, 24))
    return inside * ((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy) / 255


def _colour_map(colours: Any, owner: Any) -> Any:
    """Colours [n, 3] of the words as planes [3, h, w], by one gather."""
    red, green, blue = jnp.round(colours.T * 255).astype(jnp.uint32)
    packed = (red | (green << 8) | (blue << 16))[owner]
    return jnp.stack([((packed >> s) & 255).astype(jnp.float32) for s in (0, 8, 16)]) * (1 / 255)


def _compose(key: Any, ground: Any, cover: Any, lined: Any, ink: Any, kind: Any, s: Any) -> Any:
    """A shadow or an outline, then the letters, then light over everything."""
    u = jax.random.uniform(key, (32,))
    outlined = (u[0] < 0.1 * s) & (kind == STREET)
    shadowed = (u[0] > 1 - 0.14 * s) & (kind == STREET)
    move = (0.6 + 2.2 * u[1:3]) * jnp.where(u[3:5] < 0.3, -1, 1) * shadowed
    soft = jnp.where(outlined, 0.6 + 0.8 * u[5], jnp.where(u[6] < 0.5, 0.0, 1.5 * u[7]))
    around = effects.blur_planes(
        cover, effects.shifted(move[0], soft), effects.shifted(move[1], soft)
    )
    around = jnp.where(outlined, jnp.clip(around * 6 - 0.3, 0, 1), around * (0.4 + 0.6 * u[8]))
    light_ink = luma(ink) > 0.5
    contrary = jnp.where(light_ink, 0.2 * u[9], 1 - 0.2 * u[9])
    shade = jnp.where(outlined, contrary, jnp.where(light_ink, 0.15 * u[9], 0.5 * u[9]))
    tint = random_colour(u[10:15])[:, None, None]
    shade = jnp.where(
        outlined & (u[15] < 0.3) & (jnp.abs(luma(tint) - luma(ink)) > 0.3), tint, shade
    )
    image = ground + (shade - ground) * around * (outlined | shadowed)
    image = image + (ink - image) * jnp.maximum(cover, lined)
    return scene_camera.light(u[16:28], image, kind, s)
