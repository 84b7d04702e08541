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
    models: Annotated[tuple[str, ...], tyro.conf.Positional],
    out: Path,
    temperature: float = 1.0,
    recognizer: str | None = None,
) -> None:
    """Write the mean of the parameters and statistics of `models`, names or folders, to the folder `out`.

    Args:
        temperature: By which the logits of the mean's characters are divided.
        recognizer: A model whose recogniser is taken instead of the mean's: a mean of the same models in other shares.

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
    names = [*models, recognizer] if recognizer else list(models)
    (config, first), *others = (load_pretrained(name) for name in names)
    for name, (other, _) in zip(names[1:], others, strict=True):
        if other != config:
            raise ValueError(f"{name} ({other.name}) has other sizes than {models[0]}")
    trees = [first, *(variables for _, variables in others)]
    reader = trees.pop() if recognizer else None
    mean = jax.tree.map(lambda *arrays: np.mean(arrays, axis=0, dtype=np.float32), *trees)
    for collection, parts in (reader or {}).items():
        mean[collection]["recognizer"] = parts["recognizer"]
    head = mean["params"]["recognizer"]["head"]
    mean["params"]["recognizer"]["head"] = jax.tree.map(lambda x: x / temperature, head)
    recipe = {"mean_of": list(models), "temperature": temperature}
    recipe |= {"recognizer_of": recognizer} if recognizer else {}
    save_pretrained(out, config, mean, recipe={"training": recipe})
    read_by = f", with the recogniser of {recognizer}" if recognizer else ""
    print(f"{out}: mean of {', '.join(models)}{read_by}")


if __name__ == "__main__":
    tyro.cli(main)
