"""Importance is what the loss says when a weight shrinks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_model import SMALL, trained

from gemma3_jax.config import Config, DataConfig
from gemma3_jax.data.augment import WordTable
from gemma3_jax.prune.importance import taylor
from gemma3_jax.training.objective import loss_and_metrics
from gemma3_jax.training.sources import Resident, strips_of_step

CONFIG = Config(model=SMALL, data=DataConfig(strips=0, real_strips=4, max_label=6))
PATHS = [
    ("recognizer", "head", "kernel"),
    ("backbone", "stage1_block0", "pointwise_norm", "norm", "bias"),
]


@pytest.fixture(scope="module")
def resident():
    images = np.random.default_rng(0).integers(0, 255, (4, 32, 128, 3)).astype(np.uint8)
    labels = np.tile(np.array([1, 2, 3, 0, 0, 0], np.int32), (4, 1))
    share = np.linspace(0.25, 1, 4, dtype=np.float32)
    table = WordTable(*map(jnp.asarray, (images, np.full(4, 128, np.float32), labels, share)))
    return Resident(None, table)


def test_importance_is_the_squared_slope_of_the_loss_along_the_weight(resident):
    variables, steps = trained(), 2
    found = taylor(CONFIG, variables, resident, None, steps)

    @jax.jit
    def loss(params, step):
        strips = strips_of_step(CONFIG, resident, step)
        key = jax.random.key(0)
        return loss_and_metrics(CONFIG, params, variables["batch_stats"], strips, None, key)[0]

    for path in PATHS:
        importance = found
        for name in path:
            importance = importance[name]
        place = np.unravel_index(np.argmax(importance), importance.shape)
        slopes = []
        for step in range(steps):
            ends = []
            for factor in (1 + 2e-3, 1 - 2e-3):
                params = jax.tree.map(np.copy, variables["params"])
                array = params
                for name in path:
                    array = array[name]
                array[place] *= factor
                ends.append(float(loss(params, jnp.asarray(step))))
            slopes.append((ends[0] - ends[1]) / 4e-3)
        assert importance[place] == pytest.approx(np.mean(np.square(slopes)), rel=0.05)
        assert importance[place] > 0
