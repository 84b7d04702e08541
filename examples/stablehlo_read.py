"""Read a picture with `spotter.stablehlo`, JAX, NumPy and Pillow; nothing of gemma3_jax is needed.

gemma3-ocr export --format stablehlo --output exported
python examples/stablehlo_read.py exported photo.jpg
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import numpy as np
from jax import export
from PIL import Image, ImageOps

SIDE, MULTIPLE = (
    1280,
    32,
)  # px: the longest side to look at, and what both sides must be multiples of
SLOTS, COLUMNS = 128, 64  # words at most, and the length of the strip in which a word is read


def main(folder: str, picture: str) -> None:
    """Print each word with its confidence (that of its least certain character) and its top left corner."""
    charset = json.loads((Path(folder) / "metadata.json").read_text())["charset"]
    program = export.deserialize(bytearray((Path(folder) / "spotter.stablehlo").read_bytes()))
    image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
    scale = SIDE / max(image.size)
    image = image.resize([max(1, round(scale * side)) for side in image.size])
    height, width = (-(-side // MULTIPLE) * MULTIPLE for side in (image.height, image.width))
    canvas = np.full((1, height, width, 3), 128, np.uint8)
    canvas[0, : image.height, : image.width] = np.asarray(image)

    # of the other two inputs only the lengths count
    outputs = jax.jit(program.call)(canvas, np.zeros(SLOTS, bool), np.zeros(COLUMNS, bool))
    quads, _scores, tokens, probs, valid = (np.asarray(output)[0] for output in outputs)
    for i in np.flatnonzero(valid):
        # CTC: a character is said once however many columns say it; class 0, the blank, parts doubled letters
        new = (tokens[i] != np.append(0, tokens[i][:-1])) & (tokens[i] != 0)
        text = "".join(charset[k - 1] for k in tokens[i][new])
        if text:
            x, y = quads[i, 0] / scale
            print(f"{probs[i][new].min():6.1%}  ({x:6.1f}, {y:6.1f})  {text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
