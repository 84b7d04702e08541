"""Read a picture with `spotter.onnx`, NumPy, Pillow and ONNX Runtime; nothing of gemma3_jax is needed.

gemma3-ocr export --format onnx --output exported
python examples/onnx_read.py exported/spotter.onnx photo.jpg
"""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

SIDE, MULTIPLE = (
    1280,
    32,
)  # px: the longest side to look at, and what both sides must be multiples of


def main(model: str, picture: str) -> None:
    """Print each word with its confidence (that of its least certain character) and its top left corner."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    charset = session.get_modelmeta().custom_metadata_map["charset"]
    image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
    scale = SIDE / max(image.size)
    image = image.resize([max(1, round(scale * side)) for side in image.size])
    height, width = (-(-side // MULTIPLE) * MULTIPLE for side in (image.height, image.width))
    canvas = np.full((1, height, width, 3), 128, np.uint8)
    canvas[0, : image.height, : image.width] = np.asarray(image)

    feed = {"images": canvas, "slots": np.array([512]), "columns": np.array([128])}
    names = ["quads", "valid", "tokens", "token_probs"]
    quads, valid, tokens, probs = (np.asarray(output)[0] for output in session.run(names, feed))
    for i in np.flatnonzero(valid):
        # CTC: a character is said once however many columns say it; class 0, the blank, parts doubled letters
        new = (tokens[i] != np.append(0, tokens[i][:-1])) & (tokens[i] != 0)
        text = "".join(charset[k - 1] for k in tokens[i][new])
        if text:
            x, y = quads[i, 0] / scale
            print(f"{probs[i][new].min():6.1%}  ({x:6.1f}, {y:6.1f})  {text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
