"""Scalars and pictures for TensorBoard, written by tensorboardX: no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from etils import epath

if TYPE_CHECKING:
    from gemma3_jax.training.report import Part


class TensorBoard:
    """A sink of `training.report`; look at it with `tensorboard --logdir WORKDIR/tensorboard`.

    Raises:
        ModuleNotFoundError: without tensorboardX, saying what to install.
    """

    def __init__(self, folder: epath.Path, first: int) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ModuleNotFoundError as error:
            if error.name != "tensorboardX":
                raise
            raise ModuleNotFoundError(
                '--tensorboard is written by tensorboardX: pip install "gemma3_jax[train]"',
                name="tensorboardX",
            ) from None
        # A resumed run does some steps again: TensorBoard shall forget them.
        self._writer = SummaryWriter(str(folder), purge_step=first + 1)

    def __call__(self, step: int, values: Mapping[str, float], part: Part) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{part}/{name}", value, step)

    def images(self, step: int, images: Mapping[str, Any]) -> None:
        """Pictures uint8 [h, w, 3] by name."""
        for name, image in images.items():
            self._writer.add_image(f"validation/{name}", image, step, dataformats="HWC")
        self._writer.flush()

    def note(self, text: str) -> None:
        """Not a figure."""

    def close(self) -> None:
        self._writer.close()
