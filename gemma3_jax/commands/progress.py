"""The progress bar of a long job: on standard error, and never where it would mix with what is printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gemma3_jax.cli import complain

if TYPE_CHECKING:
    from rich.progress import Progress

    from gemma3_jax.commands.arguments_read import Read

REFRESH_PER_S = 4


class Bar:
    """Files done, pages a second and the time left: on a terminal that is not printed to, or where --progress asks for it."""

    def __init__(self, total: int, pages: bool, command: Read) -> None:
        """`total` files are named; `pages`: a single page needs no bar."""
        printed = command.output is None and sys.stdout.isatty()
        wanted = command.progress or (sys.stderr.isatty() and not printed and pages)
        self._progress = _progress() if wanted else None
        self._total = total

    def start(self) -> None:
        if self._progress is not None:
            self._task = self._progress.add_task("reading", total=self._total, speed="")
            self._progress.start()

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, files: float, pages: int) -> None:
        """`files` done, with the part of the one that is being read, and `pages` read so far."""
        if self._progress is not None:
            seconds = self._progress.tasks[0].elapsed or 0.0
            speed = f"{pages / seconds:.1f} pages/s" if seconds else ""
            self._progress.update(self._task, completed=files, speed=speed)

    def shorten(self) -> None:
        """One file less to read: what was done before says nothing of the speed."""
        self._total -= 1
        if self._progress is not None:
            self._progress.update(self._task, total=self._total)

    def say(self, message: str) -> None:
        """One line on standard error, above the bar where there is one."""
        if self._progress is None:
            complain(message)
        else:
            line = f"gemma3-ocr: {message}"
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files  {task.fields[speed]}  left:"),
        TimeLeft(),
        console=Console(stderr=True, force_terminal=True),
        refresh_per_second=REFRESH_PER_S,
        redirect_stdout=False,  # rich would send what is printed to standard error
        redirect_stderr=False,
    )
