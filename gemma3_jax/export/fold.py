"""BatchNorm into the convolution before it: same network, same variable tree, nothing left for the norms to do but add.

At inference `gamma * (w * x - mean) / sqrt(var + eps) + beta` is `(s w) * x + (beta - s mean)` with
`s = gamma / sqrt(var + eps)` per output channel (Jacob et al. 2018, section 3.2). Exporters and INT8 start from this tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

NORM_EPSILON = 1e-4  # that of model.layers.Norm; tests/test_fold.py fails if they part
SUFFIX = "_norm"  # `depthwise_norm` normalises what `depthwise` puts out


def fold_batchnorm(variables: dict[str, Any]) -> dict[str, Any]:
    """`{"params", "batch_stats"}` in float32 with which the model computes what it did with the given ones.

    Every kernel before a BatchNorm carries its scale; the norm keeps scale 1, mean 0, variance 1 - epsilon, and as bias
    all that there is to add. LayerNorms depend on their input and stay.

    Raises:
        ValueError: naming a BatchNorm whose convolution is not there or has a bias of its own.
    """
    params, stats = _copy(variables["params"]), _copy(variables["batch_stats"])
    for path in _norms(stats):
        holder, moments = params, stats
        for name in path[:-1]:
            holder, moments = holder[name], moments[name]
        target = path[-1].removesuffix(SUFFIX)
        if target == path[-1] or target not in holder:
            raise ValueError(f"no convolution to fold {'/'.join(path)} into")
        norm, moment = holder[path[-1]]["norm"], moments[path[-1]]["norm"]
        scale = norm["scale"] / np.sqrt(moment["var"].astype(np.float64) + NORM_EPSILON)
        bias = norm["bias"] - scale * moment["mean"]
        holder[target] = _scaled(holder[target], scale, "/".join((*path[:-1], target)))
        holder[path[-1]] = {"norm": {"scale": np.ones_like(scale, np.float32), "bias": _32(bias)}}
        moments[path[-1]] = {
            "norm": {
                "mean": np.zeros_like(bias, np.float32),
                "var": _32(1 - NORM_EPSILON + 0 * bias),
            }
        }
    return {"params": params, "batch_stats": stats}


def _norms(stats: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of the BatchNorms: modules whose child `norm` has running statistics."""
    for name, child in stats.items():
        if name == "norm" and "mean" in child:
            yield path
        elif isinstance(child, dict):
            yield from _norms(child, (*path, name))


def _scaled(module: Any, scale: np.ndarray, path: str) -> Any:
    """The module with its kernel scaled per output channel, which is the last axis of all our kernels."""
    if not isinstance(module, dict):
        return _32(module * scale)
    if "bias" in module:
        raise ValueError(f"{path} has a bias before its BatchNorm: leave it out, the norm has one")
    return {name: _scaled(child, scale, path) for name, child in module.items()}


def _copy(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _copy(child) for name, child in tree.items()}
    return np.array(tree, np.float32)


def _32(x: Any) -> np.ndarray:
    return np.asarray(x, np.float32)
