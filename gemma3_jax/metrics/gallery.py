"""A page of mistakes to look at: one HTML file with the pictures inside it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gemma3_jax.metrics.calibration import Reliability, reliability_svg
from gemma3_jax.metrics.edit_distance import edit_distance

THUMBNAIL_PX = (320, 64)
_STYLE = """body{font:15px sans-serif;margin:2em}td{padding:4px 12px;vertical-align:middle}
code{font-size:16px;white-space:pre}.wrong{color:#b00}small{color:#777}"""


class Mistake(NamedTuple):
    """A word that was misread (`read` is empty where nothing was found) and its picture."""

    picture: np.ndarray  # uint8 [h, w, 3]
    truth: str
    read: str
    confidence: float
    source: str


def worst_first(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """The surest of itself first; of equals, the one farthest from the truth."""

    def badness(mistake: Mistake) -> tuple[float, float]:
        length = max(len(mistake.truth), len(mistake.read), 1)
        return mistake.confidence, edit_distance(mistake.truth, mistake.read) / length

    return sorted(mistakes, key=badness, reverse=True)


def write_gallery(
    path: str | Path,
    mistakes: Mapping[str, Sequence[Mistake]],
    limit: int = 100,
    calibration: Mapping[str, Reliability] | None = None,
) -> None:
    """Write at most `limit` mistakes per set, the worst first, as one self-contained HTML file.

    A set that is in `calibration` gets its reliability diagram too.
    """
    parts = [f"<!doctype html><meta charset=utf-8><title>Mistakes</title><style>{_STYLE}</style>"]
    for name, some in mistakes.items():
        parts.append(f"<h2>{html.escape(name)}: {len(some)} mistakes</h2>")
        if calibration and name in calibration:
            parts.append(reliability_svg(calibration[name]))
        parts += ["<table>", *(_row(mistake) for mistake in worst_first(some)[:limit]), "</table>"]
    Path(path).write_text("\n".join(parts), encoding="utf-8")


def _row(mistake: Mistake) -> str:
    cells = (
        f"<img src='data:image/jpeg;base64,{_thumbnail(mistake.picture)}'>",
        f"<code>{html.escape(mistake.truth)}</code>",
        f"<code class=wrong>{html.escape(mistake.read) or '&mdash;'}</code>",
        f"<small>{mistake.confidence:.2f} {html.escape(mistake.source)}</small>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _thumbnail(picture: np.ndarray) -> str:
    from PIL import Image

    image = Image.fromarray(picture)
    scale = min(THUMBNAIL_PX[0] / image.width, THUMBNAIL_PX[1] / image.height)
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
