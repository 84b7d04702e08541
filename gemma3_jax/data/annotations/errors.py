"""What goes wrong with one annotation, and where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gemma3_jax.imaging.load import ImageError


class AnnotationError(ValueError):
    """An annotation that cannot be used: `str(error)` names the file and what is wrong with it."""

    def __init__(self, where: str | Path, what: str) -> None:
        super().__init__(f"{where}: {what}")


@contextlib.contextmanager
def blaming(where: str) -> Iterator[None]:
    """Turn what goes wrong with one entry (a key that is missing, a text for a number) into an AnnotationError at `where`."""
    try:
        yield
    except (AnnotationError, ImageError):
        raise
    except KeyError as error:
        raise AnnotationError(where, f"has no {error}") from error
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise AnnotationError(where, f"not as the format has it ({error})") from error
