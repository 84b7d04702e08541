"""A larger network that is asked about every sample of a step; it learns nothing itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flax import struct

from gemma3_jax.config import ModelConfig
from gemma3_jax.model.spotter import Spotter


@struct.dataclass
class Teacher:
    """Variables as arrays of the step, sizes as part of its program."""

    config: ModelConfig = struct.field(pytree_node=False)
    variables: Any = None

    @classmethod
    def load(cls, name: str | Path, student: ModelConfig) -> Teacher:
        """A released model by name or folder.

        Raises:
            ValueError: when its columns and classes are not the student's.
        """
        from gemma3_jax.pretrained import load_pretrained

        config, variables = load_pretrained(name)
        if (config.charset, config.strip_rows) != (student.charset, student.strip_rows):
            raise ValueError(
                f"teacher {name}: {config.charset=} and {config.strip_rows=} are not those of {student.name}"
            )
        return cls(config, variables)

    def __call__(self, *args: Any, method: str, dtype: Any) -> Any:
        """A method of `Spotter`, with running statistics."""
        return Spotter(self.config, dtype=dtype).apply(self.variables, *args, method=method)
