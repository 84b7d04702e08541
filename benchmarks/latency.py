"""Where the time of reading a picture goes, and how others do on the same pictures: a table in Markdown.

    python -m benchmarks.latency --repeat 10
    python -m benchmarks.latency --sets ic15-val funsd-val --limit 10 --data ../shared/data --peers all --repeat 2
    python -m benchmarks.latency --sets ic15-val --size 1280 720 --data ../shared/data --peers rapidocr-v6
    python -m benchmarks.latency --models gemma3-base runs/tiny --backends onnx onnx-int8 jax --threads 2 --batches 1 8

Every model, backend, thread count and batch size runs in a process of its own, and so does every peer (`benchmarks.peers` says
how to install them). A process has as many processor cores as threads. The first calls of each are not counted. Stages: decode
the file; resize and cut; the detection graph; the reading graphs; text, which is all the rest: CTC and the language model,
straightened crops, boxes, reading order; of batches, whose pictures are read side by side, only the whole. `p50/p95` are over
calls, in ms per picture, and `cpu` is the processor time of the process: on a machine that has other work it, and the ratios of
it, say more than the wall.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from PIL import Image
from tyro.conf import Positional

from benchmarks.latency_stages import PEERS, STAGES, Job, measure

ROOT = Path(__file__).parent.parent
HEADER = (
    *("reader", "threads", "batch", *STAGES, "all", "cpu"),
    *("pictures/s", "words/s", "words", "load s", "MB"),
)


def main(
    pictures: Positional[tuple[str, ...]] = (),
    sets: tuple[str, ...] = (),
    data: Path = Path("../shared/data"),
    limit: int = 10,
    size: tuple[int, int] | None = None,
    models: tuple[str, ...] = ("gemma3-base",),
    backends: tuple[str, ...] = ("onnx",),
    peers: tuple[str, ...] = (),
    threads: tuple[int, ...] = (1, 2),
    batches: tuple[int, ...] = (1,),
    repeat: int = 5,
    warm_up: int = 3,
    only: str = "",
) -> None:
    """Print a table per set of pictures, and how many times as fast the first reader is as each of the others.

    Args:
        pictures: Files; with neither these nor `sets` the pictures that come with the program.
        sets: Page sets by name (ic15-val, funsd-val, sroie-val) or annotated folders, of which the first `limit`.
        size: Width and height in px that every picture is brought to first, as a JPEG (the photographs of ICDAR 2015 were taken
            at 1280 720 and are kept at 960 640).
        peers: rapidocr-v6, rapidocr-v4, tesseract, or all.
        repeat: How often each picture is read.
        warm_up: Calls that are not counted.
        only: What the processes inside are told; of no use from outside.
    """
    if only:
        job = Job(*json.loads(only))
        print(json.dumps(measure(job, pictures, repeat, warm_up)))
        return
    if unknown := set(peers) - {*PEERS, "all"}:
        raise ValueError(
            f"unknown peers {sorted(unknown)}: {', '.join(PEERS)} or all; name pictures before the options"
        )
    others = PEERS if "all" in peers else peers
    readers = [f"{model}:{backend}" for model in models for backend in backends]
    jobs = [Job(name, t, batch) for t in threads for batch in batches for name in readers]
    jobs += [Job(name, t, 1) for t in threads for name in others]
    copies = tempfile.TemporaryDirectory()  # until the end of this function
    for name, files in _pictures(pictures, sets, data, limit):
        if size:
            files = _resized(files, size, Path(copies.name) / name)
        at = f" of {size[0]} x {size[1]} px" if size else ""
        print(f"\n{name}: {len(files)} pictures{at}, each read {repeat} times\n")
        print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
        found = {}
        for job in jobs:
            found[job] = _measured(job, files, repeat, warm_up)
            print(f"| {' | '.join(cells(job, found[job], len(files)))} |", flush=True)
        print("\n" + "\n".join(ratios(found)))


def _pictures(
    pictures: Sequence[str], sets: Sequence[str], data: Path, limit: int
) -> Iterator[tuple[str, list[str]]]:
    """(what it is called, files)."""
    if sets:
        from gemma3_jax.evaluation.sets import open_sets

        for one in open_sets(sets, data, limit):
            yield one.name, [str(sample.image_path) for sample in one.samples]
    if pictures or not sets:
        examples = sorted(map(str, (ROOT / "gemma3_jax/examples").glob("*.jpg")))
        yield "files" if pictures else "examples", list(pictures) or examples


def _resized(files: Sequence[str], size: tuple[int, int], folder: Path) -> list[str]:
    """The pictures at `size` (width, height), as JPEG files in `folder`."""
    folder.mkdir()
    made = [str(folder / f"{i}.jpg") for i in range(len(files))]
    for file, copy in zip(files, made, strict=True):
        with Image.open(file) as image:
            image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(copy, quality=95)
    return made


def _measured(job: Job, files: list[str], repeat: int, warm_up: int) -> dict[str, Any]:
    """The job in a process of its own, on as many cores as it has threads."""
    command = [sys.executable, "-m", "benchmarks.latency", *files, "--only", json.dumps(job)]
    command += ["--repeat", str(repeat), "--warm-up", str(warm_up)]
    cores = sorted(os.sched_getaffinity(0))[-job.threads :]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    if done.returncode:
        raise RuntimeError(f"{job}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def cells(job: Job, found: dict[str, Any], pictures: int) -> list[str]:
    """A row of the table."""
    times = [_percentiles(found["rows"], name) for name in (*STAGES, "all", "cpu")]
    per_picture = np.mean([row["all"] for row in found["rows"]]) / 1e3
    speed = [f"{1 / per_picture:.1f}", f"{found['words'] / pictures / per_picture:.0f}"]
    tail = [f"{found['words']:.0f}", f"{found['load_s']:.2f}", f"{found['peak_mb']:.0f}"]
    return [job.reader, str(job.threads), str(job.batch), *times, *speed, *tail]


def _percentiles(rows: list[dict[str, float]], name: str) -> str:
    values = [row[name] for row in rows if name in row]
    return "{:.0f}/{:.0f}".format(*np.percentile(values, (50, 95))) if values else ""


def ratios(found: dict[Job, dict[str, Any]]) -> Iterator[str]:
    """How many times as fast the first reader is as the others with as many threads, by the medians."""
    medians = {
        job: [float(np.median([row[name] for row in one["rows"]])) for name in ("all", "cpu")]
        for job, one in found.items()
    }
    first = next(iter(found))
    for job, theirs in medians.items():
        own = medians.get(first._replace(threads=job.threads))
        if own and (job.reader, job.batch) != (first.reader, first.batch):
            wall, cpu = (b / a for a, b in zip(own, theirs, strict=True))
            against = f"{job.reader}, {job.threads} threads, batch {job.batch}"
            yield f"- {first.reader} is {wall:.1f} times as fast as {against} ({cpu:.1f} by processor time)"


if __name__ == "__main__":
    tyro.cli(main)
