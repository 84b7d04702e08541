"""What a run of `gemma3-ocr read` has done so far: counted, shown while it runs, said at the end, failures in a file."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from gemma3_jax.cli import complain
from gemma3_jax.commands.files import make_folder, printable, writing_to
from gemma3_jax.commands.progress import Bar
from gemma3_jax.page import Page

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments_read import Read

FAILURES = "failures.txt"


class Tally:
    """Counts, used in a `with` block: at its end, however it ends, stands the summary of a run that writes to a folder.

    `total` is the number of files that are named; `pages` whether there is more than one page.
    """

    def __init__(self, command: Read, total: int, pages: bool) -> None:
        self.command = command
        self.files = self.skipped = self.pages = self.words = self.failures = 0
        self._list = _FailureList(command)
        self._bar = Bar(total, pages, command)
        self._begun = time.monotonic()

    def __enter__(self) -> Tally:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._list.close()
        if self.command.output is not None:
            if kind is None:
                complain(self.summary())
            else:
                complain(f"broken off: {self.summary()}; --resume reads the rest")

    def file(self) -> None:
        """A file is done with."""
        self.files += 1
        self._bar.show(self.files, self.pages)

    def skip(self) -> None:
        """A file was done with before this run."""
        self.skipped += 1
        self._bar.shorten()

    def page(self, page: Page, done: float) -> None:
        """Count a page, and say what is wrong with it; `done` is the part of its file that is read, 0 to 1."""
        self.pages += not page.error
        self.words += len(page.words)
        for warning in page.warnings:
            self._bar.say(f"{page.source}: {warning}")
        if page.error:
            self.fail(page.source, page.error)
        self._bar.show(self.files + done, self.pages)

    def fail(self, name: str, reason: str) -> None:
        """Something could not be read or written: one line on standard error, one in the list."""
        name = printable(name)
        self.failures += 1
        self._bar.say(f"{name}: {reason}")
        self._list.add(name, reason)

    def summary(self) -> str:
        """Files, pages, words, failures, seconds, pages a second: one line."""
        seconds = time.monotonic() - self._begun
        parts = [
            _counted(self.files, "file"),
            *([f"{self.skipped} done before"] if self.skipped else []),
            _counted(self.pages, "page"),
            _counted(self.words, "word"),
            _counted(self.failures, "failure")
            + (f" (listed in {self._list.path})" if self.failures else ""),
            f"{seconds:.1f} s",
            f"{self.pages / max(seconds, 1e-9):.1f} pages/s",
        ]
        return ", ".join(parts)


class _FailureList:
    """The file of --failures, or failures.txt in --output; each line is in it as soon as it is known.

    The first is written in any case, empty when all went well; the second only where there is something to list, and one
    that an earlier run left is taken away.
    """

    def __init__(self, command: Read) -> None:
        self.path: Path | None = command.failures
        self._file: TextIO | None = None
        if self.path is not None:
            self._file = self._open(self.path)
        elif command.output is not None:
            self.path = command.output / FAILURES
            with writing_to(self.path):
                self.path.unlink(missing_ok=True)

    def _open(self, path: Path) -> TextIO:
        make_folder(path.parent)
        with writing_to(path):
            return path.open("w", encoding="utf-8", buffering=1)

    def add(self, name: str, reason: str) -> None:
        if self.path is None:
            return
        with writing_to(self.path):
            self._file = self._file or self._open(self.path)
            print(f"{_escaped(name)}\t{_escaped(reason)}", file=self._file)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _escaped(text: str) -> str:
    r"""The few characters that would break a line into two, or a column, as \t, \n and \r."""
    return text.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
