"""The mean of released models that began as one, as a released model.

    python -m gemma3_jax.training.blend runs/joint/model runs/real/model --out runs/blend

Weights before and after a fine-tuning on other data lie in one basin, and their mean keeps the robustness of the one with
the gain of the other (Wortsman et al. 2022, WiSE-FT). Models of separate runs do not (docs/training_log.md, row 5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro


def main(models: Annotated[tuple[str, ...], tyro.conf.Positional], out: Path) -> None:
    """Write the mean of the parameters and statistics of `models`, names or folders, to the folder `out`.

    Raises:
        ValueError: for fewer than two models, or naming one of other sizes than the first.
    """
    import jax
    import numpy as np

    from gemma3_jax.pretrained import load_pretrained, save_pretrained

    if len(models) < 2:
        raise ValueError(f"a mean takes two models or more, not {list(models)}")
    (config, first), *others = (load_pretrained(name) for name in models)
    for name, (other, _) in zip(models[1:], others, strict=True):
        if other != config:
            raise ValueError(f"{name} ({other.name}) has other sizes than {models[0]}")
    trees = [first, *(variables for _, variables in others)]
    mean = jax.tree.map(lambda *arrays: np.mean(arrays, axis=0, dtype=np.float32), *trees)
    save_pretrained(out, config, mean, recipe={"training": {"mean_of": list(models)}})
    print(f"{out}: mean of {', '.join(models)}")


if __name__ == "__main__":
    tyro.cli(main)
