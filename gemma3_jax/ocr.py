"""`GemmaOCR`: a picture in, a `Page` out."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from gemma3_jax.engine import Engine, JaxEngine, Trained
from gemma3_jax.imaging.documents import document_pages
from gemma3_jax.imaging.load import ImageError, Source, load_image, source_name
from gemma3_jax.page import Page, Word
from gemma3_jax.reading import ReadOptions, read_crops, read_page
from gemma3_jax.reading.in_order import in_order, side_by_side

BACKENDS = ("auto", "jax", "onnx", "onnx-int8")
DEFAULT_MODEL = "gemma3-base"
T = TypeVar("T")


class GemmaOCR:
    """Finds and reads the words of pictures. Holds weights and compiled programs, nothing of the pictures: share it freely.

    Coordinates are pixels of the upright picture: a photograph whose EXIF tag says "turned" is turned first, as every viewer
    shows it.
    """

    def __init__(self, engine: Engine, options: ReadOptions = ReadOptions()) -> None:
        self.engine, self.options = engine, options

    @classmethod
    def from_pretrained(
        cls,
        name_or_dir: str | Path = DEFAULT_MODEL,
        backend: Literal["auto", "jax", "onnx", "onnx-int8"] = "auto",
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        **options: Any,
    ) -> GemmaOCR:
        """A reader with trained weights: a model in the package (works offline) or a directory that `save_pretrained` wrote.

        `backend` "onnx" runs on ONNX Runtime, "jax" on whatever device JAX finds; "auto" is JAX on a TPU or GPU, and on a
        processor ONNX Runtime where it is installed and has the model (docs/export.md), else JAX. All read the same words, but
        for "onnx-int8": ONNX Runtime with eight-bit integers, faster, and now and then another letter.
        `threads` bounds the processor cores to use; with JAX it counts only before JAX first computes in this process.
        `providers` choose ONNX Runtime and what it runs on, best first: `["CUDAExecutionProvider", "CPUExecutionProvider"]`.
        `options` are those of `ReadOptions`: `max_side=2048` for dense pages, `min_confidence=0.5`, ...

        Raises:
            ValueError: unknown backend or option value. FileNotFoundError: no such model; the message lists those there are.
            ModuleNotFoundError: saying what to install for the backend.
        """
        from gemma3_jax.pretrained import load_calibration, load_pretrained

        if backend not in BACKENDS:
            raise ValueError(f"{backend=} is not one of {', '.join(BACKENDS)}")
        if threads is not None and threads < 1:
            raise ValueError(f"{threads=} must be at least 1")
        if providers is not None and backend == "jax":
            raise ValueError(f"{providers=} are ONNX Runtime's: they need backend='onnx' or 'auto'")
        read_options = ReadOptions(**{**load_calibration(name_or_dir), **options})
        config, variables = load_pretrained(name_or_dir)
        engine = None
        if backend != "jax":
            kind = backend if backend != "auto" else "onnx" if providers is not None else None
            engine = _onnx_engine(name_or_dir, config, variables, threads, providers, kind)
        if engine is None:
            if threads is not None:
                # XLA reads the size of its thread pool from the environment when its client is made
                os.environ["PJRT_NPROC"] = str(threads)
            engine = JaxEngine(config, variables)
        return cls(engine, read_options)

    def with_options(self, **options: Any) -> GemmaOCR:
        """The same reader, weights and compiled programs shared, with other `ReadOptions`."""
        return GemmaOCR(self.engine, dataclasses.replace(self.options, **options))

    def read(self, source: Source) -> Page:
        """Read a path, encoded bytes, PIL image, or array `[h, w]` / `[h, w, 1..4]` (RGB, uint8).

        Raises:
            ImageError: naming the source and the reason. TypeError: when it is nothing of the kind.
        """
        return self._read(load_image(source), source)

    def _read(self, pixels: np.ndarray, source: Source) -> Page:
        found = read_page(self.engine, pixels, self.options)
        height, width = pixels.shape[:2]
        name = source_name(source)
        return Page(
            width,
            height,
            found.lines,
            name,
            found.warnings,
            unread=found.unread,
            picture=source,
        )

    def read_document(self, path: str | Path) -> list[Page]:
        """All pages of a PDF (extra `[pdf]`) or a multi-page TIFF; any other picture is one page.

        Raises:
            ImageError: when the file or one of its pages cannot be read.
        """
        pages = document_pages(path)
        engine, workers = side_by_side(self.engine, len(pages))
        reader = GemmaOCR(engine, self.options)
        # pixels are asked for by this thread: pdfium must not be called by two
        seen = ((load_image(page), page) for page in pages)
        with closing(in_order(lambda one: reader._read(*one), seen, workers)) as done:
            return [page for _, page in done]

    def read_batch(
        self,
        sources: Iterable[Source],
        progress: bool = False,
        on_error: Literal["raise", "keep"] = "raise",
        workers: int | None = None,
    ) -> list[Page]:
        """One page per source, in order, with a progress bar on stderr if asked for.

        So many `workers` read a picture each at the same time: by default one for each of `threads`, up to four, where the
        backend is ONNX Runtime, else one.

        With `on_error="keep"` a bad picture does not stop the others: its place is taken by an empty page whose `error`
        says why.

        Raises:
            ImageError: of the first bad picture, unless errors are kept.
        """
        if on_error not in ("raise", "keep"):
            raise ValueError(f"{on_error=} is not one of raise, keep")
        if workers is not None and workers < 1:
            raise ValueError(f"{workers=} must be at least 1")
        sources = list(sources)
        engine, workers = side_by_side(self.engine, len(sources), workers)
        reader = GemmaOCR(engine, self.options)
        read = reader._read_or_say_why if on_error == "keep" else reader.read
        with closing(in_order(read, sources, workers)) as done:
            return [page for _, page in (_with_bar(done, len(sources)) if progress else done)]

    def _read_or_say_why(self, source: Source) -> Page:
        try:
            return self.read(source)
        except (ImageError, TypeError) as error:
            reason = error.reason if isinstance(error, ImageError) else str(error)
            return Page(0, 0, source=source_name(source), error=reason, picture=source)

    def recognize(self, crops: Iterable[Source]) -> list[Word]:
        """The text of pictures that are already cut to one word or line each, in order.

        Raises:
            ImageError: naming the crop and the reason. TypeError: when one is no picture.
        """
        return read_crops(self.engine, [load_image(crop) for crop in crops], self.options)

    def save_pretrained(self, directory: str | Path) -> Path:
        """Write config and weights to a directory that `from_pretrained` reads; returns it."""
        from gemma3_jax.pretrained import CALIBRATION, save_pretrained

        engine = self.engine
        if not isinstance(engine, Trained):
            raise TypeError(f"a {type(engine).__name__} has no trained weights to save")
        recipe = {"confidence": {name: getattr(self.options, name) for name in CALIBRATION}}
        save_pretrained(directory, engine.config, engine.variables, recipe=recipe)
        return Path(directory)

    @property
    def variables(self) -> Any:
        """`{"params", "batch_stats"}` for `gemma3_jax.spot(variables, images)` inside your own jitted program."""
        if not isinstance(self.engine, Trained):
            raise TypeError(f"a {type(self.engine).__name__} holds no variables")
        return self.engine.variables


def _onnx_engine(
    model: str | Path,
    config: Any,
    variables: Any,
    threads: int | None,
    providers: Sequence[str] | None,
    asked: str | None,
) -> Engine | None:
    """The model in ONNX Runtime, as the backend `asked` for; None where none was and JAX is the better or the only choice.

    Raises:
        ModuleNotFoundError: saying what to install, when it was asked for.
    """
    from gemma3_jax.engine_onnx import CPU, OnnxEngine
    from gemma3_jax.export.kept import exported_folder
    from gemma3_jax.hardware import accelerated
    from gemma3_jax.pretrained import model_checksum, model_folder

    if not asked and accelerated():
        return None
    installed = importlib.util.find_spec("onnxruntime") is not None
    home = model_folder(model)
    folder = exported_folder(home, config, variables, asked or "onnx") if installed else None
    if folder is None:
        if not asked:
            return None
        missing = "onnx" if installed else "onnxruntime"
        raise ModuleNotFoundError(
            f'backend="{asked}" needs the package {missing}: pip install "gemma3_jax"'
        )
    checksum = model_checksum(home)
    return OnnxEngine(
        folder, config, variables, checksum=checksum, threads=threads, providers=providers or CPU
    )


def _with_bar(done: Iterable[T], total: int) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(done, "reading", total, console=Console(stderr=True))
