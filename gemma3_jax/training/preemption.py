"""SIGTERM, the notice that a machine will be taken away: save, then stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import jax

EXIT_STATUS = (
    128 + signal.SIGTERM
)  # what a shell reports for a process ended by SIGTERM: start it again


class Preempted(RuntimeError):
    """The run was asked to end; its state is on disk and the same command goes on from it."""


class Preemption:
    """Within `with`, SIGTERM no longer ends the process: `noticed` says at each step whether it came.

    One process listens itself (in the main thread; elsewhere Python has no signals and whoever runs it decides). Among several
    JAX's coordination service listens, passes the notice on and names a step that all can reach, so that all save the same.
    """

    def __init__(self) -> None:
        self._came = threading.Event()
        self._before: Any = None
        self._listens = jax.process_count() == 1

    def __enter__(self) -> Preemption:
        if self._listens and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def noticed(self, step: int) -> bool:
        """Whether to save and stop after `step`; among several processes all must ask at every step."""
        if self._listens:
            return self._came.is_set()
        from jax.experimental.multihost_utils import reached_preemption_sync_point

        return reached_preemption_sync_point(step)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came.set()
