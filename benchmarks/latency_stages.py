"""What reading takes in one process: milliseconds per stage, processor time, memory. `latency` starts one for each reader."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

from gemma3_jax.engine import Concurrent

STAGES = ("decode", "resize", "detect", "read", "text")
PEERS = ("rapidocr-v6", "rapidocr-v4", "tesseract")


class Job(NamedTuple):
    """One process: `reader` is a peer's name or MODEL:BACKEND, of which MODEL may be a folder."""

    reader: str
    threads: int
    batch: int

    @property
    def is_peer(self) -> bool:
        return self.reader in PEERS


class Clock:
    """Seconds by stage of the thread that made it; what runs inside another stage is not counted twice."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inner = [0.0]
        self._own = threading.get_ident()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if threading.get_ident() != self._own:
            yield
            return
        self._inner.append(0.0)
        begun = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - begun
            self.spent[name] += taken - self._inner.pop()
            self._inner[-1] += taken

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return call


class Waited:
    """A pool of which the time is taken that answers are waited for."""

    def __init__(self, pool: Executor, clock: Clock) -> None:
        self._pool, self._clock = pool, clock

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        answer = self._pool.submit(call)
        answer.result = self._clock.timed("read", answer.result)  # type: ignore[method-assign]
        return answer


class Timed:
    """An engine whose calls are timed; of those in threads of its own (`reading.ahead`) the waiting."""

    def __init__(self, engine: Any, clock: Clock) -> None:
        self.charset = engine.charset
        self.detect = clock.timed("detect", engine.detect)
        self.read = clock.timed("read", engine.read)
        self.read_strips = clock.timed("read", engine.read_strips)
        if isinstance(engine, Concurrent):
            self.workers, self.pool = engine.workers, engine.pool and Waited(engine.pool, clock)
            self.alone = engine.alone


def measure(job: Job, pictures: Sequence[str], repeat: int, warm_up: int) -> dict[str, Any]:
    """Rows `{stage: ms per picture}` of each call, words per pass, load time and peak memory of this process."""
    clock = Clock()
    begun = time.perf_counter()
    read = _peer(job) if job.is_peer else _own(job, clock)
    loaded = time.perf_counter() - begun
    batches = [list(pictures[i : i + job.batch]) for i in range(0, len(pictures), job.batch)]
    for batch in batches[:warm_up]:
        read(batch)
    rows, words = [], 0
    for batch in batches * repeat:
        clock.spent.clear()
        wall, cpu = time.perf_counter(), _processor_time()
        with clock.stage("text"):
            words += read(batch)
        row = {"all": time.perf_counter() - wall, "cpu": _processor_time() - cpu}
        # of pictures side by side no stage is anybody's alone
        whole = job.is_peer or min(job.threads, len(batch)) > 1
        row |= {} if whole else {stage: clock.spent[stage] for stage in STAGES}
        rows.append({name: 1e3 * taken / len(batch) for name, taken in row.items()})
    # Tesseract is a program of its own, started for each picture
    who = resource.RUSAGE_CHILDREN if job.reader == "tesseract" else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / 1024
    return {"rows": rows, "words": words / repeat, "load_s": loaded, "peak_mb": peak}


def _own(job: Job, clock: Clock) -> Callable[[list[str]], int]:
    """Words in a batch of files, by a model of ours, its stages on the clock."""
    import gemma3_jax.ocr
    import gemma3_jax.reading.looks
    from gemma3_jax import GemmaOCR

    model, backend = job.reader.rpartition(":")[::2]
    how: Any = {"backend": backend, "threads": job.threads}
    plain: Any = GemmaOCR.from_pretrained(model, **how)
    ocr = GemmaOCR(Timed(plain.engine, clock), plain.options)  # type: ignore[arg-type]
    gemma3_jax.ocr.load_image = clock.timed("decode", gemma3_jax.ocr.load_image)
    cut = gemma3_jax.reading.looks.windows
    gemma3_jax.reading.looks.windows = clock.timed("resize", lambda *what: list(cut(*what)))  # type: ignore[assignment]
    return lambda batch: sum(len(page.words) for page in ocr.read_batch(batch))


def _peer(job: Job) -> Callable[[list[str]], int]:
    """Words in a batch of files, by another program on as many threads, one picture after the other."""
    from benchmarks.peer_engines import RapidOcr, Tesseract
    from gemma3_jax.imaging.load import load_image

    os.environ["OMP_THREAD_LIMIT"] = str(job.threads)  # Tesseract's
    engine: Any = Tesseract()
    if job.reader != "tesseract":
        engine = RapidOcr(job.reader.rpartition("-")[2], job.threads)
    return lambda batch: sum(len(engine.read_page(load_image(path))) for path in batch)


def _processor_time() -> float:
    """Of this process and of those that it has started and waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
