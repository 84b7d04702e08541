"""What reading needs from a runtime, and the JAX one. Another runtime is another small class behind the same three calls."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.config import COLUMN_PX, ModelConfig

STRIP_PX = 2  # px of a 32 px high word per column of the strip that the recogniser starts from


class Detection(NamedTuple):
    """Words of a batch of pictures before they are read; `features` is the runtime's own and goes back to `read` unseen."""

    features: Any
    quads: np.ndarray  # [b, n, 4, 2] float32, px of the pictures
    scores: np.ndarray  # [b, n]
    valid: np.ndarray  # [b, n] bool


class Engine(Protocol):
    """Stateless: the same call gives the same answer from any thread. All shapes are static per bucket."""

    @property
    def charset(self) -> Charset:
        """The alphabet of the log-probabilities' last axis."""
        ...

    def detect(self, images: np.ndarray, slots: int) -> Detection:
        """The `slots` likeliest words of uint8 RGB `[b, h, w, 3]`; h and w are multiples of 32."""
        ...

    def read(self, features: Any, quads: np.ndarray, columns: int) -> np.ndarray:
        """log P `[b, n, columns, v]` of the words `quads` `[b, n, 4, 2]`, one column per 4 px of a 32 px high strip.

        Quads that are all zero, at the end, are padding: an engine may leave them out and call them blank.
        """
        ...

    def read_strips(self, strips: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """log P `[b, w / 4, v]` of crops uint8 `[b, 32, w, 3]` of which the first `widths` `[b]` px hold picture.

        Strips of no width at the end are padding.
        """
        ...


@runtime_checkable
class Concurrent(Protocol):
    """An engine without static shapes that answers several calls for words side by side, as `reading.ahead` asks them."""

    workers: int  # how many, each on one core
    pool: Executor | None  # where they run; None: one after the other, in the caller's thread

    def alone(self) -> Engine:
        """The same network for callers that are side by side themselves: each call is computed in its caller's thread."""
        ...


@runtime_checkable
class Trained(Protocol):
    """An engine that still has what it was made from."""

    config: ModelConfig
    variables: Any  # {"params", "batch_stats"}


class JaxEngine:
    """The network in JAX, compiled once per bucket, on whatever device JAX uses."""

    def __init__(self, config: ModelConfig, variables: Any) -> None:
        import jax

        from gemma3_jax.model import spotter

        self.config = config
        self.variables = jax.device_put(variables)
        self._detect = jax.jit(partial(spotter.detect, config), static_argnames="slots")
        self._read = jax.jit(partial(spotter.read_quads, config), static_argnames="columns")
        self._read_strips = jax.jit(partial(spotter.read_strips, config))

    @property
    def charset(self) -> Charset:
        return self.config.alphabet

    def detect(self, images: np.ndarray, slots: int) -> Detection:
        features, quads, scores, valid = self._detect(self.variables, images, slots=slots)
        return Detection(features, np.asarray(quads), np.asarray(scores), np.asarray(valid))

    def read(self, features: Any, quads: np.ndarray, columns: int) -> np.ndarray:
        strip_columns = columns * COLUMN_PX // STRIP_PX
        return np.asarray(self._read(self.variables, features, quads, columns=strip_columns))

    def read_strips(self, strips: np.ndarray, widths: np.ndarray) -> np.ndarray:
        return np.asarray(self._read_strips(self.variables, strips, widths))
