"""Read pictures from Python and say how sure each word is: `python examples/read_pictures.py photo.jpg ...`."""

from __future__ import annotations

import sys
from pathlib import Path

import gemma3_jax
from gemma3_jax import GemmaOCR


def main(paths: list[str]) -> None:
    """Print each picture's words with confidence and top-left corner, and draw them beside it."""
    ocr = GemmaOCR.from_pretrained("gemma3-base")
    for page in ocr.read_batch(paths, on_error="keep"):
        if page.error:
            print(f"{page.source}: {page.error}", file=sys.stderr)
            continue
        for word in page.words:
            x, y = word.quad[0]
            print(f"{word.confidence:6.1%}  ({x:6.1f}, {y:6.1f})  {word.text}")
        page.draw(Path(page.source).with_suffix(".boxes.png").name)


if __name__ == "__main__":
    folder = Path(gemma3_jax.__file__).parent / "examples"
    main(sys.argv[1:] or [str(path) for path in sorted(folder.glob("*.jpg"))])
