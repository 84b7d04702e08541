"""A page drawn on its picture: thin outlines with each word above its box, or beside it as a clean copy of the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gemma3_jax.decoding.boxes import sides
from gemma3_jax.imaging.load import ImageError, load_image
from gemma3_jax.metrics.polygons import overlaps

if TYPE_CHECKING:
    from gemma3_jax.page import Page, Word

Colour = tuple[int, int, int]

SURE: Colour = (0, 150, 136)  # teal, blue and amber stay apart for most colour-blind eyes
FAIR: Colour = (25, 118, 210)
DOUBTFUL: Colour = (245, 124, 0)
UNREAD: Colour = (150, 150, 150)
INK: Colour = (33, 37, 41)
PAPER: Colour = (252, 252, 250)
LABELLED_AT_MOST = 60  # words; labels on more would hide the page
SMOOTH = 2  # drawn this much larger, then shrunk: Pillow's lines are jagged
SMALLEST_OUTPUT = 900  # px: labels on a thumbnail would be as large as the picture
LABEL_PX = (13, 26)


def draw(
    page: Page, picture: Any = None, style: Literal["auto", "overlay", "panel"] = "auto"
) -> Image.Image:
    """RGB picture of the page's words: teal where the text is sure (0.9 and up), blue where fair (0.6), amber below; grey
    outlines where a word could not be read.

    Pictures under 900 px are enlarged so that labels stay readable; the panel doubles the width.

    Raises:
        ImageError: when the picture cannot be opened. ValueError: no picture, one of another size, or an unknown style.
    """
    if style not in ("auto", "overlay", "panel"):
        raise ValueError(f"{style=} is not one of auto, overlay, panel")
    base = Image.fromarray(_pixels(page, picture))
    zoom = max(1.0, SMALLEST_OUTPUT / max(base.size))
    base = base.resize((round(base.width * zoom), round(base.height * zoom)))
    panel = style == "panel" or (style == "auto" and len(page.words) > LABELLED_AT_MOST)
    outlined = _outlines(base, page, zoom)
    if not panel:
        return _labels(outlined, page, zoom)
    both = Image.new("RGB", (2 * base.width + 8, base.height), INK)
    both.paste(outlined, (0, 0))
    both.paste(_clean_copy(base.size, page, zoom), (base.width + 8, 0))
    return both


def save(image: Image.Image, path: str | Path) -> None:
    """Write a drawn picture in the format of its suffix.

    Raises:
        ImageError: unknown suffix, or the place cannot be written to.
    """
    try:
        image.save(path)
    except ValueError as error:
        raise ImageError(str(path), "unknown picture suffix: use .png or .jpg") from error
    except OSError as error:
        raise ImageError(str(path), f"cannot be written ({error.strerror or error})") from error


def _pixels(page: Page, picture: Any) -> np.ndarray:
    source = page.picture if picture is None else picture
    if source is None:
        raise ValueError("the page has no picture to draw on: give one with draw(picture=...)")
    pixels = load_image(source)
    if pixels.shape[:2] != (page.height, page.width):
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise ValueError(f"the picture is {size}, the page was {page.width}x{page.height}")
    return pixels


def _colour(word: Word) -> Colour:
    return SURE if word.confidence >= 0.9 else FAIR if word.confidence >= 0.6 else DOUBTFUL


def _outlines(base: Image.Image, page: Page, zoom: float) -> Image.Image:
    """The picture with a translucent fill and a thin outline around each word, and an outline alone around unread ones."""
    size = (base.width * SMOOTH, base.height * SMOOTH)
    fill, line = Image.new("L", size), Image.new("L", size)
    colours = Image.new("RGB", size, SURE)
    on_fill, on_line, on_colours = (ImageDraw.Draw(layer) for layer in (fill, line, colours))
    unread = [(word, UNREAD, 0) for word in page.unread]
    for word, colour, shade in [*unread, *((word, _colour(word), 20) for word in page.words)]:
        points = [(x, y) for x, y in (word.quad * zoom * SMOOTH).tolist()]
        height = float(sides(word.quad * zoom)[1])
        thickness = max(1, round(SMOOTH * float(np.clip(height / 16, 1.0, 2.5))))
        on_fill.polygon(points, fill=shade)
        on_line.line([*points, points[0], points[1]], fill=255, width=thickness, joint="curve")
        ring = [*points, points[0], points[1]]
        on_colours.polygon(points, fill=colour)
        on_colours.line(ring, fill=colour, width=thickness + 2, joint="curve")
    alpha = Image.fromarray(np.maximum(np.asarray(fill), np.asarray(line)))
    alpha, colours = (layer.resize(base.size, Image.Resampling.BOX) for layer in (alpha, colours))
    return Image.composite(colours, base, alpha)


def _labels(base: Image.Image, page: Page, zoom: float) -> Image.Image:
    """Each word on a small tag above its box, or wherever near it that no other tag or word is."""
    pen = ImageDraw.Draw(base)
    quads = np.array([word.quad for word in page.words]).reshape(-1, 4, 2) * zoom
    taken: list[np.ndarray] = []
    for word, quad in zip(page.words, quads, strict=True):
        height = float(np.clip(0.38 * sides(quad)[1], *LABEL_PX))
        font = ImageFont.load_default(round(height))
        left, _, right, _ = pen.textbbox((0, 0), word.text, font=font)
        pad = round(height * 0.28)
        size = (round(right - left) + 2 * pad, round(height * 1.35))
        x, y = _free_place(quad, size, quads, taken, base.size)
        box = (x, y, x + size[0], y + size[1])
        taken.append(np.array([[x, y], [box[2], y], [box[2], box[3]], [x, box[3]]]))
        pen.rounded_rectangle(box, radius=size[1] // 4, fill=_colour(word))
        middle = (x + pad - left, y + size[1] / 2)
        pen.text(middle, word.text, font=font, fill="white", anchor="lm")
    return base


def _free_place(
    quad: np.ndarray,
    size: tuple[int, int],
    words: np.ndarray,
    taken: list[np.ndarray],
    limits: tuple[int, int],
) -> tuple[float, float]:
    """Top-left corner of a tag: of a few places around the word, the one that hides least of words and other tags."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    lefts = (low[0], high[0] - size[0])
    places = [(x, y) for y in (low[1] - size[1] - 2, high[1] + 2) for x in lefts]
    middle = (low[1] + high[1] - size[1]) / 2
    places += [(high[0] + 3, middle), (low[0] - size[0] - 3, middle)]
    corners = np.clip(np.array(places), 0, np.maximum(np.subtract(limits, size), 0))
    tags = corners[:, None] + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size
    hidden = overlaps(tags, words)[0].sum(axis=1)
    if taken:
        hidden += 3 * overlaps(tags, np.stack(taken))[0].sum(axis=1)
    hidden += 0.02 * size[0] * size[1] * np.arange(len(places))  # sooner above than elsewhere
    best = corners[hidden.argmin()]
    return float(best[0]), float(best[1])


def _clean_copy(size: tuple[int, int], page: Page, zoom: float) -> Image.Image:
    """White paper with every word set in its place, along its own direction, each line in one size as far as it fits."""
    paper = Image.new("RGB", size, PAPER)
    for line in page.lines:
        fitting = [_fitting_size(word, zoom) for word in line.words]
        common = float(np.median(fitting))
        for word, own in zip(line.words, fitting, strict=True):
            _set_word(paper, word, word.quad * zoom, min(common, 1.05 * own))
    return paper


def _fitting_size(word: Word, zoom: float) -> float:
    """Font size, px, at which the word fills its box in one direction."""
    width, height = (float(v) * zoom for v in sides(word.quad))
    left, _, right, _ = ImageFont.load_default(40).getbbox(word.text)
    return float(np.clip(min(0.92 * height, 40 * width / max(right - left, 1)), 5, 300))


def _set_word(paper: Image.Image, word: Word, quad: np.ndarray, size: float) -> None:
    font = ImageFont.load_default(size)
    ink = INK if word.confidence >= 0.6 else DOUBTFUL
    along = quad[1] + quad[2] - quad[0] - quad[3]
    angle = float(np.degrees(np.arctan2(along[1], along[0])))
    start, end = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
    if abs(angle) < 3:
        middle = (float(start[0]), float(start[1] + end[1]) / 2)
        ImageDraw.Draw(paper).text(middle, word.text, font=font, fill=ink, anchor="lm")
        return
    width, height = (float(v) for v in sides(quad))
    room = (max(1, round(1.2 * width)), max(1, round(1.5 * height)))
    stencil = Image.new("L", room)
    pen = ImageDraw.Draw(stencil)
    pen.text((room[0] / 2, room[1] / 2), word.text, font=font, fill=255, anchor="mm")
    turned = stencil.rotate(-angle, expand=True, resample=Image.Resampling.BICUBIC)
    centre = quad.mean(axis=0) - np.array(turned.size) / 2
    paper.paste(ink, (round(float(centre[0])), round(float(centre[1]))), turned)
