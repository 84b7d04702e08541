"""Several pictures at once: a second core gains more by a picture of its own than by a share of one (docs/performance.md)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gemma3_jax.engine import Concurrent, Engine

MOST = 4  # pictures: a third of the work on each is Python's, which does one thing at a time
Item = TypeVar("Item")
Done = TypeVar("Done")


def side_by_side(engine: Engine, pictures: int, asked: int | None = None) -> tuple[Engine, int]:
    """The engine that reads so many pictures soonest, and how many of them at once: as many as are `asked` for, otherwise one
    on each of its cores."""
    if not isinstance(engine, Concurrent):
        return engine, asked or 1
    workers = asked or max(min(engine.workers, pictures, MOST), 1)
    return engine.alone() if workers > 1 and workers >= engine.workers else engine, workers


def in_order(
    work: Callable[[Item], Done], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Done], None, None]:
    """Every item with `work(item)`, in order, by `workers` threads; of 1, by this one.

    `items` are asked for by the thread that takes the results, and at most `2 * workers` of them are begun, or done and not
    handed out. What `work` raises is raised here, in its turn; then, and when the generator is closed, nothing more is begun.
    """
    if workers == 1:
        for item in items:
            yield item, work(item)
        return
    waiting: deque[tuple[Item, Future[Done]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="read") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) == 2 * workers:
                    first, done = waiting.popleft()
                    yield first, done.result()
            while waiting:
                first, done = waiting.popleft()
                yield first, done.result()
        finally:
            for _, done in waiting:
                done.cancel()
