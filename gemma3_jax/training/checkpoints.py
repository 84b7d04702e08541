"""Training states on disk (orbax) and released models beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from gemma3_jax.training.state import TrainState


class Checkpoints:
    """Numbered states of one run, the newest few kept; saves are asynchronous."""

    def __init__(self, folder: str | Path, max_to_keep: int = 2) -> None:
        options = ocp.CheckpointManagerOptions(max_to_keep=max_to_keep, create=True)
        handler = ocp.StandardCheckpointHandler()
        self._manager = ocp.CheckpointManager(
            Path(folder).resolve(), options=options, item_handlers=handler
        )

    def save(self, state: TrainState) -> None:
        """Write `state` under its own step; returns before the bytes are on disk."""
        self._manager.save(int(state.step), args=ocp.args.StandardSave(state._asdict()))

    def restore(self, like: TrainState) -> TrainState | None:
        """The newest state, laid out (shapes, dtypes, shardings) like `like`; None when there is none.

        Raises:
            ValueError: naming the first entry whose shape differs.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        saved = self._manager.item_metadata(step)
        _check_shapes(saved, like._asdict(), f"{self._manager.directory}/{step}")
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, like._asdict())
        restored: Any = self._manager.restore(step, args=ocp.args.StandardRestore(target))
        return TrainState(**restored)

    def close(self) -> None:
        """Wait for saves under way."""
        self._manager.wait_until_finished()
        self._manager.close()


def _check_shapes(saved: Any, expected: Any, where: str) -> None:
    shapes = {
        jax.tree_util.keystr(path): tuple(leaf.shape)
        for path, leaf in jax.tree_util.tree_leaves_with_path(getattr(saved, "tree", saved))
        if hasattr(leaf, "shape")
    }
    for path, leaf in jax.tree_util.tree_leaves_with_path(expected):
        name = jax.tree_util.keystr(path)
        found = shapes.get(name)
        if found is not None and found != tuple(leaf.shape):
            raise ValueError(
                f"{where}: shape mismatch at {name}: expected {tuple(leaf.shape)}, got {found}; "
                "use another --workdir or the config this run began with"
            )
