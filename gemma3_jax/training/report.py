"""What a run tells while it goes on: to a terminal, to files, to TensorBoard. Only process 0 says anything."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from etils import epath
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gemma3_jax.training.hosts import is_lead

Part = Literal["train", "validation"]
REWRITE_S = 60.0  # s between two versions of a log in a bucket


class Sink(Protocol):
    """One place that figures go to."""

    def __call__(self, step: int, values: Mapping[str, float], part: Part) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


class Report:
    """Figures and notes of a run, to every sink: `metrics.jsonl` and `train.log` in `workdir`, a terminal, TensorBoard."""

    def __init__(
        self, workdir: epath.Path, first: int, total: int, tensorboard: bool = False
    ) -> None:
        self._sinks: list[Sink] = []
        self._images: Any = None
        if not is_lead():
            return
        if tensorboard:
            from gemma3_jax.training.tensorboard import TensorBoard

            self._images = TensorBoard(workdir / "tensorboard", first)
            self._sinks.append(self._images)
        self._sinks += [JsonLines(workdir, first), PlainLines(workdir), Terminal(first, total)]

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *error: object) -> None:
        for sink in self._sinks:
            sink.close()

    def __call__(self, step: int, values: Mapping[str, float], part: Part = "train") -> None:
        for sink in self._sinks:
            sink(step, values, part)

    def note(self, text: str) -> None:
        """A line that is no figure: where the run began, why it ends."""
        for sink in self._sinks:
            sink.note(text)

    def images(self, step: int, images: Mapping[str, Any]) -> None:
        """Pictures, uint8 [h, w, 3] by name, for TensorBoard."""
        if self._images is not None:
            self._images.images(step, images)


class Lines:
    """A text file that grows; in a bucket, where files cannot, it is written anew at most every `REWRITE_S`."""

    def __init__(self, path: epath.Path, remote: bool | None = None) -> None:
        self._path, self._written = path, time.monotonic()
        self._remote = "://" in os.fspath(path) if remote is None else remote
        self._text = path.read_text() if self._remote and path.exists() else ""
        self._file = None if self._remote else path.open("a")

    def add(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
            return
        self._text += line + "\n"
        if time.monotonic() - self._written > REWRITE_S:
            self._rewrite()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        else:
            self._rewrite()

    def _rewrite(self) -> None:
        self._path.write_text(self._text)
        self._written = time.monotonic()


class JsonLines:
    """`metrics.jsonl`: an object per report. Steps that a resumed run does again are dropped, so that each is there once."""

    def __init__(self, workdir: epath.Path, first: int) -> None:
        path = workdir / "metrics.jsonl"
        if path.exists():
            kept = [line for line in path.read_text().splitlines() if _before(line, first)]
            path.write_text("".join(line + "\n" for line in kept))
        self._lines = Lines(path)

    def __call__(self, step: int, values: Mapping[str, float], part: Part) -> None:
        self._lines.add(json.dumps({"step": step, **values}))

    def note(self, text: str) -> None:
        """Not a figure."""

    def close(self) -> None:
        self._lines.close()


class PlainLines:
    """`train.log`: the history of all starts of a run, with times."""

    def __init__(self, workdir: epath.Path) -> None:
        self._lines = Lines(workdir / "train.log")

    def __call__(self, step: int, values: Mapping[str, float], part: Part) -> None:
        self.note(as_text(step, values))

    def note(self, text: str) -> None:
        self._lines.add(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}")

    def close(self) -> None:
        self._lines.close()


class Terminal:
    """A progress bar on a terminal, plain lines elsewhere."""

    def __init__(self, first: int, total: int) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns)
        self._task = self._progress.add_task("training", total=total, completed=first)
        self._progress.start()

    def __call__(self, step: int, values: Mapping[str, float], part: Part) -> None:
        self._progress.update(self._task, completed=step, description=f"step {step}")
        self.note(as_text(step, values))

    def note(self, text: str) -> None:
        self._progress.console.print(text, soft_wrap=True, highlight=False, markup=False)

    def close(self) -> None:
        self._progress.stop()


def as_text(step: int, values: Mapping[str, float]) -> str:
    """One line of figures."""
    return f"step {step}  " + "  ".join(f"{name} {value:.4g}" for name, value in values.items())


def _before(line: str, first: int) -> bool:
    try:
        return json.loads(line)["step"] <= first
    except json.JSONDecodeError:  # the line that a killed process was writing
        return False
