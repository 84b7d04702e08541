"""`gemma3-ocr describe`."""

from __future__ import annotations

from pathlib import Path

from gemma3_jax.config import MODELS, ModelConfig
from gemma3_jax.model.describe import describe as describe_model
from gemma3_jax.pretrained import load_config


def describe(model: str, config: Path | None, size: tuple[int, int], words: int) -> int:
    """Print the description of a model and of reading a picture of `size` (width, height) px with as many words."""
    print(describe_model(_config(model, config), (size[1], size[0]), words))
    return 0


def _config(model: str, config: Path | None) -> ModelConfig:
    """Of a config file, of a released model, or of one that has only its sizes yet."""
    if config is not None:
        from gemma3_jax.training.cli import load_config as load_file

        return load_file(config, []).model
    try:
        return load_config(model)
    except FileNotFoundError:
        if model not in MODELS:
            raise
        return MODELS[model]
