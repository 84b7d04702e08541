"""A run's newest checkpoint as a released model.

python -m gemma3_jax.training.release --workdir runs/joint --out runs/joint/model
"""

from __future__ import annotations

from pathlib import Path


def main(workdir: Path, out: Path, half: bool = True) -> None:
    """Write the averaged parameters and statistics of `workdir`'s newest state to the folder `out`."""
    from gemma3_jax.config import Config
    from gemma3_jax.pretrained import save_pretrained
    from gemma3_jax.training.checkpoints import Checkpoints
    from gemma3_jax.training.state import init_state, released_variables

    config = Config.from_json((workdir / "config.json").read_text())
    state = Checkpoints(workdir / "checkpoints").restore(init_state(config))
    if state is None:
        raise FileNotFoundError(f"{workdir}/checkpoints holds no state yet")
    recipe = {
        "training": {"steps": int(state.step), "seed": config.seed, "start_from": config.start_from}
    }
    save_pretrained(out, config.model, released_variables(state), half=half, recipe=recipe)
    print(f"{out}: step {int(state.step)}")


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
