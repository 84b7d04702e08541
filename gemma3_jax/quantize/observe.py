"""Reading calibration pictures with the float network, and counting what flows through every tensor that is to be bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from gemma3_jax.config import ModelConfig
from gemma3_jax.engine_onnx import OnnxEngine
from gemma3_jax.export.files import FILES, build
from gemma3_jax.page import Word
from gemma3_jax.quantize.layers import convolved, points
from gemma3_jax.quantize.ranges import METHOD, METHODS, ChannelMeans, Histogram, Ranges
from gemma3_jax.reading import ReadOptions, find_words, read_crops

ENOUGH = 50_000  # values counted of a tensor per call
CROPS = 16  # words of a picture that are read as pictures of their own too
# As pictures are read by default, less what changes no activation; crops of doubtful words are part of what is read.
READING = ReadOptions(language="off", turn=False, min_confidence=0.0)


class ObservingEngine(OnnxEngine):
    """The float engine with a histogram of every output of its files that no caller asks for, and the means of maps."""

    def __init__(self, folder: Path, config: ModelConfig) -> None:
        super().__init__(folder, config, None)
        self.pool = None  # histograms are counted by one thread
        self.histograms: dict[str, Histogram] = {}
        self.means: dict[str, ChannelMeans] = {}

    def _run(self, name: str, outputs: Sequence[str], **inputs: Any) -> list[Any]:
        watched = [x.name for x in self._session(name).get_outputs() if x.name not in outputs]
        found = super()._run(name, [*outputs, *watched], **inputs)
        for tensor, value in zip(watched, found[len(outputs) :], strict=True):
            maps = value.numpy()
            if maps.ndim == 4:
                self.means.setdefault(tensor, ChannelMeans()).add(maps)
            values = maps.ravel()
            # an odd stride meets every channel and every column
            some = values[:: max(1, values.size // ENOUGH) | 1]
            self.histograms.setdefault(tensor, Histogram()).add(some)
        return found[: len(outputs)]


def observe(
    config: ModelConfig, variables: Any, pictures: Iterable[np.ndarray]
) -> tuple[ObservingEngine, int]:
    """What was seen of each tensor while RGB uint8 `pictures` were read, and how many pictures there were.

    Raises:
        ValueError: when an activation is not finite.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, count = Path(name), 0
        for file in FILES:
            model = build(file, config, variables, packed=True)
            model.graph.output.extend(
                helper.make_tensor_value_info(x, TensorProto.FLOAT, None) for x in points(model)
            )
            onnx.save(model, folder / f"{file}.onnx")
        engine = ObservingEngine(folder, config)
        for picture in pictures:
            words = find_words(engine, picture, READING)
            read_crops(engine, cut_out(picture, words[:CROPS]), READING)
            count += 1
        return engine, count


def cut_out(picture: np.ndarray, words: Sequence[Word]) -> list[np.ndarray]:
    """The upright rectangles around words, as crops uint8 `[h, w, 3]`."""
    height, width = picture.shape[:2]
    crops = []
    for word in words:
        left, top = np.floor(word.quad.min(axis=0)).clip(0, (width - 1, height - 1)).astype(int)
        right, bottom = np.ceil(word.quad.max(axis=0)).astype(int)
        crops.append(picture[top : max(bottom, top + 1), left : max(right, left + 1)])
    return crops


def measure(
    config: ModelConfig,
    variables: Any,
    checksum: str,
    pictures: Iterable[np.ndarray],
    method: str = METHOD,
) -> Ranges:
    """The ranges of a model, whose weights have the SHA-256 `checksum`, over RGB uint8 `pictures`.

    Raises:
        ValueError: for an unknown method, or when a part of the network never ran: the pictures show no words.
    """
    if method not in METHODS:
        raise ValueError(f"{method=} is not one of {', '.join(METHODS)}")
    engine, count = observe(config, variables, pictures)
    histograms = engine.histograms
    graphs = [build(file, config, variables, packed=True) for file in FILES]
    wanted = {x for graph in graphs for x in points(graph)}
    if missing := sorted(wanted - set(histograms)):
        raise ValueError(f"no word was read in {count} pictures: nothing is known of {missing[0]}")
    spans = {name: METHODS[method](histogram) for name, histogram in histograms.items()}
    read = {x for graph in graphs for x in convolved(graph)}
    means = {name: one.means for name, one in engine.means.items() if name in read}
    return Ranges(checksum, method, count, spans, means)
