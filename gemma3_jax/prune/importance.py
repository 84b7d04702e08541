"""How much the loss would change without a parameter, from gradients on real steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gemma3_jax.config import Config
from gemma3_jax.training.objective import loss_and_metrics
from gemma3_jax.training.sources import Resident, scenes_of_step, strips_of_step
from gemma3_jax.types import Batch


def taylor(
    config: Config,
    variables: dict[str, Any],
    resident: Resident,
    scenes: Iterator[Batch] | None,
    steps: int,
) -> Any:
    """`(weight * gradient) ** 2` of every parameter, a mean over `steps` batches: the squared change of the loss to first
    order (Molchanov et al. 2019, eq. 8). A tree like `variables["params"]`."""

    @jax.jit
    def one(variables: Any, resident: Resident, real: Batch | None, step: Any) -> Any:
        strips = strips_of_step(config, resident, step)
        both = scenes_of_step(config, resident, step, real)
        params, stats = variables["params"], variables["batch_stats"]
        key = jax.random.fold_in(jax.random.key(config.seed), step)

        def loss(params: Any) -> Any:
            return loss_and_metrics(config, params, stats, strips, both, key)[0]

        return jax.tree.map(lambda p, g: (p * g) ** 2, params, jax.grad(loss)(params))

    total = jax.tree.map(np.zeros_like, variables["params"])
    for step in range(steps):
        real = None if scenes is None else next(scenes)
        found = one(variables, resident, real, jnp.asarray(step))
        total = jax.tree.map(lambda a, b: a + np.asarray(b) / steps, total, found)
    return total
