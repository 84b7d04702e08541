"""Word accuracy of a state during training, on packed crops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gemma3_jax.config import Config
from gemma3_jax.data.real import WordPack
from gemma3_jax.decoding.lattice import collapse
from gemma3_jax.metrics.words import letters_and_digits
from gemma3_jax.model.spotter import read_strips
from gemma3_jax.training.mesh import batched, build_mesh, place, replicated
from gemma3_jax.training.state import TrainState, released_variables


def word_validator(
    config: Config, pack: WordPack, mesh: Mesh | None = None, batch: int = 128
) -> Callable[[TrainState], dict[str, float]]:
    """A function of the state: per corpus, the share of words read right (letters and digits, case ignored).

    All devices of `mesh` read a part of about `batch` crops at a time, and every process gets the figures of all.
    """
    mesh = mesh or build_mesh()
    rows = -(-batch // mesh.size) * mesh.size
    alphabet = config.model.alphabet

    def best_path(variables: dict[str, Any], images: Any, widths: Any) -> Any:
        return jnp.argmax(read_strips(config.model, variables, images, widths), axis=-1)

    read = jax.jit(best_path, out_shardings=replicated(mesh))

    def validate(state: TrainState) -> dict[str, float]:
        variables = released_variables(state)
        texts: list[str] = []
        for start in range(0, len(pack), rows):
            index = np.minimum(np.arange(start, start + rows), len(pack) - 1)
            crops = (pack.images[index], pack.widths[index].astype(np.float32))
            tokens = np.asarray(read(variables, *place(crops, batched(mesh))))
            texts += [alphabet.decode(collapse(row)[0]) for row in tokens]
        truth = [alphabet.decode(row) for row in pack.labels]
        right = np.array(
            [
                letters_and_digits(read) == letters_and_digits(true)
                for read, true in zip(texts, truth, strict=False)
            ]
        )
        return {name: float(right[pack.corpus == i].mean()) for i, name in enumerate(pack.names)}

    return validate
