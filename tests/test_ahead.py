"""Calls that run ahead of who takes their answers: order, errors, shares; and that nothing is read otherwise."""

import dataclasses
import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.engine import Engine
from gemma3_jax.reading.ahead import LEAST, MOST, ahead, batches
from gemma3_jax.reading.in_order import side_by_side

ALONE: Any = object()


@dataclasses.dataclass
class Workers:
    workers: int
    pool: Executor | None

    def alone(self) -> Any:
        return ALONE


def engine(workers: int, pool: Executor | None = None) -> Engine:
    return cast(Engine, Workers(workers, pool))


def test_answers_keep_their_order_and_are_computed_ahead():
    second = threading.Event()

    def slow() -> str:
        assert second.wait(10)  # only a call that runs beside this one can end it
        return "first"

    def fast() -> str:
        second.set()
        return "second"

    with ThreadPoolExecutor(2) as pool:
        assert list(ahead(engine(2, pool), [slow, fast])) == ["first", "second"]


def test_without_a_pool_each_call_waits_until_its_answer_is_taken():
    asked: list[int] = []
    answers = ahead(engine(1), [partial(asked.append, i) for i in range(3)])
    assert asked == []
    for taken in (1, 2, 3):
        next(answers)
        assert len(asked) == taken
    plain: Any = object()  # an engine with static shapes, JAX
    assert list(ahead(plain, [lambda: 1, lambda: 2])) == [1, 2]


def test_an_error_is_raised_where_its_answer_is_due_and_ends_the_rest():
    done: list[int] = []
    free = threading.Event()

    def failing() -> int:
        raise ValueError("this one")

    def last() -> int:
        free.wait(10)
        done.append(3)
        return 3

    with ThreadPoolExecutor(1) as pool:
        answers = ahead(engine(2, pool), [lambda: 1, failing, last, last, last])
        assert next(answers) == 1
        with pytest.raises(ValueError, match="this one"):
            next(answers)
        free.set()
    assert len(done) <= 1  # the one that had begun


@given(st.integers(0, 700), st.integers(1, 16))
def test_shares_are_equal_small_enough_and_cover_everything_once(count, workers):
    parts = batches(engine(workers), count, (32, 128, 512))
    assert [i for start, stop, _ in parts for i in range(start, stop)] == list(range(count))
    sizes = [slots for _, _, slots in parts]
    assert sizes == [stop - start for start, stop, _ in parts]
    assert all(0 < size <= MOST for size in sizes) and max(sizes, default=0) - min(
        sizes, default=0
    ) in (0, 1)
    if count >= LEAST * workers:
        assert len(parts) >= workers
    elif parts:
        assert min(sizes) >= min(LEAST, count)


def test_an_engine_with_static_shapes_gets_its_buckets():
    plain: Any = object()
    assert batches(plain, 150, (32, 128, 512)) == [(0, 128, 128), (128, 150, 32)]


def test_pictures_side_by_side_take_a_core_each():
    two, many, static = engine(2), engine(16), cast(Engine, object())
    assert side_by_side(two, 50) == (ALONE, 2)
    assert side_by_side(two, 1) == (two, 1) and side_by_side(two, 0) == (two, 1)
    assert side_by_side(two, 50, asked=1) == (two, 1)
    assert side_by_side(two, 50, asked=3) == (ALONE, 3)
    # more cores than pictures: each picture may have several
    assert side_by_side(many, 50) == (many, 4) and side_by_side(many, 3) == (many, 3)
    assert side_by_side(static, 50) == (static, 1) and side_by_side(static, 50, 3) == (static, 3)
