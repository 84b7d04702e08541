"""Words are read in several calls, so that Python spells out the answer to one while the next ones are computed.

A network for words is too small for two cores to share one call well: calls side by side, each on one core, are faster, and
what Python does with the answers costs no time as long as it does not have to wait for them (docs/performance.md).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from gemma3_jax.engine import Concurrent, Engine

# Words of a call: more do not stay in a processor's cache, and their memory is held for good; fewer are not worth a call.
MOST, LEAST = 32, 4
Batch = tuple[int, int, int]
T = TypeVar("T")


def ahead(engine: Engine, calls: Sequence[Callable[[], T]]) -> Iterator[T]:
    """The results of `calls` of the engine in order, computed side by side and ahead of the taker where it can.

    What a call raises is raised where its result is due; those that have not begun then are dropped.
    """
    pool = engine.pool if isinstance(engine, Concurrent) else None
    if pool is None or len(calls) < 2:
        yield from (call() for call in calls)
        return
    answers = [pool.submit(call) for call in calls]
    try:
        for answer in answers:
            yield answer.result()
    finally:
        for answer in answers:
            answer.cancel()


def batches(engine: Engine, count: int, buckets: tuple[int, ...], fill: float = 0.5) -> list[Batch]:
    """(start, stop, slots) of the calls that read `count` words: static `buckets` (ascending, see `chunks`), or for an engine
    that has no use for them equal shares for its workers."""
    if not isinstance(engine, Concurrent):
        return list(chunks(count, buckets, fill))
    calls = max(-(-count // MOST), min(engine.workers, count // LEAST), 1)
    bounds = [round(i * count / calls) for i in range(calls + 1)]
    return [(a, b, b - a) for a, b in itertools.pairwise(bounds) if b > a]


def chunks(count: int, buckets: tuple[int, ...], fill: float = 0.5) -> Iterator[Batch]:
    """(start, stop, bucket) pieces of `count` things, ascending `buckets` of static size: all but the smallest are filled to
    more than `fill`, so that 150 words are read as 128 + 32 and not as 512."""
    start = 0
    while start < count:
        left = count - start
        bucket = next((b for b in buckets if b >= left and left > b * fill), 0)
        bucket = bucket or max((b for b in buckets if b <= left), default=buckets[0])
        yield start, min(start + bucket, count), bucket
        start += bucket
