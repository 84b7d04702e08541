"""Where the words of a drawn scene stand: lines of text on one to four flat papers, each seen from its own angle.

A scene is one of three kinds: a STREET view (signs in the cells of a coarse grid), a PAGE or form (dense lines), a RECEIPT
(narrow lines with prices at the right). Words never overlap by construction: they flow into lines as in a text editor, and
papers keep to their cell. Paper plane: x right, y down, in cell px of the atlas; a homography per paper leads to the canvas.
`n` words, `k` = BLOCKS papers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gemma3_jax.data import lettering, warp
from gemma3_jax.data.flow import STREET, Flow, by_kind, flow
from gemma3_jax.data.glyphs import CELL
from gemma3_jax.data.scene_text import Texts, monospaced

KIND_SHARES = (0.5, 0.3, 0.2)
BLOCKS = 4
CAPITAL = 27.0  # cell px, about the height of capitals with a bit of overhang
MARGIN = 0.06  # of the ink's height, on every side of a word's quad
_EDGE = 3.0  # px kept free along the border of a cell of the grid


class Words(NamedTuple):
    """The words in paper units; a dead slot (`alive` false) has finite but meaningless numbers."""

    lines: lettering.Line  # [n, ...] letters of each word
    block: Any  # [n] int32, paper that it stands on
    alive: Any  # [n] bool
    left: Any  # [n] left edge of the ink
    baseline: Any  # [n]
    scale: Any  # [n] paper units per cell px, down
    wide: Any  # [n] paper units per cell px, across
    box: Any  # [n, 4] x0, y0, x1, y1: what the quad encloses
    row: Any  # [n] int32, number of the line of text


class Papers(NamedTuple):
    """The papers (blocks of text) and how the camera sees them."""

    extent: Any  # [k, 4] box around all words
    matrix: Any  # [k, 3, 3] paper plane -> canvas px
    pixel: Any  # [k] canvas px per paper unit, at the middle
    cell: Any  # [k, 4] part of the canvas that is this paper's, px; empty for those not used


def counts(u: Any, kind: Any, words: int) -> tuple[Any, Any]:
    """How many words each paper has [k] int32, and how many papers there are (1, 2 or 4). u: [k + 2] uniforms."""
    pattern = (u[0] * 5).astype(jnp.int32)
    papers = jnp.where(kind == STREET, jnp.array([1, 1, 2, 2, 4])[pattern], 1)
    most = jnp.where(papers == 1, 7.99, 4.99)
    each = 1 + (most * u[2:] ** 1.5).astype(jnp.int32)
    full = jnp.ceil(words * (0.55 + 0.45 * u[1])).astype(jnp.int32)
    each = jnp.where(kind == STREET, each, full) * (jnp.arange(BLOCKS) < papers)
    return jnp.where((kind == STREET) & (u[1] < 0.03), 0, each), papers


def grid(u: Any, papers: Any, shape: tuple[int, int]) -> Any:
    """Cells of the canvas for 1, 2 (above or beside each other) or 4 papers. [k, 4] px, empty for the others"""
    height, width = shape
    across, down = width * (0.35 + 0.3 * u[0]), height * (0.3 + 0.4 * u[1])
    beside = u[2] < 0.35
    split_x = jnp.where((papers == 4) | ((papers == 2) & beside), across, width)
    split_y = jnp.where((papers == 4) | ((papers == 2) & ~beside), down, height)
    right = jnp.where(papers == 4, jnp.array([0, 1, 0, 1]), jnp.array([0, beside, 0, 0]))
    lower = jnp.where(papers == 4, jnp.array([0, 0, 1, 1]), jnp.array([0, ~beside, 0, 0]))
    x0, y0 = jnp.where(right, split_x, 0.0), jnp.where(lower, split_y, 0.0)
    x1, y1 = jnp.where(right, width, split_x), jnp.where(lower, height, split_y)
    cells = jnp.stack([x0, y0, x1, y1], -1)
    return jnp.where((jnp.arange(BLOCKS) < papers)[:, None], cells, 0.0)


def arrange(
    key: Any, atlas: Any, texts: Texts, papers: Any, kind: Any, shape: tuple[int, int], s: Any
) -> tuple[Words, Papers]:
    """Set `texts` into lines and place their papers (1, 2 or 4) on a canvas of `shape` px.

    s: strength of the deformation, 0..1.
    """
    keys = jax.random.split(key)
    u = jax.random.uniform(keys[0], (BLOCKS, 24))  # one call: every threefry is compiled apart
    height, width = shape
    small = (u[:, 0] < 0.1 * s) & (kind == STREET)
    street = 8.0 * jnp.exp(2.6 * u[:, 1] ** 1.4)
    wanted = by_kind(kind, street, 7.5 + 9 * u[:, 1] ** 1.3, 9 + 13 * u[:, 1] ** 1.5)
    wanted = jnp.where(small, 3.5 + 4 * u[:, 1], wanted) / CAPITAL  # px per paper unit
    share = by_kind(kind, jnp.zeros(BLOCKS), 0.6 + 0.36 * u[:, 2], 0.5 + 0.4 * u[:, 2])
    limit = jnp.where(kind == STREET, 130 + 650 * u[:, 2] ** 2, share * width / wanted)
    deepest = jnp.where(kind == STREET, 1e6, 0.93 * height / wanted)

    lines, measured = _measure(atlas, texts, u, s)
    placed = flow(keys[1], measured, texts, kind, limit, s)
    left, alive = _aligned(placed, texts, kind, u[:, 3], limit)
    alive = alive & (placed.baseline + 0.4 * CELL < deepest[texts.block])
    words = _words(atlas, texts, lines, placed, measured.wide, left, alive)
    member = (texts.block[:, None] == jnp.arange(BLOCKS)) & alive[:, None]
    low = jnp.where(member[:, :, None], words.box[:, None, :2], 1e5).min(0)
    high = jnp.where(member[:, :, None], words.box[:, None, 2:], -1e5).max(0)
    used = member.any(0)
    extent = jnp.where(
        used[:, None], jnp.concatenate([low, high], 1), jnp.array([0.0, 0, 200, 100])
    )
    cells = grid(u[0, 16:19], papers, shape)
    angle = _angles(u[:, 20:], kind, s)
    matrix, pixel = jax.vmap(_camera, (0, 0, 0, 0, 0, None, None))(
        extent, cells, wanted, angle, u[:, 8:16], kind, s
    )
    return words, Papers(extent, matrix, pixel, cells)


def quads(words: Words, papers: Papers) -> Any:
    """Corners of every word on the canvas, clockwise from the top left of the text. [n, 4, 2] px"""
    corners = words.box[:, jnp.array([0, 1, 2, 1, 2, 3, 0, 3])].reshape(-1, 4, 2)
    return jax.vmap(warp.project)(papers.matrix[words.block], corners)


class Measured(NamedTuple):
    width: Any  # [n] ink width in paper units at scale 1
    wide: Any  # [n] paper units per cell px, across
    ascent: Any  # [n] cell px above the baseline
    space: Any  # [n] the width of this face's gaps, 1 is usual


def _measure(atlas: Any, texts: Texts, u: Any, s: Any) -> tuple[lettering.Line, Measured]:
    loose = jnp.where(u[:, 4] < 0.12 * s, 0.1 + 0.5 * u[:, 5], s * (0.16 * u[:, 5] - 0.06))
    tracking = loose[texts.block] * atlas.x_height[texts.font]
    still = jnp.zeros(texts.ids.shape[1] + lettering.BEFORE + lettering.AFTER)
    lines = jax.vmap(lambda f, i, t: lettering.lay_out(atlas, f, i, t, jnp.inf, still))(
        texts.font, texts.ids, tracking
    )
    squash = jnp.exp(s * 0.35 * (u[:, 6] + u[:, 7] - 1))
    wide = atlas.stretch[texts.font] * squash[texts.block]
    width = jnp.where(texts.alive, (lines.right - lines.left) * wide, 0.0)
    # a gap is as stretched as the letters and grows with their spacing; typewriters leave a whole letter free
    space = jnp.where(monospaced(atlas)[texts.font], 1.5, 1.0) + 3 * jnp.maximum(tracking, 0) / CELL
    return lines, Measured(width, wide, atlas.baseline[texts.font], space * wide)


def _aligned(placed: Flow, texts: Texts, kind: Any, u: Any, limit: Any) -> tuple[Any, Any]:
    """Left edges after centring or right-aligning lines; and which words are there at all."""
    right = placed.left + placed.width
    same = (placed.row[:, None] == placed.row) & texts.alive
    line_end = jnp.where(same, right, 0.0).max(1)
    block = (texts.block[:, None] == texts.block) & texts.alive
    longest = jnp.where(block, right, 0.0).max(1)
    share = jnp.where(u < 0.45, 0.5, jnp.where(u < 0.9, 0.0, 1.0))[texts.block]
    head = placed.row < 4 * u[0]
    share = by_kind(kind, share, 0.5 * ((placed.row == 0) & (u[0] < 0.5)), 0.5 * head)
    room = jnp.where(kind == STREET, longest, limit[texts.block]) - line_end
    return placed.left + share * jnp.maximum(room, 0.0), texts.alive & (placed.width > 0)


def _words(
    atlas: Any, texts: Texts, lines: lettering.Line, placed: Flow, wide: Any, left: Any, alive: Any
) -> Words:
    """Boxes hug each word's own letters, dashes and dots apart, which are given some height."""
    x_height, base = atlas.x_height[texts.font], atlas.baseline[texts.font]
    top = jnp.minimum(lines.top, base - 0.8 * x_height) - base
    bottom = jnp.maximum(lines.bottom, base - 0.2 * x_height) - base
    margin = MARGIN * (bottom - top) * placed.scale
    box = jnp.stack(
        [
            left - margin,
            placed.baseline + top * placed.scale - margin,
            left + placed.width + margin,
            placed.baseline + bottom * placed.scale + margin,
        ],
        -1,
    )
    box = jnp.where(alive[:, None], box, jnp.array([0.0, 0, 40, 40]))
    wide = wide * placed.scale
    return Words(
        lines, texts.block, alive, left, placed.baseline, placed.scale, wide, box, placed.row
    )


def _angles(u: Any, kind: Any, s: Any) -> Any:
    """Radians: street signs mostly within 15 degrees, one in eight at any angle or on its side; papers nearly upright."""
    upright = (
        (u[:, 0] + u[:, 1] - 1)
        * by_kind(kind, 0.27, 0.07, 0.09)
        * jnp.where(u[:, 2] < 0.15, 1.8, 1.0)
    )
    quarter = jnp.floor(u[:, 3] * 4) * (jnp.pi / 2)
    turned = jnp.where(u[:, 2] > 0.95, 2 * jnp.pi * u[:, 3], upright + quarter)
    return s * jnp.where((u[:, 2] > 0.88) & (kind == STREET), turned, upright)


def _camera(
    extent: Any, cell: Any, wanted: Any, angle: Any, u: Any, kind: Any, s: Any
) -> tuple[Any, Any]:
    """The homography of one paper: as large as wanted, or as its cell allows, anywhere inside the cell."""
    size = extent[2:] - extent[:2]
    high, aspect = size[1], size[0] / size[1]
    wild = jnp.where(u[0] < 0.3, 0.5, 0.2)
    tilt = s * by_kind(kind, wild, 0.08, 0.12) * (u[1:3] - 0.5)
    shear = s * by_kind(kind, 0.3, 0.08, 0.08) * (u[3] - 0.5)
    view = warp.homography(shear, angle, tilt[0], tilt[1], jnp.maximum(aspect, 0.5))
    corners = jnp.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    seen = warp.project(view, corners * jnp.stack([aspect, 1.0]))  # unit: the paper's height
    low, span = seen.min(0), seen.max(0) - seen.min(0)
    room = jnp.maximum(cell[2:] - cell[:2] - 2 * _EDGE, 1.0)
    pixel = jnp.minimum(wanted, (room / span / high).min())
    free = room - span * pixel * high
    shift = cell[:2] + _EDGE + free * u[4:6] - low * pixel * high
    middle = (extent[:2] + extent[2:]) / 2
    zero, one = jnp.zeros(()), jnp.ones(())
    to_unit = jnp.array(
        [
            [1 / high, zero, -middle[0] / high],
            [zero, 1 / high, -middle[1] / high],
            [zero, zero, one],
        ]
    )
    scale = pixel * high
    to_canvas = jnp.array([[scale, zero, shift[0]], [zero, scale, shift[1]], [zero, zero, one]])
    return to_canvas @ view @ to_unit, pixel
