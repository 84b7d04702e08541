"""A run's newest checkpoint, or its best, as a released model.

python -m gemma3_jax.training.release --workdir runs/joint --out runs/joint/model
"""

from __future__ import annotations

from pathlib import Path


def main(workdir: str, out: Path, half: bool = True, best: bool = False) -> None:
    """Write the averaged parameters and statistics of `workdir`'s newest (or best) state to the folder `out`."""
    from gemma3_jax.pretrained import save_pretrained
    from gemma3_jax.training.packed import load_state
    from gemma3_jax.training.state import released_variables

    config, state = load_state(workdir, best=best)
    recipe = {
        "training": {"steps": int(state.step), "seed": config.seed, "start_from": config.start_from}
    }
    save_pretrained(out, config.model, released_variables(state), half=half, recipe=recipe)
    print(f"{out}: step {int(state.step)}")


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
