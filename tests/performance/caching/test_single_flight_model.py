"""
One computation a key at a time, over any sequence of calls, ends, failures and cancellations, against a small model.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev.performance import cached

KEYS = st.integers(0, 2)
STEPS = st.lists(
    st.tuples(st.sampled_from(["call", "call", "call", "finish", "fail", "cancel leader", "cancel waiter"]), KEYS),
    max_size=40,
)


@dataclass
class Key:
    """
    What the model knows of one key.

    Attributes:
        callers: How many want its value now.

        kept: Whether the value is in the cache.

        computed: How often it was computed.
    """

    callers: int = 0
    kept: bool = False
    computed: int = 0


class Flights:
    """
    The cached function under test, with computations that end when they are told to.
    """

    def __init__(self):
        self.computing = {}
        self.computed = Counter()
        self.tasks = {}

        @cached
        async def read(key):
            self.computed[key] += 1
            assert key not in self.computing, "two computations of one key at a time"
            future = self.computing[key] = asyncio.get_running_loop().create_future()
            self.leader[key] = asyncio.current_task()
            try:
                return await future
            finally:
                del self.computing[key]

        self.leader = {}
        self.read = read

    def waiting(self, key):
        """
        The tasks that wait for the one that computes.
        """
        alive = [task for task in self.tasks.get(key, ()) if not task.done()]
        return [task for task in alive if task is not self.leader.get(key)]


async def settle():
    """
    Let every task go as far as it can.
    """
    for _ in range(12):
        await asyncio.sleep(0)


async def follow(steps):
    """
    Do the steps, and compare with the model after each.
    """
    flights, model = Flights(), {key: Key() for key in range(3)}
    ended = []
    for step, key in steps:
        known = model[key]
        if step == "call":
            flights.tasks.setdefault(key, []).append(asyncio.create_task(flights.read(key)))
            if not known.kept:
                known.callers += 1
                known.computed += known.callers == 1
        elif known.callers == 0:
            continue
        elif step == "finish":
            flights.computing[key].set_result(("value", key))
            known.callers, known.kept = 0, True
        elif step == "cancel waiter":
            waiting = flights.waiting(key)
            assert len(waiting) == known.callers - 1
            if waiting:
                waiting[-1].cancel()
                known.callers -= 1
        else:
            if step == "fail":
                flights.computing[key].set_exception(ValueError("no"))
            else:
                flights.leader[key].cancel()
            known.callers -= 1
            known.computed += known.callers > 0
        await settle()
        for each, expected in model.items():
            assert flights.computed[each] == expected.computed
            assert (each in flights.computing) == (expected.callers > 0)
            alive = [task for task in flights.tasks.get(each, ()) if not task.done()]
            assert len(alive) == expected.callers
    for key, future in list(flights.computing.items()):
        future.set_result(("value", key))
    await settle()
    for key, tasks in flights.tasks.items():
        for task in tasks:
            assert task.done()
            if not task.cancelled() and task.exception() is None:
                assert task.result() == ("value", key)
                ended.append(task)
    info = flights.read.cache_info()
    assert info.misses == sum(flights.computed.values())
    # Who was cancelled, or raised while it waited, got nothing: it is no hit.
    assert info.hits == len(ended) - sum(key.kept or bool(key.callers) for key in model.values())


@given(STEPS)
def test_any_sequence_computes_each_key_once_at_a_time(steps):
    """
    Failed and cancelled leaders hand over to one who waits, and nobody else sees their end.
    """
    asyncio.run(follow(steps))
