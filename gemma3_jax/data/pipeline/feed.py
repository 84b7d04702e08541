"""The feed of real scenes: step s gets `pipeline[s]`, computed ahead of time by grain.

A batch is a function of (seed, step) and of this host's share. So there is no state to save: a run resumed at step s
starts its stream at s and sees what it would have seen, whatever the number of workers, and the shares of all hosts
together are the batch of one host.

grain is imported here and nowhere else, and only when a stream is opened.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gemma3_jax.data.pipeline.texts import TextCounts, TextRule, count_texts
from gemma3_jax.data.scenes import ScenePool, scene_batch
from gemma3_jax.types import Batch

if TYPE_CHECKING:
    import grain

ENDLESS = 1 << 40  # steps: grain wants a length


class Bucket(NamedTuple):
    """One static shape of a step: the trainer compiles once for each."""

    size: tuple[int, int]  # (h, w) px of a crop
    slots: int  # words of a crop
    weight: float = 1.0  # share of the steps, among the buckets


class Workers(NamedTuple):
    """Who computes batches ahead of time; it changes nothing but the speed.

    Threads share one cache of decoded pictures, and Pillow decodes, shrinks and turns outside Python's lock. Processes pay
    where many cores wait for that lock; each costs an import of grain and JAX (200 MB) and divides the cache.
    """

    threads: int = 1  # in this process; unused with `processes`
    processes: int = 0
    ahead: int = 2  # batches that are ready or in the making, for each process


@dataclasses.dataclass(frozen=True)
class ScenePipeline:
    """Batches of real scenes by step: `len` and `[step]` are all that grain needs.

    Attributes:
        pool: the annotated sets and their weights.
        batch: crops of a step over all hosts together.
        buckets: static shapes; a step's is drawn from (seed, step), so that all hosts agree on it.
        seed: of everything random.
        rule: what is learnt of a word's text.
        shard: (index, count) of this host; it gets rows index * batch / count and on of the global batch.

    Raises:
        ValueError: when the batch cannot be split over the hosts or a bucket is empty.
    """

    pool: ScenePool
    batch: int
    buckets: tuple[Bucket, ...]
    seed: int = 0
    rule: TextRule = TextRule()
    shard: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        index, hosts = self.shard
        if not 0 <= index < hosts:
            raise ValueError(f"shard={self.shard} must be (index, count) with index below count")
        if self.batch < 1 or self.batch % hosts:
            raise ValueError(f"{self.batch=} must be a positive multiple of {hosts=}")
        if not self.buckets or any(min(*b.size, b.slots, b.weight) <= 0 for b in self.buckets):
            raise ValueError(f"{self.buckets=} must be positive sizes, slots and weights")

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, step: int) -> Batch:
        """This host's rows of the batch of `step`, as NumPy arrays in the shape of the step's bucket."""
        index, hosts = self.shard
        rows, bucket = self.batch // hosts, self.bucket(step)
        first = index * rows
        return scene_batch(
            self.pool, self.seed, step, rows, bucket.size, bucket.slots, self.rule, first
        )

    def bucket(self, step: int) -> Bucket:
        """The shape of `step`: the same on every host."""
        if len(self.buckets) == 1:
            return self.buckets[0]
        weights = np.asarray([bucket.weight for bucket in self.buckets])
        # A spawn key keeps this draw apart from the crops', which are seeded by (seed, step, index).
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, step), spawn_key=(0,)))
        return self.buckets[int(rng.choice(len(weights), p=weights / weights.sum()))]

    def text_counts(self) -> TextCounts:
        """What `rule` makes of the words of all sets."""
        return count_texts((scene_set.samples for scene_set in self.pool.sets), self.rule)

    def stream(
        self, first_step: int = 0, workers: Workers = Workers()
    ) -> grain.DatasetIterator[Batch]:
        """Batches from `first_step` on, each a step; `close()` it to end its workers at once.

        An error in a worker (a picture that cannot be read) is raised by `next`.

        Raises:
            ModuleNotFoundError: without grain, saying what to install.
        """
        grain = _grain()
        steps = grain.MapDataset.source(self._for_each_of(workers.processes))[first_step:]
        if workers.processes:
            read = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
            spawn = grain.MultiprocessingOptions(workers.processes, workers.ahead)
            batches = steps.to_iter_dataset(read).mp_prefetch(spawn).map(_owned)
        else:
            read = grain.ReadOptions(workers.threads, max(workers.ahead, workers.threads))
            batches = steps.to_iter_dataset(read)
        batches = iter(batches)
        batches.start_prefetch()
        return batches

    def _for_each_of(self, processes: int) -> ScenePipeline:
        """This pipeline with a cache that as many processes can have."""
        if processes < 2:
            return self
        pool = ScenePool(self.pool.sets, self.pool.cache_bytes // processes)
        return dataclasses.replace(self, pool=pool)


def _owned(batch: Batch) -> Batch:
    """Arrays that outlive the worker's shared memory."""
    return Batch(*(np.array(field) for field in batch))


def _grain() -> Any:
    try:
        import grain
    except ModuleNotFoundError as error:
        if error.name != "grain":
            raise
        raise ModuleNotFoundError(
            'real scenes are fed by grain: pip install "gemma3_jax[train]", or set data.real_scenes=0',
            name="grain",
        ) from None
    from absl import flags

    # grain 0.2.18's worker processes fail where no absl program has parsed its flags (google/grain#1355).
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    return grain
