"""The command `gemma3-ocr`: what it takes is in `commands.arguments`, what it does in the other modules of `commands`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import tyro
from tyro.conf import FlagCreatePairsOff, OmitSubcommandPrefixes

from gemma3_jax.commands.arguments import Command

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


class UsageError(ValueError):
    """A command line that cannot be meant; ends the program with status 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, 1 when something could not be read, 2 for wrong use, 130 after Ctrl-C.

    With GEMMA3_DEBUG set in the environment an error comes with its traceback.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments[:1] == ["train"]:
            from gemma3_jax.training.cli import main as train

            train(arguments[1:])
            return 0
        if arguments[:1] == ["eval"]:
            from gemma3_jax.evaluation import main as evaluate

            tyro.cli(evaluate, args=arguments[1:], prog="gemma3-ocr eval")
            return 0
        return _parse(arguments).run()
    except UsageError as error:
        complain(str(error))
        return WRONG_USE
    except (FileNotFoundError, ValueError, ModuleNotFoundError) as error:
        if os.environ.get("GEMMA3_DEBUG"):
            raise
        complain(" ".join(str(error).split()))
        return FAILED
    except BrokenPipeError:  # `gemma3-ocr read ... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def _parse(arguments: list[str]) -> Any:
    return tyro.cli(
        OmitSubcommandPrefixes[Command],
        args=arguments,
        prog="gemma3-ocr",
        description="Find and read the words in pictures. Not the Gemma 3 language model.",
        config=(FlagCreatePairsOff,),
    )


def complain(message: str) -> None:
    """One line on standard error."""
    print(f"gemma3-ocr: {message}", file=sys.stderr)
