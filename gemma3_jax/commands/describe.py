"""`gemma3-ocr describe`."""

from __future__ import annotations

from pathlib import Path

from gemma3_jax.model.describe import describe as describe_model
from gemma3_jax.pretrained import load_config


def describe(model: str, config: Path | None) -> int:
    """Print the description of a released model, or of the model of a config file."""
    if config is not None:
        from gemma3_jax.training.cli import load_config as load_file

        print(describe_model(load_file(config, []).model))
    else:
        print(describe_model(load_config(model)))
    return 0
