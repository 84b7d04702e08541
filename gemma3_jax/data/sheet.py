"""Contact sheets: many crops with their labels on one picture, to look at before training on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gemma3_jax.charset import Charset


def contact_sheet(
    images: Any,
    labels: Any,
    charset: Charset | None = None,
    *,
    columns: int = 8,
    scale: int = 2,
    quads: Any = None,
) -> Image.Image:
    """Crops in a grid, label under each.

    images: [b, h, w, 3] uint8. labels: ids [b, l] or [b, 1, l], or texts. quads: [b, n, 4, 2] px, drawn in red when given.

    Raises:
        ValueError: when there are not as many labels as images.
    """
    images = np.asarray(images)
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    texts = _texts(labels, charset or Charset())
    height, width = images.shape[1] * scale, images.shape[2] * scale
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (width + 4), rows * (height + 18)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        x, y = index % columns * (width + 4), index // columns * (height + 18)
        sheet.paste(
            Image.fromarray(image.astype(np.uint8)).resize(
                (width, height), Image.Resampling.NEAREST
            ),
            (x, y),
        )
        pen.text((x + 2, y + height + 1), text, fill="black", font=font)
        for quad in [] if quads is None else np.asarray(quads)[index] * scale:
            pen.polygon([(x + qx, y + qy) for qx, qy in quad], outline="red")
    return sheet


def _texts(labels: Any, charset: Charset) -> Sequence[str]:
    if isinstance(labels[0], str):
        return labels
    return [charset.decode(row) for row in np.asarray(labels).reshape(len(labels), -1).astype(int)]
