"""Where the time of reading a picture goes, stage by stage, JAX beside ONNX Runtime.

    python benchmarks/latency.py gemma3_jax/examples/*.jpg --repeat 20 --threads 1 2

Every backend and thread count runs in a process of its own (JAX reads its thread count once, and memory is told apart); runs
of the same picture follow one another, the first two uncounted. Stages: decode the file, resize and cut, the detection graph,
the reading graphs, and text (CTC on the host, boxes, reading order). The wall times of a busy machine say little: `cpu` is the
processor time of the process, and the ratio of two backends is taken on it as well.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tyro.conf import Positional

STAGES = ("decode", "resize", "detect", "read", "text")
UNCOUNTED = 2


class Timed:
    """An engine whose calls are timed. Its answers are waited for."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.charset = engine, engine.charset
        self.spent: dict[str, float] = defaultdict(float)

    def _call(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
        begun = time.perf_counter()
        answer = function(*arguments)
        self.spent[stage] += time.perf_counter() - begun
        return answer

    def detect(self, images: np.ndarray, slots: int) -> Any:
        return self._call("detect", self.engine.detect, images, slots)

    def read(self, features: Any, quads: np.ndarray, columns: int) -> np.ndarray:
        return self._call("read", self.engine.read, features, quads, columns)

    def read_strips(self, strips: np.ndarray, widths: np.ndarray) -> np.ndarray:
        return self._call("read", self.engine.read_strips, strips, widths)


def measure(pictures: list[str], backend: Any, threads: int, repeat: int) -> dict[str, Any]:
    """Milliseconds per stage and picture in this process, its peak memory and how long the model took to load."""
    from gemma3_jax import GemmaOCR
    from gemma3_jax.imaging.load import load_image
    from gemma3_jax.imaging.resize import plan, windows
    from gemma3_jax.reading import find_words, lay_out

    begun = time.perf_counter()
    ocr = GemmaOCR.from_pretrained(backend=backend, threads=threads)
    loaded = time.perf_counter() - begun
    rows, words = defaultdict(list), 0
    for picture in pictures:
        for run in range(repeat + UNCOUNTED):
            engine = Timed(ocr.engine)
            start, cpu = time.perf_counter(), time.process_time()
            pixels = load_image(picture)
            decoded = time.perf_counter()
            list(windows(pixels, plan(pixels.shape[0], pixels.shape[1], ocr.options.sizes)))
            resized = time.perf_counter()
            found, _ = find_words(engine, pixels, ocr.options)
            lay_out(found)
            end, cpu = time.perf_counter(), time.process_time() - cpu
            if run < UNCOUNTED:
                continue
            spent = {"decode": decoded - start, "resize": resized - decoded, **engine.spent}
            # `find_words` resizes once more: that is no text
            text = end - resized - spent["resize"] - sum(engine.spent.values())
            spent |= {"text": text, "all": end - resized + decoded - start, "cpu": cpu}
            for stage in (*STAGES, "all", "cpu"):
                rows[stage].append(1e3 * spent.get(stage, 0.0))
            words += len(found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "load_s": loaded, "peak_mb": peak, "words": words / repeat}


def main(
    pictures: Positional[tuple[str, ...]],
    threads: tuple[int, ...] = (1, 2),
    repeat: int = 20,
    backends: tuple[str, ...] = ("jax", "onnx"),
    only: str = "",
) -> None:
    """Print a table of p50/p95 in ms; `only` BACKEND:THREADS measures in this process and prints JSON."""
    if only:
        backend, count = only.split(":")
        print(json.dumps(measure(list(pictures), backend, int(count), repeat)))
        return
    print(f"{len(pictures)} pictures, {repeat} runs each; p50/p95 in ms per picture")
    print(
        "backend threads "
        + "".join(f"{stage:>14}" for stage in (*STAGES, "all", "cpu"))
        + "  words  load s  MB"
    )
    for count in threads:
        medians = []
        for backend in backends:
            command = [
                sys.executable,
                str(Path(__file__)),
                *pictures,
                "--only",
                f"{backend}:{count}",
            ]
            done = subprocess.run(
                [*command, "--repeat", str(repeat)], check=True, capture_output=True, text=True
            )
            found = json.loads(done.stdout)
            cells = [np.percentile(found["rows"][s], (50, 95)) for s in (*STAGES, "all", "cpu")]
            medians.append([p50 for p50, _ in cells])
            row = "".join(f"{p50:>8.1f}/{p95:<5.0f}" for p50, p95 in cells)
            tail = f"{found['words']:>7.0f}{found['load_s']:>8.2f}{found['peak_mb']:>5.0f}"
            print(f"{backend:<8}{count:>7} {row}{tail}", flush=True)
        if len(medians) == 2:
            ratios = [a / max(b, 1e-3) for a, b in zip(*medians, strict=True)]
            print(f"{'ratio':<8}{'':>7} " + "".join(f"{ratio:>12.1f}x " for ratio in ratios))


if __name__ == "__main__":
    tyro.cli(main)
