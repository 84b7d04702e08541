"""Channel pruning as surgery: a smaller network cut out of a larger one, its arrays really smaller, nothing masked.

Within a group of channels that belong together those stay whose weights matter most, as many as the smaller model has; residual
blocks beyond the smaller model's depths are left out, which leaves what they were added to. What comes out is a start for
training (Molchanov et al. 2019), not a model to read with.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from flax.traverse_util import unflatten_dict

from gemma3_jax.config import ModelConfig
from gemma3_jax.model.spotter import init_variables
from gemma3_jax.prune.wiring import axes_of, by_path, group_sizes, places

SAME = ("charset", "strip_rows", "heads", "window", "mlp_ratio", "mean", "std")


def prune(
    config: ModelConfig,
    variables: dict[str, Any],
    smaller: ModelConfig,
    importance: Any = None,
) -> dict[str, Any]:
    """Variables of `smaller`, cut out of those of `config`.

    Args:
        config: sizes of `variables`.
        variables: `{"params", "batch_stats"}`.
        smaller: nowhere wider or deeper than `config`.
        importance: of every parameter, a tree like `params` (`importance.taylor`); by default their squares.

    Raises:
        ValueError: naming what `smaller` has more of, or must share and does not.
    """
    check_smaller(config, smaller)
    if importance is None:
        importance = jax.tree.map(np.square, variables["params"])
    scores = channel_scores(config, importance)
    kept = {
        group: _best(scores[group], size, config.heads if group.startswith("heads") else 1)
        for group, size in group_sizes(smaller).items()
    }
    shapes = by_path(jax.eval_shape(lambda: init_variables(smaller, jax.random.key(0))))
    whole, sizes = by_path(variables), group_sizes(config)

    def cut(path: tuple[str, ...], shape: Any) -> np.ndarray:
        array = np.asarray(whole[path])
        axes = axes_of(path[1:], config)
        for place, axis in enumerate(axes, array.ndim - len(axes)):
            if axis:
                array = np.take(array, places(axis, kept, sizes), axis=place)
        assert array.shape == shape.shape, (path, array.shape, shape.shape)
        return array

    return unflatten_dict({path: cut(path, shape) for path, shape in shapes.items()})


def channel_scores(config: ModelConfig, importance: Any) -> dict[str, np.ndarray]:
    """Of every group `[channels]`, the sum over all parameters that read or write a channel."""
    sizes = group_sizes(config)
    scores = {group: np.zeros(size) for group, size in sizes.items()}
    for path, array in by_path(importance).items():
        axes = axes_of(path, config)
        for place, axis in enumerate(axes, np.ndim(array) - len(axes)):
            others = tuple(i for i in range(np.ndim(array)) if i != place)
            along = np.asarray(array, np.float64).sum(axis=others)
            ends = np.cumsum([sizes[group] for group in axis])
            for group, part in zip(axis, np.split(along, ends[:-1]) if axis else [], strict=True):
                scores[group] += part
    return scores


def check_smaller(config: ModelConfig, smaller: ModelConfig) -> None:
    """Raises ValueError where `smaller` cannot be cut out of `config`."""
    for name in SAME:
        if getattr(config, name) != getattr(smaller, name):
            raise ValueError(
                f"{smaller.name} cannot be cut out of {config.name}: {name} is {getattr(smaller, name)!r}, not "
                f"{getattr(config, name)!r}"
            )
    pairs = {
        name: (getattr(config, name), getattr(smaller, name))
        for name in ("stage_depths", "strip_depths", "detector_depth", "attention_depth")
    }
    pairs |= {g: (group_sizes(config).get(g, 0), n) for g, n in group_sizes(smaller).items()}
    for name, (large, small) in pairs.items():
        if np.any(np.subtract(np.atleast_1d(large), np.atleast_1d(small)) < 0):
            raise ValueError(
                f"{smaller.name} cannot be cut out of {config.name}: {name} {small} is more than {large}"
            )


def _best(scores: np.ndarray, count: int, parts: int) -> np.ndarray:
    """Indices, ascending, of the `count` highest scores, as many of them in each of `parts` equal parts."""
    rows = scores.reshape(parts, -1)
    best = np.sort(np.argsort(-rows, axis=1, kind="stable")[:, : count // parts], axis=1)
    return (best + np.arange(parts)[:, None] * rows.shape[1]).ravel()
