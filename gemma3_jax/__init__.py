"""gemma3_jax: small joint text detection and recognition in JAX (not the Gemma 3 language model)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

_HOMES = {
    "GemmaOCR": "gemma3_jax.ocr",
    "Page": "gemma3_jax.page",
    "Line": "gemma3_jax.page",
    "Word": "gemma3_jax.page",
    "Char": "gemma3_jax.page",
    "Alternative": "gemma3_jax.page",
    "Spotted": "gemma3_jax.types",
    "spot": "gemma3_jax.model.spotter",
}
__all__ = [*_HOMES, "__version__"]

if TYPE_CHECKING:
    from gemma3_jax.model.spotter import spot
    from gemma3_jax.ocr import GemmaOCR
    from gemma3_jax.page import Alternative, Char, Line, Page, Word
    from gemma3_jax.types import Spotted


def __getattr__(name: str) -> Any:
    """Import a public name on first use: `import gemma3_jax` must not wait for jax."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gemma3_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
