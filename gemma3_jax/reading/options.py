"""How to read."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

from gemma3_jax.config import MAX_SIDE
from gemma3_jax.imaging.resize import SizePolicy
from gemma3_jax.language.fusion import Mode
from gemma3_jax.reading.presence import Presence


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How to read. Sizes: see `SizePolicy`; `look_again` reads at the sizes that `looks_worth_taking` says, and doubtful words
    from the picture's own pixels; `enhance` also reads faint words with their contrast raised;
    `turn` tries pages that make no sense at the other three quarter turns.

    `min_score` drops boxes below it (0..1, on top of the model's own detection threshold), `min_confidence` words: by default
    those that are more likely wrong than right; 0 keeps everything.
    `beam_width` over 1 searches prefixes instead of taking the best class per column. `language` says which words a language
    model may read otherwise: doubtful ones ("auto"), all that look like words ("on") or none ("off"); `language_model` is a
    name or a file of `gemma3-ocr lm build`; `words` are more words to know, `keep` regular expressions of texts to leave alone.
    The temperatures calibrate the confidences of word crops and of pages (`reading.confidence`), `presence` how likely a box
    holds a word (`reading.presence`); `from_pretrained` takes the model's own.
    """

    max_side: int = MAX_SIDE
    min_side: int = 0
    scale: float | None = None
    look_again: bool = True
    enhance: bool = True
    turn: bool = True
    min_score: float = 0.0
    min_confidence: float = 0.5
    beam_width: int = 1
    language: Mode = "auto"
    language_model: str | Path = "english"
    words: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    word_temperature: float = 1.0
    page_temperature: float = 1.0
    presence: Presence = Presence()

    def __post_init__(self) -> None:
        for name in ("min_score", "min_confidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} must be in 0..1")
        for name in ("word_temperature", "page_temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be positive")
        if self.beam_width < 1:
            raise ValueError(f"{self.beam_width=} must be at least 1")
        if self.language not in typing.get_args(Mode):
            raise ValueError(f"{self.language=} is not one of {', '.join(typing.get_args(Mode))}")
        object.__setattr__(self, "presence", Presence(*self.presence))
        for name in ("words", "keep"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _ = self.sizes

    @property
    def sizes(self) -> SizePolicy:
        return SizePolicy(self.max_side, self.min_side, self.scale)
