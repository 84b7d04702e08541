"""`gemma3-ocr checkpoint`: a training state to small files and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import CheckpointPack, CheckpointUnpack


def checkpoint_pack(command: CheckpointPack) -> int:
    """Write the files and say what they hold."""
    from gemma3_jax.training.packed import pack

    packed = pack(command.workdir, command.output, best=command.best, moments=command.moments)
    print(
        f"{command.output}: step {packed.step}, {packed.files} files, {packed.bytes / 2**20:.1f} MiB"
    )
    return 0


def checkpoint_unpack(command: CheckpointUnpack) -> int:
    """Check the files, write a run and say from which step it goes on."""
    from gemma3_jax.training.packed import unpack

    packed = unpack(command.folder, command.workdir)
    print(f"{command.workdir}: goes on from step {packed.step}")
    return 0
