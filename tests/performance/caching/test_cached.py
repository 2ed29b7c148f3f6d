# ruff: noqa: ASYNC110 - what is waited for has no event: another task's place in our queue

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import logging
import random
import re
import subprocess
import sys
import threading
import weakref
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from autonomous_dev import _state
from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.performance import cached


def test_the_guides_cached_function():
    """
    The second call computes nothing, and the cache can be looked at.
    """
    computed = []

    @cached(max_size=100)
    def expensive_computation(n: int) -> int:
        """Square."""
        computed.append(n)
        return n**2

    assert [expensive_computation(10), expensive_computation(10)] == [100, 100]
    assert computed == [10]
    assert expensive_computation._cache.size() == 1
    assert expensive_computation.cache_info() == (1, 1, 100, 1)
    assert expensive_computation.cache_info()._fields == ("hits", "misses", "maxsize", "currsize")
    assert (expensive_computation.__name__, expensive_computation.__doc__) == ("expensive_computation", "Square.")
    assert list(inspect.signature(expensive_computation).parameters) == ["n"]
    assert expensive_computation.__wrapped__(3) == 9


def test_cached_works_with_and_without_arguments():
    """
    ``@cached``, ``@cached()``, ``@cached(5)`` and ``@cached(max_size=5)`` all decorate.
    """
    functions = [cached(len), cached()(len), cached(5)(len), cached(max_size=5)(len)]

    assert [function("abc") for function in functions] == [3] * 4
    assert [function._cache.max_size for function in functions] == [128, 128, 5, 5]


def test_unhashable_arguments_count_by_value():
    """
    Dicts, lists and sets, nested too, are looked up by what they hold.
    """
    computed = []

    @cached(max_size=1000)
    def expensive_query(params: dict) -> list:
        computed.append(params)
        return sorted(params)

    assert expensive_query({"a": [1, {2}], "b": {"c": None}}) == ["a", "b"]
    assert expensive_query({"b": {"c": None}, "a": [1, {2}]}) == ["a", "b"]
    assert expensive_query({"a": [1, {3}]}) == ["a"]
    assert len(computed) == 2


def test_changing_an_argument_afterwards_changes_no_key():
    """
    The key holds the value at the time of the call.
    """
    total = cached(sum)
    numbers = [1, 2]

    assert total(numbers) == 3
    numbers.append(3)
    assert total(numbers) == 6
    assert total([1, 2]) == 3
    assert total.cache_info().hits == 1


def test_none_is_cached():
    """
    A result of None is a result.
    """
    computed = []
    find = cached(computed.append)

    assert [find(1), find(1)] == [None, None]
    assert computed == [1]


def test_exceptions_are_not_cached():
    """
    A failing call fails anew each time, with its own exception.
    """
    raised = [KeyError("first"), KeyError("second")]

    @cached
    def fail(_):
        raise raised[fail.cache_info().misses - 1]

    for exception in raised:
        with pytest.raises(KeyError) as caught:
            fail(1)
        assert caught.value is exception
    assert fail.cache_info() == (0, 2, 128, 0)


@given(st.lists(st.integers(min_value=0, max_value=7), max_size=80), st.integers(min_value=1, max_value=6))
def test_exactly_the_least_recently_used_results_are_dropped(arguments, max_size):
    """
    Any sequence of calls hits and misses as functools.lru_cache does.
    """
    ours, reference = cached(max_size)(str), functools.lru_cache(max_size)(str)

    for argument in arguments:
        assert ours(argument) == reference(argument)
        assert ours.cache_info() == reference.cache_info()


def test_a_clear_begins_anew_but_what_is_exported_goes_on():
    """
    After ``cache_clear`` the info starts at zero as with lru_cache; the counts that metrics read never fall.
    """
    double = cached(name="double")(lambda n: 2 * n)
    double(1)
    double(1)

    double.cache_clear()

    assert double.cache_info() == (0, 0, 128, 0)
    double(1)
    assert double.cache_info() == (0, 1, 128, 1)
    totals = _state.caches()["double"]
    assert (totals.hits, totals.misses) == (1, 2)


def test_a_cache_is_counted_under_its_functions_name_or_the_given_one():
    """
    The default name is module and qualified name.
    """

    @cached
    def load():
        return 1

    named = cached(name="prices")(load.__wrapped__)

    assert (
        load._cache.name
        == f"{__name__}.test_a_cache_is_counted_under_its_functions_name_or_the_given_one.<locals>.load"
    )
    assert named._cache.name == "prices"
    assert load._cache.name in _state.caches()


def test_a_recursive_function_gets_as_deep_as_with_lru_cache():
    """
    A call adds one frame of ours.
    """

    @cached(max_size=1000)
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(400) == 176023680645013966468226945392411250770384383304492191886725992896575345044216019675


# Arguments that cannot be a key.


class Contrary:
    """
    An argument that fails when it is hashed or compared.
    """

    def __init__(self, at):
        self.at = at

    def __hash__(self):
        if self.at == "hash":
            raise RuntimeError("no hash")
        return hash((1,))

    def __eq__(self, other):
        raise RuntimeError("no comparison")


@pytest.mark.our_failures
@pytest.mark.parametrize("at", ["hash", "eq"])
def test_arguments_that_raise_are_computed_each_time(at, monkeypatch, caplog):
    """
    What an argument's own comparison raises stays inside, is logged once, and the call goes through.
    """
    monkeypatch.setattr(_state, "_failures", {})
    caplog.set_level(logging.WARNING, "autonomous_dev")
    computed = []

    @cached
    def call(argument):
        computed.append(argument)
        return len(computed)

    assert [call(Contrary(at)) for _ in range(3)] == [1, 2, 3]
    assert [call(0), call(0)] == [4, 4]
    assert call.cache_info()[:2] == (1, 4)
    assert len([record for record in caplog.records if record.name == "autonomous_dev"]) <= 1


@pytest.mark.our_failures
def test_arguments_without_hash_or_value_are_computed_each_time():
    """
    What can be neither hashed nor frozen goes through uncached and counts as a miss.
    """
    cyclic = []
    cyclic.append(cyclic)

    @cached
    def kind(argument):
        return type(argument).__name__

    unhashable = type("Unhashable", (), {"__hash__": None})()
    assert [kind(unhashable), kind(unhashable), kind(cyclic), kind(memoryview(bytearray(b"x")))] == [
        "Unhashable",
        "Unhashable",
        "list",
        "memoryview",
    ]
    assert kind.cache_info() == (0, 4, 128, 0)


def test_an_argument_whose_comparison_calls_the_function_does_not_hang():
    """
    Code of the arguments runs under the cache's lock and may use the cache.
    """

    class Curious:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            size("inner")
            return isinstance(other, Curious)

    size = cached(lambda _: 1)

    thread = threading.Thread(target=lambda: (size(Curious()), size(Curious())), daemon=True)
    thread.start()
    thread.join(30)

    assert not thread.is_alive()


# Methods.


def test_a_method_is_cached_per_instance_by_identity():
    """
    Two equal instances have results of their own; unhashable ones work.
    """

    @dataclass
    class Point:
        x: int

        @cached
        def scaled(self, by):
            return (id(self), self.x * by)

    one, two = Point(1), Point(1)
    assert one == two

    assert one.scaled(2) == one.scaled(2) == (id(one), 2)
    assert two.scaled(2) == (id(two), 2)
    assert Point.scaled(one, 2) == (id(one), 2)
    assert one.scaled.cache_info() == (2, 2, 128, 2)


def test_a_cached_method_keeps_no_instance_alive():
    """
    An instance goes when its last user does, and its entries with it.
    """

    class Thing:
        @cached(max_size=10)
        def size(self, n):
            return n

    things = [Thing() for _ in range(3)]
    for thing in things:
        thing.size(1)
        thing.size([2])
    alive = [weakref.ref(thing) for thing in things]
    assert Thing.size._cache.size() == 6

    kept = things.pop()
    del things, thing
    gc.collect()

    assert [ref() is None for ref in alive] == [True, True, False]
    assert len(Thing.size._cache.instances.known) == 1
    assert Thing.size._cache.size() == 2
    assert len(Thing.size._cache.lru.entries) == 2
    kept.size(1)
    assert Thing.size.cache_info()[:2] == (1, 6)


def test_entries_of_many_short_lived_instances_do_not_push_out_the_living():
    """
    Dead instances' entries are removed before they fill the cache.
    """

    class Thing:
        @cached(max_size=20)
        def value(self):
            return object()

    living = Thing()
    first = living.value()
    for _ in range(200):
        Thing().value()
        assert living.value() is first

    assert Thing.value._cache.counts.evictions == 0


def test_a_new_instance_at_an_old_ones_address_shares_nothing():
    """
    The identity of a dead instance is never taken for another's.
    """

    class Thing:
        def __init__(self, n):
            self.n = n

        @cached(max_size=1000)
        def value(self):
            return self.n

    assert [Thing(n).value() for n in range(500)] == list(range(500))


def test_an_instance_that_takes_no_weak_reference_counts_as_any_argument():
    """
    Slots without ``__weakref__`` cost the weak life, not the caching.
    """

    class Slotted:
        __slots__ = ()

        @cached
        def value(self):
            return id(self)

    slotted = Slotted()
    assert slotted.value() == slotted.value() == id(slotted)
    assert slotted.value.cache_info()[:2] == (1, 1)


def test_static_and_class_methods_can_be_cached():
    """
    The decorator keeps what kind of method it is, above or below the other decorator.
    """

    class Thing:
        @cached
        @staticmethod
        def above(x):
            return [x]

        @staticmethod
        @cached
        def below(x):
            return [x]

        @classmethod
        @cached
        def of_class(cls, x):
            return [cls, x]

    class Child(Thing):
        pass

    assert Thing.above(1) is Thing().above(1)
    assert Thing.below(1) is Thing().below(1)
    assert Thing.of_class(1) is Thing().of_class(1)
    assert Child.of_class(1) == [Child, 1]


# Wrong use.


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_size": 0}, InvalidValueError, "max_size is 0"),
        ({"max_size": None}, InvalidTypeError, "max_size is None"),
        ({"max_size": "9"}, InvalidTypeError, "'9' of type str"),
        ({"name": ""}, InvalidNameError, "name of the cache"),
        ({"name": 1}, InvalidTypeError, "name of the cache is 1"),
    ],
)
def test_a_wrong_argument_fails_at_the_decorator(arguments, error, message):
    """
    Before any function is decorated the message says what was expected.
    """
    with pytest.raises(error, match=message):
        cached(**arguments)


def test_a_wrong_tracer_provider_fails_at_decoration():
    """
    A thing without a tracer is refused.
    """
    with pytest.raises(InvalidTypeError, match="tracer_provider is a int"):
        cached(tracer_provider=1)(len)


def test_generators_are_refused_with_the_way_out():
    """
    A generator can be read once only, so caching it would be wrong.
    """

    def numbers():
        yield 1

    async def async_numbers():
        yield 1

    for function in (numbers, async_numbers):
        with pytest.raises(InvalidTypeError, match=r"generator function.*returns a list"):
            cached(function)
    with pytest.raises(InvalidTypeError, match="int cannot be cached"):
        cached(5)(5)


# One computation at a time: threads.


class Overlap:
    """
    A cached function of threads that is held open, so that others meet it.
    """

    def __init__(self, behaviour=lambda key: key * 10):
        self.entered = threading.Event()
        self.release = threading.Event()
        self.computed = []
        self.behaviour = behaviour
        self.function = cached(self._compute)

    def _compute(self, key):
        self.computed.append(key)
        self.entered.set()
        assert self.release.wait(30)
        return self.behaviour(key)

    def waiters(self):
        (flight,) = self.function._cache._flights.values()
        return len(flight._waiters)


def until(condition):
    """
    Spin until another thread has got somewhere; fails after 30 s.
    """
    given_up = threading.Event()
    timer = threading.Timer(30, given_up.set)
    timer.start()
    try:
        while not condition():
            assert not given_up.is_set()
    finally:
        timer.cancel()


def in_threads(count, work):
    """
    Start *count* threads that note what *work* gives or raises.
    """
    results = []

    def run():
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - that is what is looked at
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def joined(threads):
    """
    Wait for threads; fails where one hangs.
    """
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_threads_that_meet_compute_once():
    """
    Seven threads that really wait for the eighth get its result, and count as hits.
    """
    overlap = Overlap()
    threads, results = in_threads(8, lambda: overlap.function(4))
    until(lambda: overlap.entered.is_set() and overlap.waiters() == 7)
    overlap.release.set()
    joined(threads)

    assert results == [40] * 8
    assert overlap.computed == [4]
    assert overlap.function.cache_info() == (7, 1, 128, 1)


def test_other_keys_do_not_wait():
    """
    While one key is computed others go on.
    """
    overlap = Overlap()
    threads, results = in_threads(1, lambda: overlap.function(1))
    assert overlap.entered.wait(30)
    others, _ = in_threads(1, lambda: overlap.function(2))
    until(lambda: overlap.computed == [1, 2])
    overlap.release.set()
    joined(threads + others)

    assert results == [10]


def test_where_the_first_fails_the_next_computes_and_gets_no_poisoned_error():
    """
    Only the failing call raises; those who waited try for themselves, one after the other.
    """
    failures = iter([True])

    def behaviour(key):
        if next(failures, False):
            raise KeyError("once")
        return key

    overlap = Overlap(behaviour)
    threads, results = in_threads(4, lambda: overlap.function(1))
    until(lambda: overlap.entered.is_set() and overlap.waiters() == 3)
    overlap.release.set()
    joined(threads)

    assert sorted(map(repr, results)) == ["1", "1", "1", "KeyError('once')"]
    assert overlap.computed == [1, 1]
    assert overlap.function.cache_info() == (2, 2, 128, 1)


def test_a_result_that_a_clear_overtook_is_not_kept():
    """
    Who waited gets it, who comes after the clear computes anew.
    """
    overlap = Overlap()
    threads, results = in_threads(2, lambda: overlap.function(1))
    until(lambda: overlap.entered.is_set() and overlap.waiters() == 1)
    overlap.function.cache_clear()
    overlap.release.set()
    joined(threads)

    assert results == [10, 10]
    assert overlap.function._cache.size() == 0
    assert overlap.function(1) == 10
    assert overlap.computed == [1, 1]


def test_a_function_that_needs_its_own_key_computes_instead_of_waiting_for_itself():
    """
    Recursion into the same key in one thread does not hang.
    """
    depth = []

    @cached
    def again(key):
        depth.append(key)
        return again(key) + 1 if len(depth) < 3 else 0

    threads, results = in_threads(1, lambda: again(1))
    joined(threads)

    assert results == [2]
    assert again(1) == 2


def test_threads_that_need_each_others_keys_do_not_hang():
    """
    f(1) needs f(2) while f(2), in another thread, needs f(1): one of them computes by itself.
    """
    both = threading.Barrier(2, timeout=30)
    inside = threading.local()

    @cached
    def needs(key):
        if getattr(inside, "already", False):
            return -key
        inside.already = True
        both.wait()
        return needs(3 - key)

    results = {}
    threads = [threading.Thread(target=lambda key=key: results.update({key: needs(key)})) for key in (1, 2)]
    for thread in threads:
        thread.start()
    joined(threads)

    assert set(results) == {1, 2}


def test_a_ring_over_two_functions_does_not_hang():
    """
    Rings are seen across functions and over more than two threads.
    """
    everyone = threading.Barrier(3, timeout=30)
    inside = threading.local()
    functions = []

    def member(number):
        @cached(name=f"member {number}")
        def function():
            if getattr(inside, "already", False):
                return number
            inside.already = True
            everyone.wait()
            return functions[(number + 1) % 3]()

        return function

    functions.extend(member(number) for number in range(3))
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    joined(threads)

    assert sum(function.cache_info().misses for function in functions) >= 3


def test_each_call_counts_once_under_load():
    """
    Hits and misses of four overlapping threads add up to the calls, and misses to the computations.
    """
    computed = []
    start = threading.Barrier(4, timeout=30)

    @cached(max_size=10)
    def call(key):
        computed.append(key)
        return key

    def work():
        rng = random.Random(threading.get_ident())
        start.wait()
        return all(call(key) == key for key in (rng.randrange(15) for _ in range(1500)))

    threads, results = in_threads(4, work)
    joined(threads)

    info = call.cache_info()
    assert results == [True] * 4
    assert info.hits + info.misses == 6000
    assert info.misses == len(computed)
    assert info.currsize == 10


# One computation at a time: tasks.


def test_a_coroutine_function_is_cached_as_one():
    """
    The result is cached, not the coroutine.
    """
    computed = []

    @cached
    async def fetch(key):
        computed.append(key)
        await asyncio.sleep(0)
        return key * 10

    async def main():
        return [await fetch(1), await fetch(1), await fetch({"a": 1}.get("a"))]

    assert inspect.iscoroutinefunction(fetch)
    assert asyncio.run(main()) == [10, 10, 10]
    assert asyncio.run(main()) == [10, 10, 10]  # in another event loop
    assert computed == [1]
    assert fetch.cache_info()[:2] == (5, 1)


def test_tasks_that_meet_compute_once():
    """
    Tasks that really wait for the first one get its result.
    """
    computed = []

    @cached
    async def fetch(key):
        computed.append(key)
        (flight,) = fetch._cache._flights.values()
        while len(flight._waiters) < 4:
            await asyncio.sleep(0)
        return key

    async def main():
        return await asyncio.wait_for(asyncio.gather(*[fetch(7) for _ in range(5)]), 30)

    assert asyncio.run(main()) == [7] * 5
    assert computed == [7]
    assert fetch.cache_info()[:2] == (4, 1)


def test_a_computation_from_before_a_clear_does_not_end_the_one_after_it():
    """
    The old result is given to who waited for it and not stored, while the new computation is still joined.
    """
    calls = []

    @cached
    async def fetch(key):
        number = len(calls)
        calls.append(key)
        await gates[number].wait()
        return number

    async def main():
        gates.extend([asyncio.Event(), asyncio.Event()])
        old = asyncio.create_task(fetch(1))
        await asyncio.sleep(0)
        fetch.cache_clear()
        new = asyncio.create_task(fetch(1))
        await asyncio.sleep(0)
        gates[0].set()
        first = await old
        stored = fetch._cache.size()
        joined = asyncio.create_task(fetch(1))
        await asyncio.sleep(0)
        gates[1].set()
        return first, stored, await asyncio.wait_for(asyncio.gather(new, joined, fetch(1)), 30)

    gates = []
    assert asyncio.run(main()) == (0, 0, [1, 1, 1])
    assert calls == [1, 1]


def test_a_cancelled_leader_hands_over():
    """
    When the computing task is cancelled a waiting one computes, and nobody else is cancelled.
    """
    calls = []

    @cached
    async def fetch(key):
        calls.append(key)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return key

    async def main():
        leader = asyncio.create_task(fetch(1))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(fetch(1)) for _ in range(3)]
        (flight,) = fetch._cache._flights.values()
        while len(flight._waiters) < 3:
            await asyncio.sleep(0)
        leader.cancel()
        results = await asyncio.wait_for(asyncio.gather(*waiting), 30)
        return results, leader.cancelled()

    assert asyncio.run(main()) == ([1, 1, 1], True)
    assert len(calls) == 2
    assert fetch._cache._flights == {}


def test_a_cancelled_waiter_leaves_the_leader_alone():
    """
    Who gives up waiting cancels no computation.
    """

    @cached
    async def fetch(go):
        await go.wait()
        return "done"

    async def main():
        go = asyncio.Event()
        leader = asyncio.create_task(fetch(go))
        await asyncio.sleep(0)
        waiter = asyncio.create_task(fetch(go))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        go.set()
        return await asyncio.wait_for(leader, 30), waiter.cancelled()

    assert asyncio.run(main()) == ("done", True)


def test_a_failing_leader_does_not_poison_the_waiting_tasks():
    """
    The next task computes.
    """
    calls = []

    @cached
    async def fetch(key):
        calls.append(key)
        first = len(calls) == 1
        while first and not next(iter(fetch._cache._flights.values()))._waiters:
            await asyncio.sleep(0)
        if first:
            raise KeyError("once")
        return key

    async def main():
        return await asyncio.wait_for(asyncio.gather(fetch(1), fetch(1), return_exceptions=True), 30)

    failed, result = asyncio.run(main())
    assert isinstance(failed, KeyError)
    assert result == 1


def test_a_task_that_needs_its_own_key_does_not_hang():
    """
    Neither directly nor through child tasks does a computation wait for itself.
    """
    calls = []

    @cached
    async def again(key):
        calls.append(key)
        if len(calls) == 1:
            return sum(await asyncio.gather(again(key), again(key)))
        return 1

    assert asyncio.run(asyncio.wait_for(again(5), 30)) == 2


def test_tasks_that_need_each_others_keys_do_not_hang():
    """
    A ring of two tasks is seen.
    """
    started = []

    @cached
    async def needs(key):
        started.append(key)
        if len(started) > 2:
            return -key
        while len(started) < 2:
            await asyncio.sleep(0)
        return await needs(3 - key)

    async def main():
        return await asyncio.wait_for(asyncio.gather(needs(1), needs(2)), 30)

    assert len(asyncio.run(main())) == 2


def test_two_event_loops_compute_once():
    """
    A task of one thread's loop waits for a task of another's, and is woken there.
    """
    entered, release = threading.Event(), threading.Event()
    computed = []

    @cached
    async def fetch(key):
        computed.append(key)
        entered.set()
        while not release.is_set():
            await asyncio.sleep(0)
        return key

    first, first_results = in_threads(1, lambda: asyncio.run(fetch(3)))
    assert entered.wait(30)
    second, second_results = in_threads(1, lambda: asyncio.run(fetch(3)))
    (flight,) = fetch._cache._flights.values()
    until(lambda: len(flight._waiters) == 1)
    release.set()
    joined(first + second)

    assert first_results + second_results == [3, 3]
    assert computed == [3]


def test_a_coroutine_that_is_thrown_away_hands_over():
    """
    A computation whose coroutine is closed unfinished leaves no key locked.
    """

    class Never:
        def __await__(self):
            yield

    @cached
    async def fetch(key):
        await Never()
        return key

    coroutine = fetch(1)
    coroutine.send(None)
    assert len(fetch._cache._flights) == 1
    coroutine.close()

    assert fetch._cache._flights == {}


def test_without_asyncio_a_second_coroutine_computes_by_itself():
    """
    Under another framework's loop, whose tasks cannot be woken, nobody waits.
    """

    class Turn:
        def __await__(self):
            yield

    @cached
    async def fetch(key):
        await Turn()
        return key

    first, second = fetch(1), fetch(1)
    first.send(None)
    second.send(None)
    for coroutine in (second, first):
        with pytest.raises(StopIteration) as ended:
            coroutine.send(None)
        assert ended.value.value == 1

    assert fetch.cache_info()[:2] == (0, 2)


# Spans.


@pytest.fixture
def spans():
    """
    A tracer provider, and the spans that it exported.
    """
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider, exporter
    provider.shutdown()


def test_a_computation_is_a_span_and_a_hit_is_none(spans):
    """
    Each miss gives one span around the computation, with the cache's name and a hash of the key.
    """
    provider, exporter = spans
    current = []

    @cached(tracer_provider=provider, name="squares")
    def square(n):
        current.append(trace.get_current_span().name)
        return n**2

    for n in (3, 3, 4, 3):
        square(n)

    one, two = exporter.get_finished_spans()
    qualname = "test_a_computation_is_a_span_and_a_hit_is_none.<locals>.square"
    assert {one.name, two.name, *current} == {f"cached {qualname}"}
    assert one.attributes["autonomous_dev.cache.name"] == "squares"
    assert one.attributes["code.function.name"] == f"{__name__}.{qualname}"
    hashes = [span.attributes["autonomous_dev.cache.key_hash"] for span in (one, two)]
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in hashes)
    assert hashes[0] != hashes[1]
    assert one.status.status_code is StatusCode.UNSET


def test_the_hash_of_a_key_tells_nothing_of_the_arguments(spans):
    """
    Neither text nor small numbers can be read from a span or its attributes.
    """
    provider, exporter = spans
    call = cached(tracer_provider=provider)(lambda *_, **__: 0)

    call(5)
    call("secret-token", phrase="hunter2")

    for span in exporter.get_finished_spans():
        assert "secret" not in span.to_json()
        assert "hunter2" not in span.to_json()
    first = exporter.get_finished_spans()[0].attributes["autonomous_dev.cache.key_hash"]
    assert int(first, 16) != 5


def test_a_failing_computation_is_on_its_span(spans):
    """
    The exception passes untouched and the span says error.
    """
    provider, exporter = spans

    @cached(tracer_provider=provider)
    async def fail():
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        asyncio.run(fail())

    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "KeyError"


def test_an_uncached_call_is_a_span_without_a_hash(spans):
    """
    What has no key is computed under a span too.
    """
    provider, exporter = spans
    cached(tracer_provider=provider)(id)(memoryview(bytearray(b"x")))

    (span,) = exporter.get_finished_spans()
    assert "autonomous_dev.cache.key_hash" not in span.attributes


@pytest.mark.our_failures
def test_a_broken_tracer_does_not_break_a_call(monkeypatch):
    """
    The computation goes on without its span.
    """
    monkeypatch.setattr(_state, "_failures", {})

    class Broken:
        def get_tracer(self, *args, **kwargs):
            return self

        def start_span(self, *args, **kwargs):
            raise RuntimeError("telemetry is broken")

    double = cached(tracer_provider=Broken())(lambda n: 2 * n)

    assert [double(2), double(2)] == [4, 4]
    assert _state.failures() == {"tracer": 1}


def test_a_function_that_is_gone_is_gone_with_its_cache():
    """
    Nothing process-wide keeps a cached function or its results alive; its counts stay.
    """

    class Result:
        pass

    made = cached(name="gone")(Result)
    result, cache = weakref.ref(made()), weakref.ref(made._cache)
    assert result() is not None

    del made
    gc.collect()

    assert (result(), cache()) == (None, None)
    assert _state.caches()["gone"].misses == 1


def test_a_fork_while_a_thread_is_inside_a_cache_does_not_hang():
    """
    A child is made while a thread holds a cache's lock and a dead instance is noted: it ends all the same.
    """
    program = """
import os, threading, time
from autonomous_dev import cached
inside, go = threading.Event(), threading.Event()
class Slow:
    def __hash__(self):
        return 1
    def __eq__(self, other):
        inside.set()
        go.wait(20)
        return False
class Holder:
    @cached
    def look(self, key):
        return key
dead, alive = Holder(), Holder()
dead.look(0)
go.set()
alive.look(Slow())
go.clear()
inside.clear()
del dead
threading.Thread(target=lambda: alive.look(Slow()), daemon=True).start()
assert inside.wait(10)
child = os.fork()
if child == 0:
    os._exit(0)
deadline = time.monotonic() + 10
while os.waitpid(child, os.WNOHANG) == (0, 0):
    if time.monotonic() > deadline:
        os.kill(child, 9)
        raise SystemExit("the child hangs")
    time.sleep(0.01)
go.set()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
