"""A released model cut down to a smaller one's sizes, as a start for training it.

    python -m gemma3_jax.prune --config configs/tiny_joint.py --data ../shared/data --out runs/tiny_start

The experiment says which sizes and on what samples the channels are judged.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path


def main(
    out: Path,
    config: Path = Path("configs/tiny_joint.py"),
    model: str = "gemma3-base",
    data: Path = Path("../shared/data"),
    cache: Path = Path(".cache/gemma3_jax"),
    steps: int = 16,
) -> None:
    """Write `model` with the channels of `config`'s model that matter most on `steps` of its batches."""
    from gemma3_jax.pretrained import load_pretrained, save_pretrained
    from gemma3_jax.prune.importance import taylor
    from gemma3_jax.prune.surgery import check_smaller, prune
    from gemma3_jax.training.cli import load_config
    from gemma3_jax.training.sources import host_scenes, load_resident

    student = load_config(config, [])
    large, variables = load_pretrained(model)
    check_smaller(large, student.model)
    experiment = dataclasses.replace(student, model=large, teacher="")
    wordlists = data / "wordlists"
    resident = load_resident(experiment, cache, wordlists if wordlists.exists() else None)
    scenes = host_scenes(experiment, data, 0) if experiment.data.real_scenes else None
    importance = taylor(experiment, variables, resident, scenes, steps)
    pruned = prune(large, variables, student.model, importance)
    save_pretrained(out, student.model, pruned, recipe={"pruned": {"from": model, "steps": steps}})
    print(f"{out}: {student.model.name} cut out of {model}, judged on {steps} batches")


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
