"""The whole network, and the pure functions that run it. Model and variables are two objects."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gemma3_jax.config import STRIDE, ModelConfig
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.decoding.centres import decode_centres
from gemma3_jax.model.backbone import Backbone, Neck
from gemma3_jax.model.crop import Features, Strips, canvas_strips, sample_strips
from gemma3_jax.model.detector import Detector
from gemma3_jax.model.recognizer import Recognizer
from gemma3_jax.types import DetectionMaps, Spotted


class Spotter(nn.Module):
    """Backbone, neck and both heads over one parameter tree.

    `train` makes BatchNorm use batch statistics, but not in `frozen` parts.
    """

    config: ModelConfig
    train: bool = False
    dtype: Any = jnp.float32
    frozen: tuple[str, ...] = ()

    def setup(self) -> None:
        def part(kind: Any, name: str) -> Any:
            return kind(self.config, self.train and name not in self.frozen)

        self.backbone = part(Backbone, "backbone")
        self.neck = part(Neck, "neck")
        self.detector = part(Detector, "detector")
        self.recognizer = part(Recognizer, "recognizer")

    def features(self, images: Float[Array, "b h w 3"]) -> Features:
        """Maps of pictures (0..255); h and w multiples of 32."""
        x = (images.astype(self.dtype) - self.config.mean) / self.config.std
        maps = self.backbone(x)
        return Features(maps[0], self.neck(maps))

    def detect(self, features: Features) -> DetectionMaps:
        return self.detector(features.fused)

    def read(
        self, features: Features, quads: Float[Array, "b n 4 2"], columns: int
    ) -> Float[Array, "b n t v"]:
        """Log-probabilities of the words in `quads`; `columns` of strip give `columns / 2` of CTC time."""
        strips, inside = sample_strips(features, quads, self.config.strip_rows, columns)
        b, n = quads.shape[:2]
        words = [x.reshape(b * n, *x.shape[2:]) for x in (*strips, inside)]
        flat = self.recognizer(Strips(*words[:2]), words[2])
        return flat.reshape(b, n, *flat.shape[1:])

    def read_canvas(
        self, images: Float[Array, "b 32 w 3"], widths: Float[Array, " b"]
    ) -> Float[Array, "b t v"]:
        """Log-probabilities of word crops laid out as strips: 32 px high, `widths` px of them used."""
        used = jnp.maximum(jnp.round(widths / 2), 4)
        return self.recognizer(*canvas_strips(self.features(images), used))

    def __call__(self, images: Float[Array, "b h w 3"], quads: Float[Array, "b n 4 2"]) -> Any:
        """Everything once: what `init` traces so that every parameter exists."""
        features = self.features(images)
        return self.detect(features), self.read(features, quads, 64)


def init_variables(config: ModelConfig, key: Array) -> dict[str, Any]:
    """Fresh `{"params", "batch_stats"}`."""
    images, quads = jnp.zeros((1, 64, 64, 3)), jnp.zeros((1, 1, 4, 2))
    return jax.jit(Spotter(config).init)(key, images, quads)


def detect(
    config: ModelConfig,
    variables: dict,
    images: Float[Array, "b h w 3"],
    *,
    slots: int,
    dtype: Any = jnp.float32,
) -> tuple[Features, Float[Array, "b n 4 2"], Float[Array, "b n"], Bool[Array, "b n"]]:
    """Features, quads in pixels, scores and validity of the best `slots` words of each picture."""
    model = Spotter(config, dtype=dtype)
    features: Any = model.apply(variables, images, method="features")
    maps: Any = model.apply(variables, features, method="detect")
    quads, scores, valid = decode_centres(maps, slots=slots, stride=STRIDE)
    return features, quads, scores, valid


def read_quads(
    config: ModelConfig,
    variables: dict,
    features: Features,
    quads: Float[Array, "b n 4 2"],
    *,
    columns: int = 64,
) -> Float[Array, "b n t v"]:
    """CTC log-probabilities of the words in `quads`."""
    out: Any = Spotter(config).apply(variables, features, quads, columns, method="read")
    return out


def read_strips(
    config: ModelConfig,
    variables: dict,
    images: Float[Array, "b 32 w 3"],
    widths: Float[Array, " b"],
) -> Float[Array, "b t v"]:
    """CTC log-probabilities of canvas strips of which the first `widths` px are used."""
    out: Any = Spotter(config).apply(variables, images, widths, method="read_canvas")
    return out


@partial(jax.jit, static_argnames=("config", "slots", "columns", "dtype"))
def spot(
    variables: dict,
    images: Float[Array, "b h w 3"],
    *,
    config: ModelConfig = ModelConfig(),
    slots: int = 128,
    columns: int = 64,
    dtype: Any = jnp.float32,
) -> Spotted:
    """Images in, words out, one compiled program (Linen is functional: vmap and grad pass through it, up to top-k).

    Args:
        variables: `{"params", "batch_stats"}` as `from_pretrained(...).variables` holds them.
        images: RGB 0..255, uint8 or float; h and w multiples of 32.
        config: sizes of the model the variables belong to.
        slots: words per picture at most (static).
        columns: strip columns per word; `columns // 2` is the CTC time `t`.
        dtype: of the maps; `jnp.bfloat16`, as in training, is what TPUs and GPUs are fast in.
    """
    features, quads, scores, valid = detect(config, variables, images, slots=slots, dtype=dtype)
    log_probs = read_quads(config, variables, features, with_margin(quads), columns=columns)
    tokens = jnp.argmax(log_probs, axis=-1)
    return Spotted(quads, scores, tokens, jnp.exp(log_probs.max(axis=-1)), valid)
