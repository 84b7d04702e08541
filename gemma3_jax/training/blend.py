"""The mean of released models that began as one, as a released model.

    python -m gemma3_jax.training.blend runs/joint/model runs/real/model --out runs/blend

Weights before and after a fine-tuning on other data lie in one basin, and their mean keeps the robustness of the one with
the gain of the other (Wortsman et al. 2022, WiSE-FT). Models of separate runs do not (docs/training_log.md, row 5).

`--temperature` makes the class probabilities less sure (Guo et al. 2017, but before the search, not after it): a language model
is heard, and noise found out, only where pixels leave room for doubt. It becomes a factor of the head: nothing to carry along.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro


def main(
    models: Annotated[tuple[str, ...], tyro.conf.Positional], out: Path, temperature: float = 1.0
) -> None:
    """Write the mean of the parameters and statistics of `models`, names or folders, to the folder `out`.

    Args:
        temperature: By which the logits of the mean's characters are divided.

    Raises:
        ValueError: for fewer than two models, naming one of other sizes than the first, or a temperature not over 0.
    """
    import jax
    import numpy as np

    from gemma3_jax.pretrained import load_pretrained, save_pretrained

    if len(models) < 2:
        raise ValueError(f"a mean takes two models or more, not {list(models)}")
    if not temperature > 0:
        raise ValueError(f"{temperature=} must be over 0")
    (config, first), *others = (load_pretrained(name) for name in models)
    for name, (other, _) in zip(models[1:], others, strict=True):
        if other != config:
            raise ValueError(f"{name} ({other.name}) has other sizes than {models[0]}")
    trees = [first, *(variables for _, variables in others)]
    mean = jax.tree.map(lambda *arrays: np.mean(arrays, axis=0, dtype=np.float32), *trees)
    head = mean["params"]["recognizer"]["head"]
    mean["params"]["recognizer"]["head"] = jax.tree.map(lambda x: x / temperature, head)
    recipe = {"mean_of": list(models), "temperature": temperature}
    save_pretrained(out, config, mean, recipe={"training": recipe})
    print(f"{out}: mean of {', '.join(models)}")


if __name__ == "__main__":
    tyro.cli(main)
