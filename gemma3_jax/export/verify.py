"""An exported model against the JAX one: equal words on a sheet of the bundled pictures, and how far the numbers differ."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.config import THRESHOLD, ModelConfig
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.engine import Engine, JaxEngine
from gemma3_jax.engine_onnx import OnnxEngine
from gemma3_jax.imaging.load import load_image
from gemma3_jax.reading import COLUMNS, SLOTS, ReadOptions, find_words

EXAMPLES = Path(__file__).parent.parent / "examples"
SHEET = (640, 1280)  # px: one of the reader's own sizes, so that it is seen pixel by pixel
MAX_PX, MAX_PROBABILITY = 0.05, 2e-3


class ExportError(ValueError):
    """An exported file does not compute what the model does."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """The largest absolute difference of one kind of number."""

    what: str
    found: float
    allowed: float

    def of(self, file: str) -> Difference:
        """The same, with the file that it was found in."""
        return dataclasses.replace(self, what=f"{file}: {self.what}")

    def __str__(self) -> str:
        return f"{self.what}: differs by {self.found:.2g} at most (allowed {self.allowed:g})"


def verify_onnx(
    folder: Path, config: ModelConfig, variables: Any, say: Callable[[str], None] = print
) -> None:
    """Compare the four files with the model and `say` what was found.

    Raises:
        ExportError: naming every file that differs, and how.
    """
    jax, onnx = JaxEngine(config, variables), OnnxEngine(folder, config, variables)
    sheet = sample_sheet()
    differences = [*compare_engines(jax, onnx, sheet), *compare_spotter(folder, jax, sheet)]
    wanted, found = (
        [word.text for word in find_words(engine, sheet, ReadOptions())] for engine in (jax, onnx)
    )
    settle(config.name, [*differences, compare_texts(wanted, found)], say)


def settle(
    name: str, differences: Sequence[Difference], say: Callable[[str], None] = print
) -> None:
    """`say` how far the numbers of a model's files differ.

    Raises:
        ExportError: naming everything that differs by more than is allowed.
    """
    for difference in differences:
        say(f"  {difference}")
    bad = [str(d) for d in differences if not d.found <= d.allowed]
    if bad:
        raise ExportError(f"{name} is not exported: {'; '.join(bad)}")


def compare_texts(wanted: Sequence[str], found: Sequence[str], allowed: int = 0) -> Difference:
    """How many of the model's words are read otherwise, in whatever order they come."""
    lost, new = (Counter(a) - Counter(b) for a, b in ((wanted, found), (found, wanted)))
    what = f"{len(wanted)} words"
    if lost or new:
        what += f", {sorted(lost.elements())} read as {sorted(new.elements())}"
    return Difference(what, max(lost.total(), new.total()), allowed)


def sample_sheet(size: tuple[int, int] = SHEET) -> np.ndarray:
    """The upper left parts of the bundled pictures side by side, uint8 `[height, width, 3]`."""
    height, width = size
    sheet = np.full((height, width, 3), 128, np.uint8)
    paths = sorted(EXAMPLES.glob("*.jpg"))
    part = width // len(paths)
    for i, path in enumerate(paths):
        pixels = load_image(str(path))[:height, :part]
        sheet[: pixels.shape[0], i * part : i * part + pixels.shape[1]] = pixels
    return sheet


def compare_engines(one: Engine, other: Engine, picture: np.ndarray) -> list[Difference]:
    """Boxes, texts at given places and crops of `picture` uint8 `[h, w, 3]`, sides multiples of 32, at least 64."""
    a, b = (engine.detect(picture[None], SLOTS[-1]) for engine in (one, other))
    places = some_quads(*picture.shape[:2])
    texts = [
        engine.read(found.features, places, COLUMNS[0]) for engine, found in ((one, a), (other, b))
    ]
    strips = np.stack([picture[y : y + 32, :64] for y in range(0, 32, 4)])
    widths = np.arange(8, 72, 8, dtype=np.float32)
    crops = [engine.read_strips(strips, widths) for engine in (one, other)]
    return [
        *compare_boxes(a, b),
        Difference(
            "character probabilities in pictures", _far(*map(np.exp, texts)), MAX_PROBABILITY
        ),
        Difference("character probabilities of crops", _far(*map(np.exp, crops)), MAX_PROBABILITY),
    ]


def compare_boxes(a: Any, b: Any) -> list[Difference]:
    """Words of two detections of one picture, whatever their order: equal scores may come either way round."""
    (quads, scores), (others, other_scores) = (
        (d.quads[0][chosen], d.scores[0][chosen])
        for d in (a, b)
        for chosen in [d.scores[0] > THRESHOLD]
    )
    counts = Difference("number of peaks", abs(len(quads) - len(others)), 0)
    if not len(quads) or len(quads) != len(others):
        return [counts]
    apart = np.abs(quads[:, None] - others[None]).max(axis=(2, 3))
    return [
        counts,
        Difference("corners, px", float(apart.min(axis=1).max()), MAX_PX),
        Difference("scores", _far(scores, other_scores), MAX_PROBABILITY),
        Difference("valid words", abs(int(a.valid.sum()) - int(b.valid.sum())), 0),
    ]


def compare_spotter(folder: Path, jax: Engine, picture: np.ndarray) -> list[Difference]:
    """`spotter.onnx`, all in one graph, against detecting and reading one after the other."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        folder / "spotter.onnx", providers=["CPUExecutionProvider"]
    )
    feed = {
        "images": picture[None],
        "slots": np.array([SLOTS[0]]),
        "columns": np.array([2 * COLUMNS[0]]),
    }
    names = ["quads", "tokens", "token_probs"]
    found: list[Any] = list(session.run(names, feed))
    quads, tokens, probs = found
    words = min(quads.shape[1], SLOTS[0])
    padded = np.zeros((1, SLOTS[0], 4, 2), np.float32)
    padded[:, :words] = with_margin(quads[:, :words])
    features = jax.detect(picture[None], SLOTS[-1]).features
    log_probs = jax.read(features, padded, COLUMNS[0])[:, :words]
    chosen = np.take_along_axis(log_probs, tokens[..., None], axis=-1)[..., 0]
    return [
        Difference("probabilities in spotter.onnx", _far(np.exp(chosen), probs), MAX_PROBABILITY)
    ]


def some_quads(height: int, width: int) -> np.ndarray:
    """32 quads `[1, 32, 4, 2]` over a picture: turned, flat, tall, and beyond its borders."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(0, 1, (32, 2)) * (width, height)
    sizes = np.exp(rng.uniform(np.log(6), np.log(300), (32, 1))) * np.stack(
        [rng.uniform(0.5, 8, 32), np.ones(32)], axis=-1
    )
    angles = rng.uniform(-np.pi, np.pi, 32)
    turn = np.stack([[np.cos(angles), np.sin(angles)], [-np.sin(angles), np.cos(angles)]])
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    corners = np.einsum("nck,kjn->ncj", box * sizes[:, None], turn) + centres[:, None]
    return (corners * rng.uniform(0.97, 1.03, corners.shape))[None].astype(np.float32)


def _far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max()) if a.shape == b.shape else float("inf")
