"""The network in ONNX Runtime, from the files that `gemma3_jax.export` writes; JAX is imported only to build them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gemma3_jax.charset import BLANK, Charset
from gemma3_jax.config import COLUMN_PX, ModelConfig
from gemma3_jax.decoding.boxes import columns_used
from gemma3_jax.engine import STRIP_PX, Detection
from gemma3_jax.hardware import available_cores

NEVER = -1e4  # log-probability of what cannot be
CPU = ("CPUExecutionProvider",)


class OnnxEngine:
    """Any batch, picture size, number of words and strip length runs as it is: nothing is compiled, nothing padded.

    Calls may come from any number of threads at once; they share the sessions. Words are found by all `threads` together and
    read by one of `workers` a call (`reading.ahead`).
    """

    def __init__(
        self,
        folder: str | Path,
        config: ModelConfig,
        variables: Any,
        *,
        checksum: str | None = None,
        threads: int | None = None,
        providers: Sequence[str] = CPU,
    ) -> None:
        """`folder` holds detector.onnx, reader.onnx and recognizer.onnx; `checksum` is what their weights must have had.

        Raises:
            FileNotFoundError: naming the file that is not there. ValueError: when it was made from other weights, or for a
                provider that this ONNX Runtime has not.
        """
        self.config, self.variables, self.folder = config, variables, Path(folder)
        self.charset: Charset = config.alphabet
        self._checksum, self._providers = checksum, _available(providers)
        self.workers = threads or available_cores()
        self.pool = ThreadPoolExecutor(self.workers, "words") if self.workers > 1 else None
        self._alone = self if self.workers == 1 else None
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._session("detector")  # a wrong folder is told now and not at the first picture

    def alone(self) -> OnnxEngine:
        """As the protocol says. It has sessions of its own, since their threads are settled when they are made."""
        with self._lock:
            if self._alone is None:
                one: Any = {"checksum": self._checksum, "threads": 1, "providers": self._providers}
                self._alone = OnnxEngine(self.folder, self.config, self.variables, **one)
            return self._alone

    def detect(self, images: np.ndarray, slots: int) -> Detection:
        names = ("quads", "scores", "valid", "stem", "fused")
        quads, scores, valid, *features = self._run(
            "detector", names, images=images, slots=np.array([slots])
        )
        padded = []
        for value in (quads, scores, valid):
            found = value.numpy()  # no more slots than there are peaks
            padded.append(np.zeros((len(found), slots, *found.shape[2:]), found.dtype))
            padded[-1][:, : found.shape[1]] = found
        return Detection((*features, np.array(images.shape[1:3])), *padded)

    def read(self, features: Any, quads: np.ndarray, columns: int) -> np.ndarray:
        """As the protocol says; quads that are all zero at the end are padding, which here costs nothing.

        Strips are no longer than the longest word needs: `reading.ahead` puts words of a length together.
        """
        stem, fused, size = features
        words = _without_padding(np.asarray(quads.any(axis=(0, 2, 3))))
        log_probs = self._blank(*quads.shape[:2], columns)
        if not words:
            return log_probs
        # what a word's columns see beyond its end, through one convolution after the other
        needed = columns_used(quads[:, :words], columns).max() + sum(self.config.strip_depths)
        length = min(int(np.ceil(needed)), columns)
        (found,) = self._run(
            "reader",
            ("log_probs",),
            stem=stem,
            fused=fused,
            size=size,
            quads=np.ascontiguousarray(quads[:, :words], np.float32),
            columns=np.array([length * COLUMN_PX // STRIP_PX]),
        )
        log_probs[:, :words, :length] = found.numpy()
        return log_probs

    def read_strips(self, strips: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """As the protocol says; padding costs nothing."""
        count = _without_padding(widths > 0)
        log_probs = self._blank(len(strips), strips.shape[2] // COLUMN_PX)
        if count:
            given = {"strips": strips[:count], "widths": widths[:count]}
            (found,) = self._run("recognizer", ("log_probs",), **given)
            log_probs[:count] = found.numpy()
        return log_probs

    def _blank(self, *shape: int) -> np.ndarray:
        """log P `[*shape, v]` of columns where no text is."""
        log_probs = np.full((*shape, self.charset.size), NEVER, np.float32)
        log_probs[..., BLANK] = 0
        return log_probs

    def _run(self, name: str, outputs: Sequence[str], **inputs: Any) -> list[Any]:
        """Outputs as OrtValue: features go from one session to the next without a copy."""
        from onnxruntime import OrtValue

        values = {
            key: OrtValue.ortvalue_from_numpy(np.ascontiguousarray(x))
            if isinstance(x, np.ndarray)
            else x
            for key, x in inputs.items()
        }
        return self._session(name).run_with_ort_values(list(outputs), values)

    def _session(self, name: str) -> Any:
        """The session of a file, loaded when it is first needed."""
        import onnxruntime

        with self._lock:
            if name not in self._sessions:
                path = self.folder / f"{name}.onnx"
                if not path.is_file():
                    raise FileNotFoundError(
                        f"{path} is not there: gemma3-ocr export --format onnx makes it"
                    )
                # a word is too little to share; `reading.ahead` asks for several at once
                options = _session_options(self.workers if name == "detector" else 1)
                session = onnxruntime.InferenceSession(path, options, providers=self._providers)
                made_from = session.get_modelmeta().custom_metadata_map.get("sha256")
                if self._checksum is not None and made_from != self._checksum:
                    raise ValueError(
                        f"{path} was made from other weights (SHA-256 {made_from}, the model's is {self._checksum}): "
                        "gemma3-ocr export --format onnx makes it anew"
                    )
                self._sessions[name] = session
            return self._sessions[name]


def _without_padding(taken: np.ndarray) -> int:
    """How many of the entries are left when those at the end that are not `taken` are cut off."""
    return int(np.flatnonzero(taken)[-1]) + 1 if taken.any() else 0


def _available(providers: Sequence[str]) -> list[str]:
    """The providers, all of which this ONNX Runtime must have: by itself it would only warn and take the processor."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if missing := set(providers) - set(there):
        raise ValueError(
            f"no {', '.join(sorted(missing))} in this ONNX Runtime, there is {', '.join(there)}: "
            "onnxruntime-gpu in the place of onnxruntime has those of NVIDIA"
        )
    return list(providers)


def _session_options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Said outright: left to itself the library pins one thread to every core of the machine, also where a container
    # may use two of them.
    options.intra_op_num_threads = threads
    # The graph is a chain: nothing to run side by side.
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.inter_op_num_threads = 1
    # Plans of memory are kept per input shape. Pictures and word counts differ, so plans would only pile up.
    options.enable_mem_pattern = False
    # An arena, since without one every map of a picture is mapped and cleared by the kernel anew (docs/export.md), and
    # one for all three sessions, which never hold their largest maps at the same time.
    options.enable_cpu_mem_arena = True
    _share_arena()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # Three sessions have three pools: one that has finished must not spin while the next one works.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


@cache
def _share_arena() -> None:
    """Once a process: an arena for the sessions that ask for it; those of other libraries do not notice."""
    import onnxruntime as ort

    kind, memory = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, ort.OrtMemType.DEFAULT
    ort.create_and_register_allocator(ort.OrtMemoryInfo("Cpu", kind, 0, memory), None)
