"""How many crops of real scenes a second the host cuts, whether the device waits for them, and what a million pictures take.

    python benchmarks/input.py --data ../shared/data     # without --data: generated pictures
    python benchmarks/input.py --memory

The first prints crops/s by kind and number of workers, with every picture decoded anew and with all in memory, and the wait
of a device that takes `--step-ms` a step (0: of a training step of the debug model on JAX's device). The second prints the peak
memory of a process that trains on a manifest of ten thousand to a million entries. Measured figures: docs/performance.md.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from gemma3_jax.data.corpora import Annotation, Sample, rectangle
from gemma3_jax.data.pipeline.feed import Bucket, ScenePipeline, Workers
from gemma3_jax.data.pipeline.manifest import Manifest, write_manifest
from gemma3_jax.data.scenes import CACHE_BYTES, ScenePool, SceneSet, real_scenes
from gemma3_jax.types import Batch

MEMORY_STEPS, MEMORY_CACHE = 50, 4_000_000  # the cache holds a quarter of the generated pictures


def main(
    data: Path | None = None,
    batch: int = 14,
    size: int = 288,
    words: int = 64,
    seconds: float = 3.0,
    pictures: int = 40,
    threads: tuple[int, ...] = (1, 2, 4),
    processes: tuple[int, ...] = (1, 2),
    step_ms: float = 600.0,
    memory: bool = False,
    entries: tuple[int, ...] = (10_000, 100_000, 1_000_000),
) -> None:
    """Measure the input pipeline.

    Args:
        data: folder of the public sets; without it pictures are generated.
        batch: crops a step.
        size: px, square.
        words: slots a crop.
        seconds: how long each rate is measured.
        pictures: of each set, so that the cache fills within the first seconds.
        threads: numbers of threads to try.
        processes: numbers of worker processes to try.
        step_ms: what the device takes for a step; 0: measure one of the debug model.
        memory: measure memory instead.
        entries: lengths of the manifests.
    """
    with tempfile.TemporaryDirectory() as folder:
        if memory:
            return peak_memory(Path(folder), entries)
        generated = [SceneSet(generate(Path(folder), pictures, (640, 960)))]
        sets = real_scenes(data).sets if data else generated
        few = [dataclasses.replace(each, samples=each.samples[:pictures]) for each in sets]
        pipeline = ScenePipeline(ScenePool(few), batch, (Bucket((size, size), words),))
        cores = len(os.sched_getaffinity(0))
        print(f"crops of {size} px from {data or 'generated pictures'}, {batch} a step, {cores=}")
        for workers in (*map(Workers, threads), *(Workers(processes=n) for n in processes)):
            rates(pipeline, workers, seconds)
        wait(pipeline, step_ms, max(3, round(seconds / max(step_ms, 200) * 1e3)))


def rates(pipeline: ScenePipeline, workers: Workers, seconds: float) -> None:
    """Print the rate with every picture decoded anew and with all in memory."""
    kind = f"{workers.processes} processes" if workers.processes else f"{workers.threads} threads"
    for cache, state in ((0, "decoding"), (CACHE_BYTES, "in memory")):
        crops, cpu = rate(pipeline, workers, seconds, cache)
        print(f"{kind}, {state}: {crops:.0f} crops/s, {cpu:.1f} ms of this process a crop")


def rate(
    pipeline: ScenePipeline, workers: Workers, seconds: float, cache: int
) -> tuple[float, float]:
    """Crops a second and this process's time for each (ms), after as long a warm-up for the workers and their caches."""
    pool = ScenePool(pipeline.pool.sets, cache)
    stream = dataclasses.replace(pipeline, pool=pool).stream(0, workers)
    for _ in range((1 + workers.ahead) * max(workers.processes, workers.threads)):
        next(stream)  # what was ready before the clock started would count as fast
    for warm in (True, False):
        steps, begun, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - begun < (seconds if cache or not warm else 0):
            next(stream)
            steps += 1
    passed, cpu = time.perf_counter() - begun, time.process_time() - cpu
    stream.close()
    return steps * pipeline.batch / passed, 1e3 * cpu / (steps * pipeline.batch)


def wait(pipeline: ScenePipeline, step_ms: float, steps: int) -> None:
    """Print how long the trainer waits in `next` for one thread that works ahead, in per cent of the whole step."""
    stream = pipeline.stream()
    step = sleeper(step_ms) if step_ms else debug_step(pipeline, next(stream))
    step(next(stream))
    waited = busy = 0.0
    for _ in range(steps):
        begun = time.perf_counter()
        batch = next(stream)
        ready = time.perf_counter()
        step(batch)
        waited, busy = waited + ready - begun, busy + time.perf_counter() - ready
    stream.close()
    print(
        f"1 thread, {steps} steps of {1e3 * busy / steps:.0f} ms: host wait {1e3 * waited / steps:.1f} ms "
        f"a step = {100 * waited / (waited + busy):.1f} %"
    )


def sleeper(step_ms: float) -> Callable[[Batch], None]:
    """A device that takes this long and leaves the host alone, as an accelerator does."""
    return lambda batch: time.sleep(step_ms / 1e3)


def debug_step(pipeline: ScenePipeline, batch: Batch) -> Callable[[Batch], None]:
    """A compiled training step of the debug model on such batches."""
    import jax

    from gemma3_jax.config import MODELS, Config, DataConfig
    from gemma3_jax.training.state import init_state
    from gemma3_jax.training.step import train_step

    data = DataConfig(strips=0, real_strips=0, real_scenes=pipeline.batch)
    config = Config(model=MODELS["debug"], data=data)
    state = init_state(config, None)
    compiled = jax.jit(lambda s, b: train_step(config, s, None, b, jax.random.key(0)))

    def step(batch: Batch) -> None:
        jax.block_until_ready(compiled(state, batch))

    step(batch)
    return step


def peak_memory(folder: Path, entries: tuple[int, ...]) -> None:
    """Print peak resident memory of a fresh process that is fed from a manifest of each length."""
    samples = generate(folder, 300, (120, 160))
    lines = write_manifest(samples, folder / "few.jsonl").path.read_bytes().splitlines(True)
    spawn = multiprocessing.get_context("spawn")
    for count in entries:
        path = folder / "many.jsonl"
        with path.open("wb") as file:
            file.writelines(lines[i % len(lines)] for i in range(count))
        receive, send = spawn.Pipe(duplex=False)
        process = spawn.Process(target=feed_from, args=(path, send))
        process.start()
        before, peak, opening, crops = receive.recv()
        process.join()
        print(
            f"{count} entries ({path.stat().st_size / 1e6:.0f} MB): opened in {opening:.2f} s, {crops} crops cut, "
            f"peak {peak:.0f} MB, {peak - before:.0f} MB of it after imports"
        )


def feed_from(path: Path, send: Any) -> None:
    """In a process of its own: open the manifest, count its texts, take batches, say what it took."""
    import grain  # noqa: F401 (what importing takes is not the pipeline's)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3  # kB on Linux
    begun = time.perf_counter()
    manifest = Manifest(path)
    opening = time.perf_counter() - begun
    pool = ScenePool([SceneSet(manifest)], cache_bytes=MEMORY_CACHE)
    pipeline = ScenePipeline(pool, 8, (Bucket((128, 128), 16),))
    pipeline.text_counts()
    stream = pipeline.stream()
    for _ in range(MEMORY_STEPS):
        next(stream)
    stream.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    send.send((before, peak, opening, MEMORY_STEPS * pipeline.batch))


def generate(folder: Path, count: int, shape: tuple[int, int]) -> list[Sample]:
    """Noisy pictures of `shape` (h, w) px with eight dark words each, as JPEG files in `folder`."""
    from PIL import Image

    return [_generate(folder / f"{i}.jpg", i, shape, Image) for i in range(count)]


def _generate(path: Path, seed: int, shape: tuple[int, int], pillow: Any) -> Sample:
    height, width = shape
    image = np.random.default_rng(seed).integers(160, 255, (height, width, 3), np.uint8)
    words = []
    for i in range(8):
        x, y = width // 8 + i % 2 * width // 2, height // 10 + i // 2 * height // 4
        image[y : y + height // 12, x : x + width // 4] //= 4
        words.append(Annotation(rectangle(x, y, x + width // 4, y + height // 12), f"word{i}"))
    pillow.fromarray(image).save(path, quality=80)
    return Sample(path, words)


if __name__ == "__main__":
    tyro.cli(main)
