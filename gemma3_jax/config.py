"""Everything that defines a run: frozen dataclasses, checked where they are built, JSON there and back."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, get_args

from gemma3_jax.charset import PRINTABLE_ASCII, Charset

PARTS = ("backbone", "neck", "detector", "recognizer")  # what `Config.frozen` may name
STRIDE = 4  # px of the image per cell of the detector's maps
CANVAS_HEIGHT = 32  # px: the height at which `recognize` reads a crop
CANVAS_WIDTH = 128  # px: crops up to 4:1 keep their aspect in it, longer ones are squeezed
COLUMN_PX = 4  # px of canvas per CTC column
# px: how large a picture is first looked at, the knee of accuracy against time (docs/reader.md)
MAX_SIDE = 1120
THRESHOLD = 0.3  # of the detector's heat: a lower peak is no word
# How often a real word of each corpus is drawn: street words are few and hard, words of forms many and easy.
REAL_WEIGHTS = {"iiit5k": 4.0, "svt": 6.0, "ic03": 4.0, "ic15": 4.0, "funsd": 0.6, "sroie": 0.5}


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network. Widths are channels; stages lie at strides 4, 8, 16, 32."""

    name: str = "gemma3-base"
    charset: str = PRINTABLE_ASCII
    stem_width: int = 24
    stage_widths: tuple[int, ...] = (48, 96, 160, 224)
    stage_depths: tuple[int, ...] = (1, 2, 3, 2)
    neck_width: int = 64
    detector_depth: int = 2
    strip_rows: int = 16
    strip_widths: tuple[int, ...] = (96, 192)
    strip_depths: tuple[int, ...] = (2, 2)
    embed: int = 192
    attention_depth: int = 2
    heads: int = 4
    window: int = 16
    mlp_ratio: int = 2
    mean: float = 127.5
    std: float = 64.0
    depthwise: str = "auto"  # a program, not a property: model.depthwise.IMPLEMENTATIONS

    def __post_init__(self) -> None:
        if len(self.stage_widths) != len(self.stage_depths):
            raise ValueError(f"{self.stage_widths=} and {self.stage_depths=} differ in length")
        if len(self.strip_widths) != len(self.strip_depths) or len(self.strip_widths) != 2:
            raise ValueError(f"{self.strip_widths=} and {self.strip_depths=} need two entries each")
        if self.embed % self.heads:
            raise ValueError(f"{self.embed=} must be divisible by {self.heads=}")
        if self.window < 1:
            raise ValueError(f"{self.window=} must be at least 1 column")
        Charset(self.charset)

    @property
    def alphabet(self) -> Charset:
        return Charset(self.charset)


MODELS = {
    config.name: config
    for config in (
        ModelConfig(),
        ModelConfig(
            name="gemma3-tiny",
            stem_width=16,
            stage_widths=(32, 64, 96, 128),
            stage_depths=(1, 1, 2, 1),
            neck_width=32,
            detector_depth=1,
            strip_widths=(64, 128),
            strip_depths=(2, 3),
            embed=128,
            attention_depth=2,
        ),
        ModelConfig(
            name="debug",
            stem_width=16,
            stage_widths=(24, 32, 48),
            stage_depths=(1, 1, 1),
            neck_width=24,
            detector_depth=1,
            strip_widths=(48, 96),
            strip_depths=(1, 1),
            embed=96,
            attention_depth=1,
        ),
    )
}


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """What a step sees. Counts are per step and global (all devices together)."""

    strips: int = 96  # drawn word crops
    real_strips: int = 32  # real word crops, 0 when there is no pack
    scenes: int = 0  # drawn scenes
    real_scenes: int = 0
    scene_size: int = 320  # px, square
    scene_words: int = 32  # slots per scene
    read_words: int = 4  # words of each scene that are read (CTC) in a step; 0: only found
    read_nothing: int = 0  # boxes of each scene that hold no word and are to be read as nothing
    read_joined: float = 0.3  # of them together with the next word of the line, where there is one
    max_label: int = 25
    real_weights: Mapping[str, float] = dataclasses.field(default_factory=dict)  # corpus -> weight
    # Of real scenes: public sets -> weight (empty: data.scenes.SCENE_WEIGHTS), a user's annotated folders -> weight among
    # them, and other static shapes than the one above, (px, words, share of the steps).
    scene_weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    own_scenes: Mapping[str, float] = dataclasses.field(default_factory=dict)
    scene_buckets: tuple[tuple[int, int, float], ...] = ()
    curriculum_steps: int = 2000  # difficulty climbs from 0 to 1 over these; 0: full from the start
    quad_jitter: float = 0.06  # of the word's height, on the quads that are read

    def __post_init__(self) -> None:
        object.__setattr__(self, "scene_buckets", tuple(tuple(b) for b in self.scene_buckets))
        for bucket in self.scene_buckets:
            if len(bucket) != 3 or bucket[0] % 32 or min(bucket) <= 0:
                raise ValueError(
                    f"scene_buckets: {bucket} must be (px, a multiple of 32; words; share of the steps)"
                )


Method = Literal["adamw", "muon"]


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """AdamW or Muon with warm-up, cosine decay, global-norm clipping and an exponential moving average."""

    learning_rate: float = 2e-3
    warmup_steps: int = 300
    total_steps: int = 20_000
    final_fraction: float = 0.02
    weight_decay: float = 0.02
    b2: float = 0.99
    clip_norm: float = 2.0
    ema_decay: float = 0.998
    microbatches: int = (
        1  # a step's samples go through the network in as many parts (training.step.gradients_of)
    )
    method: Method = "adamw"  # training.state.METHODS

    def __post_init__(self) -> None:
        if self.method not in (known := get_args(Method)):
            raise ValueError(f"{self.method=} is not one of {', '.join(known)}")
        if self.microbatches < 1:
            raise ValueError(f"{self.microbatches=} must be at least 1")
        if self.warmup_steps >= self.total_steps:
            raise ValueError(f"{self.warmup_steps=} must be below {self.total_steps=}")


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment: model + data + optimizer + loss weights + where it starts from."""

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    lambda_det: float = 1.0
    lambda_rec: float = 1.0
    bf16: bool = True  # on accelerators; a CPU is slower in it and computes in float32
    seed: int = 0
    # Released models by name or folder: what the run begins with, and who is asked about every sample (training.teacher).
    start_from: str = ""
    teacher: str = ""
    lambda_taught: float = 1.0
    # Parts of the network that stay as they began, their statistics too: a step does not differentiate through them.
    frozen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := set(self.frozen) - set(PARTS):
            raise ValueError(
                f"frozen: {sorted(unknown)} is no part of the network: {', '.join(PARTS)}"
            )

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Inverse of `to_json`.

        Raises:
            ValueError: naming unknown or ill-typed entries.
        """
        return build(cls, json.loads(text))


def build(cls: type, values: Mapping[str, Any], path: str = "config") -> Any:
    """A (nested) dataclass from a plain mapping; unknown keys raise ValueError with their path."""
    hints = typing.get_type_hints(cls)
    if unknown := set(values) - set(hints):
        raise ValueError(f"{path}: unknown {sorted(unknown)}, known are {sorted(hints)}")
    return cls(**{k: _coerce(hints[k], v, f"{path}.{k}") for k, v in values.items()})


def _coerce(hint: Any, value: Any, path: str) -> Any:
    if isinstance(value, Mapping) and isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return build(hint, value, path)
    hint = typing.cast(Any, hint)
    origin = typing.get_origin(hint)
    if origin is tuple:
        return tuple(value)
    if origin not in (None, types.UnionType) or hint is Mapping:
        return value
    accepted: Any = (int, float) if hint is float else hint
    value = typing.cast(Any, value)
    if not isinstance(value, accepted):
        raise ValueError(f"{path}: expected {hint.__name__}, got {value!r}")
    return hint(value)
