"""A few steps of a run under JAX's profiler, for XProf (`xprof --logdir DIR`, or TensorBoard with its profile plugin)."""

from __future__ import annotations

from typing import Any

import jax

SKIPPED, TRACED = 10, 5  # steps: the first ones compile and fill queues


class Profile:
    """Traces `TRACED` steps of this process into `folder`; without a folder it does nothing. Leaving it ends the trace.

    Steps are named as XProf wants them (`step`), so that its step-time page knows where one ends.
    """

    def __init__(self, folder: str | None, first: int) -> None:
        """`first`: the step that the run starts from."""
        self.folder, self.first, self.running = folder, first, False

    def __enter__(self) -> Profile:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self._stop()

    def step(self, number: int) -> jax.profiler.StepTraceAnnotation:
        """The context in which step `number` is dispatched."""
        return jax.profiler.StepTraceAnnotation("train", step_num=number)

    def after(self, number: int, result: Any) -> bool:
        """Begin or end the trace where it is time to, when `result` of step `number` is there; True where it ended."""
        if self.folder is None or number - self.first not in (SKIPPED, SKIPPED + TRACED):
            return False
        jax.block_until_ready(result)
        if number - self.first == SKIPPED:
            jax.profiler.start_trace(self.folder)
            self.running = True
            return False
        self._stop()
        return True

    def _stop(self) -> None:
        jax.profiler.stop_trace()
        self.running = False
