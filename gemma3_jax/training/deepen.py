"""A released model with more blocks, which computes what it computed: where a larger network starts training from.

    python -m gemma3_jax.training.deepen gemma3-base --out runs/deep --strip-depths 3 4 --attention-depth 3

A new block is the identity until training moves it (Net2DeeperNet, Chen et al. 2016): the last factor of each of its residual
branches is zero (Goyal et al. 2017). A ReLU behind a separable block changes nothing either, as what comes in is one's output.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import tyro

# By module and leaf: what a branch of a new block ends in. Both norms' shifts begin at zero of themselves.
LAST = (
    ("pointwise_norm", "scale"),
    ("position", "kernel"),
    ("out", "kernel"),
    ("contract", "kernel"),
)


def deepened(variables: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """`fresh`, the initial variables of the deeper network, with those of the shallower where it has them.

    Raises:
        ValueError: for an array that both have in two shapes, or that only the shallower one has.
    """
    import jax
    import numpy as np

    old = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(variables)}

    def leaf(path: Any, new: Any) -> Any:
        name = jax.tree_util.keystr(path)
        if name in old:
            known = old.pop(name)
            if known.shape != new.shape:
                raise ValueError(
                    f"{name} is {known.shape} and would be {new.shape}: only depths may grow"
                )
            return known
        keys = [key.key for key in path]
        ends = any(module in keys and keys[-1] == last for module, last in LAST)
        return np.zeros(new.shape, np.float32) if ends else np.asarray(new, np.float32)

    grown = jax.tree.map_with_path(leaf, fresh)
    if old:
        raise ValueError(f"the deeper network lacks {sorted(old)[:3]}: depths may only grow")
    return grown


def main(
    model: Annotated[str, tyro.conf.Positional],
    out: Path,
    stage_depths: tuple[int, ...] | None = None,
    strip_depths: tuple[int, ...] | None = None,
    attention_depth: int | None = None,
    detector_depth: int | None = None,
    seed: int = 0,
) -> None:
    """Write `model`, a name or folder, with these depths (those left out stay) to the folder `out`.

    Raises:
        ValueError: for a depth below the model's own.
    """
    import jax

    from gemma3_jax.model.spotter import init_variables
    from gemma3_jax.pretrained import load_pretrained, save_pretrained

    config, variables = load_pretrained(model)
    depths = {
        "stage_depths": stage_depths,
        "strip_depths": strip_depths,
        "attention_depth": attention_depth,
        "detector_depth": detector_depth,
    }
    deeper = dataclasses.replace(config, **{k: v for k, v in depths.items() if v is not None})
    fresh = init_variables(deeper, jax.random.key(seed))
    recipe = {"training": {"deepened": model}}
    save_pretrained(out, deeper, deepened(variables, fresh), half=False, recipe=recipe)
    grown = {name: getattr(deeper, name) for name in depths}
    print(f"{out}: {grown}")


if __name__ == "__main__":
    tyro.cli(main)
