"""
What ``cached`` can be asked for: a time to live, types, keys, invalidation, C's own cache.
"""

import asyncio
import contextvars
import functools
import gc
import inspect
import os
import weakref
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import NoOpTracer

from autonomous_dev import _state
from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance import cached
from telemetry import Clock

# A time to live.


def test_a_result_is_good_for_its_time_to_live_and_no_longer():
    """
    At the end of its time a result is computed anew, which counts as an expiration and a miss.
    """
    clock, computed = Clock(100.0), []

    @cached(ttl=10, clock=clock)
    def read(n):
        computed.append(n)
        return len(computed)

    assert [read(1), read(1)] == [1, 1]
    clock.now += 9.99
    assert read(1) == 1
    clock.now += 0.01
    assert read(1) == 2
    counts = read._cache.counts
    assert (counts.hits, counts.misses, counts.expirations, counts.evictions) == (2, 2, 1, 0)


def test_a_hit_does_not_lengthen_a_life():
    """
    The time runs from the computation.
    """
    clock = Clock(100.0)

    @cached(ttl=10, clock=clock)
    def read(n):
        return clock.now

    assert read(1) == 100
    clock.now = 109
    assert read(1) == 100
    clock.now = 111
    assert read(1) == 111


def test_the_time_to_live_begins_when_the_computation_ends():
    """
    A slow computation does not use up its result's life.
    """
    clock = Clock(100.0)

    @cached(ttl=10, clock=clock)
    def slow(n):
        clock.now += 50
        return clock.now

    assert slow(1) == 150
    clock.now += 9
    assert slow(1) == 150


def test_what_has_expired_makes_room_before_anything_is_evicted():
    """
    A full cache drops the expired first; only then does the least recently used go.
    """
    clock, computed = Clock(100.0), []

    @cached(2, ttl=10, clock=clock)
    def read(n):
        computed.append(n)
        return n

    read(1)
    clock.now += 5
    read(2)
    read(1)
    clock.now += 5
    read(3)

    assert read._cache.size() == 2
    assert (read._cache.counts.expirations, read._cache.counts.evictions) == (1, 0)
    read(2)
    assert computed == [1, 2, 3]


def test_size_leaves_out_what_has_expired():
    """
    An entry whose time is up is no entry, though nobody looked it up since.
    """
    clock = Clock(100.0)

    @cached(ttl=10, clock=clock)
    def read(n):
        return n

    read(1)
    read(2)
    clock.now += 10

    assert read._cache.size() == 0
    assert read.cache_info().currsize == 0
    assert read._cache.counts.expirations == 2


def test_a_clock_that_steps_back_breaks_nothing():
    """
    Results live on for longer, and nothing raises.
    """
    clock = Clock(100.0)

    @cached(2, ttl=10, clock=clock)
    def read(n):
        return clock.now

    read(1)
    clock.now = 50
    read(2)
    assert read(1) == 100
    clock.now = 60
    assert [read(2), read(3)] == [60, 60]
    clock.now = 1000
    assert read(1) == 1000
    assert read._cache.size() == 1


@pytest.mark.our_failures
def test_a_clock_that_raises_costs_the_caching_only(caplog):
    """
    Each call is computed, and the failure is logged once.
    """

    def broken():
        raise OSError("no clock")

    @cached(ttl=10, clock=broken)
    def read(n):
        return n

    assert [read(1), read(1)] == [1, 1]
    assert read.cache_info().hits == 0
    assert read.cache_info().misses == 2


class Model:
    """
    A cache with a time to live, written to be obviously right.
    """

    def __init__(self, max_size, ttl):
        self.max_size, self.ttl = max_size, ttl
        self.entries = OrderedDict()
        self.hits = self.misses = self.evictions = self.expirations = 0

    def call(self, key, now):
        value, expires = self.entries.get(key, (None, None))
        if expires is not None and now < expires:
            self.entries.move_to_end(key)
            self.hits += 1
            return value
        self.misses += 1
        self.expire(now)
        if len(self.entries) >= self.max_size:
            self.entries.popitem(last=False)
            self.evictions += 1
        self.entries[key] = (self.misses, now + self.ttl)
        return self.misses

    def expire(self, now):
        for key in [key for key, (_, expires) in self.entries.items() if expires <= now]:
            del self.entries[key]
            self.expirations += 1

    def invalidate(self, key, now):
        self.expire(now)
        return self.entries.pop(key, None) is not None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 6)),
        st.tuples(st.just("wait"), st.integers(0, 7)),
        st.tuples(st.just("invalidate"), st.integers(0, 6)),
        st.tuples(st.just("size"), st.just(0)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=60,
)


@given(steps=STEPS, max_size=st.integers(1, 5), ttl=st.sampled_from([3, 10, 1e9]))
def test_any_sequence_of_calls_does_what_a_small_model_does(steps, max_size, ttl):
    """
    Values, counts and sizes are a model's, over calls, waits, invalidations and clears.
    """
    clock, model = Clock(100.0), Model(max_size, ttl)

    @cached(max_size, ttl=ttl, clock=clock)
    def read(n):
        return model.misses + 1

    for step, number in steps:
        if step == "call":
            expected_misses = model.misses
            got = read(number)
            assert got == model.call(number, clock.now)
            assert model.misses >= expected_misses
        elif step == "wait":
            clock.now += number
        elif step == "invalidate":
            # Both forget what has expired; the model counts it at once.
            read._cache.size()
            assert read.cache_invalidate(number) == model.invalidate(number, clock.now)
        elif step == "size":
            model.expire(clock.now)
            assert read._cache.size() == len(model.entries)
        else:
            read._cache.size()
            model.expire(clock.now)
            read.cache_clear()
            model.entries.clear()
        counts = read._cache.counts
        assert (counts.hits, counts.misses, counts.evictions) == (model.hits, model.misses, model.evictions)
    read._cache.size()
    model.expire(clock.now)
    assert read._cache.counts.expirations == model.expirations


# One call however it is written.


def test_positional_keyword_and_default_are_one_call():
    """
    f(1), f(n=1) and f() where 1 is the default compute once.
    """
    computed = []

    @cached
    def f(n=1, *, m=2):
        computed.append((n, m))
        return n, m

    assert [f(1), f(n=1), f(), f(m=2), f(1, m=2), f(m=2, n=1)] == [(1, 2)] * 6
    assert computed == [(1, 2)]


def signatures():
    """
    Functions, and calls of them.
    """

    def positional_only(a, b, /, c=3):
        return a, b, c

    def var_positional(a, *rest):
        return a, rest

    def var_keyword(a, **more):
        return a, sorted(more.items())

    def everything(a, b=2, /, c=3, *rest, d, e=5, **more):
        return a, b, c, rest, d, e, tuple(sorted(more.items()))

    def names_of_builtins(id, type=1, tuple=2, *map, sorted=3, Exception=4, **str):  # noqa: A002, N803 - whatever they are called
        return id, type, tuple, map, sorted, Exception, str

    def names_of_ours(_entries, __calls, ___key, _default_0=1):
        return _entries, __calls, ___key, _default_0

    return [
        (positional_only, [((1, 2), {}), ((1, 2, 3), {}), ((1, 2), {"c": 3}), ((1, 2, 4), {})]),
        (var_positional, [((1,), {}), ((1, 2), {}), ((1, 2, 3), {}), (((1, 2),), {})]),
        (var_keyword, [((1,), {}), ((1,), {"x": 1, "y": 2}), ((), {"y": 2, "x": 1, "a": 1}), ((1,), {"x": 2})]),
        (everything, [((1,), {"d": 4}), ((1, 2, 3), {"d": 4, "e": 5}), ((1, 2, 3, 4), {"d": 4, "z": 1})]),
        (names_of_builtins, [((1,), {}), ((1, 2, 3, 4, 5), {"sorted": 1, "Exception": 2, "x": 3})]),
        (names_of_ours, [((1, 2, 3), {}), ((1, 2, 3, 4), {})]),
    ]


@pytest.mark.parametrize(("function", "calls"), signatures(), ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("typed", [False, True])
def test_any_signature_is_kept(function, calls, typed):
    """
    Arguments arrive as they were given, equal calls are hits, and the signature is the function's own.
    """
    wrapped = cached(typed=typed)(function)

    for args, kwargs in [*calls, *calls]:
        assert wrapped(*args, **kwargs) == function(*args, **kwargs)
    # In `everything`, `positional_only` and others some of the calls are one.
    distinct = {repr(function(*args, **kwargs)) for args, kwargs in calls}
    assert wrapped.cache_info().misses <= len(distinct) + 1
    assert wrapped.cache_info().hits >= len(calls)
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert wrapped.cache_invalidate(*calls[0][0], **calls[0][1])
    assert not wrapped.cache_invalidate(*calls[0][0], **calls[0][1])


def test_a_wrong_call_fails_as_the_functions_own_would():
    """
    Python names the function and what is missing.
    """

    @cached
    def area(width, height):
        return width * height

    with pytest.raises(TypeError, match=r"area\(\) missing 1 required positional argument: 'height'"):
        area(1)
    with pytest.raises(TypeError, match=r"area\(\) got an unexpected keyword argument 'depth'"):
        area(1, 2, depth=3)


def test_a_default_without_a_hash_leaves_positional_and_keyword_apart():
    """
    The default itself is passed on, and calls count as they are written.
    """

    @cached
    def f(n, options=[]):  # noqa: B006
        return n, options

    assert f(1) is f(1)
    assert f(1)[1] is f.__wrapped__.__defaults__[0]
    assert f(1, []) is f(1, [])


def test_what_does_not_tell_its_signature_is_cached_too():
    """
    Built-ins, partial objects and callable objects work.
    """

    class Callable:
        def __call__(self, n):
            return [n]

    for function in (functools.partial(lambda a, b: [a, b], 1), Callable(), max):
        wrapped = cached(function)
        argument = (3, 2) if function is max else 5
        assert wrapped(argument) is wrapped(argument)
        assert wrapped.cache_info().hits == 1


def test_a_stated_signature_is_not_believed():
    """
    A function that is called otherwise than it says is passed what it is given.
    """

    def f(*args, **kwargs):
        return args, kwargs

    f.__signature__ = inspect.signature(lambda a, b=2: (a, b))
    wrapped = cached(f)

    assert wrapped(1, z=3) == ((1,), {"z": 3})
    assert wrapped(1, z=3) == ((1,), {"z": 3})
    assert wrapped.cache_info().hits == 1


# Types and keys.


def test_typed_tells_equal_arguments_of_different_types_apart():
    """
    f(3), f(3.0) and f(True) are one call unless types count; positional, starred and keyword ones.
    """

    def f(a, *rest, **more):
        return type(a).__name__, [type(x).__name__ for x in rest], {k: type(v).__name__ for k, v in more.items()}

    loose, strict = cached(f), cached(typed=True)(f)

    assert loose(1, 1, x=1) == loose(1.0, True, x=1.0) == ("int", ["int"], {"x": "int"})
    assert strict(1, 1, x=1) == ("int", ["int"], {"x": "int"})
    assert strict(1.0, True, x=1.0) == ("float", ["bool"], {"x": "float"})
    assert strict(1, 1, x=1) == ("int", ["int"], {"x": "int"})
    assert strict.cache_info()[:2] == (1, 2)


def test_a_key_function_decides_what_is_one_call():
    """
    It gets the arguments of the call once; a key without a hash counts by value.
    """
    asked = []

    def by_id(user, *, fresh=False):
        asked.append(user["id"])
        return [user["id"]]

    @cached(key=by_id)
    def load(user, *, fresh=False):
        return object()

    first = load({"id": 1, "name": "a"})

    assert asked == [1]
    assert load({"id": 1, "name": "b"}, fresh=True) is first
    assert load({"id": 2}) is not first
    assert load.cache_invalidate({"id": 1})
    assert load({"id": 1}) is not first


@pytest.mark.our_failures
def test_a_key_function_that_raises_lets_the_call_through(caplog):
    """
    The function is called each time, and the failure is logged once.
    """

    @cached(key=lambda n: 1 / n)
    def f(n):
        return [n]

    assert f(0) == [0]
    assert f(0) is not f(0)
    assert f(2) is f(2)
    assert not f.cache_invalidate(0)


def test_a_method_can_have_a_key_function():
    """
    The instance is its first argument.
    """

    class User:
        def __init__(self, ident):
            self.ident = ident

        @cached(key=lambda self, n: (self.ident, n))
        def load(self, n):
            return object()

    assert User(1).load(2) is User(1).load(2)
    assert User(1).load(2) is not User(2).load(2)


# Invalidation.


def test_invalidation_forgets_one_call_and_frees_its_place():
    """
    Others stay, in their order.
    """
    computed = []

    @cached(3)
    def f(n):
        computed.append(n)
        return n

    for n in (1, 2, 3):
        f(n)
    assert f.cache_invalidate(2)
    assert not f.cache_invalidate(2)
    assert not f.cache_invalidate(99)
    assert f._cache.size() == 2
    f(4)
    f(1)
    f(3)

    assert computed == [1, 2, 3, 4]
    assert f._cache.counts.evictions == 0


def test_a_methods_result_is_invalidated_by_its_instance():
    """
    The instance comes first, as in a call through the class.
    """

    class Thing:
        @cached
        def read(self, n):
            return object()

    one, other = Thing(), Thing()
    kept, gone = other.read(1), one.read(1)

    assert Thing.read.cache_invalidate(one, 1)
    assert one.read(1) is not gone
    assert other.read(1) is kept


def test_a_computation_that_an_invalidation_overtook_is_not_kept():
    """
    What was computed from the old state is given to its caller and not stored.
    """

    @cached
    def f(n):
        if not states:
            states.append("old")
            f.cache_invalidate(1)
        else:
            states.append("new")
        return states[-1]

    states: list[str] = []

    assert [f(1), f(1), f(1)] == ["old", "new", "new"]


@pytest.mark.our_failures
def test_keys_whose_comparison_fails_when_they_are_dropped_do_not_fill_the_cache():
    """
    A cache that cannot take one entry out gives up all, and stays within its bound.
    """

    class Key:
        def __init__(self, number):
            self.number = number

        def __hash__(self):
            return 1

        def __eq__(self, other):
            if broken:
                raise OSError("cannot be compared")
            return self.number == other.number

    broken = False

    @cached(3)
    def f(key):
        return key.number

    keys = [Key(n) for n in range(6)]
    for key in keys[:3]:
        f(key)
    broken = True
    assert [f(key) for key in keys] == list(range(6))
    assert len(f._cache.lru.entries) <= 3
    broken = False
    assert [f(key) for key in keys] == list(range(6))
    assert len(f._cache.lru.entries) == len(f._cache.lru) == 3


# Methods.


def test_a_hit_of_a_method_takes_no_other_instances_result():
    """
    Of many instances that come and go at the same addresses, none gets another's result.
    """

    class Thing:
        def __init__(self, number):
            self.number = number

        @cached(1000)
        def read(self):
            return self.number

    for number in range(3000):
        thing = Thing(number)
        assert [thing.read(), thing.read()] == [number, number]
        if number % 3 == 0:
            thing.itself = thing  # garbage for the collector
    gc.collect()
    assert Thing.read._cache.counts.hits == 3000


# C's own.


def test_bare_is_cs_own_object_and_is_counted():
    """
    The decorated function is functools.lru_cache's, its counts are reported, and its ``_cache`` has a size.
    """

    @cached(50, bare=True, name="bare-one")
    def f(n):
        return [n]

    assert type(f) is functools._lru_cache_wrapper
    assert f(1) is f(1)
    f(2)
    assert f._cache.size() == 2
    totals = _state.caches()["bare-one"]
    assert (totals.hits, totals.misses, totals.size, totals.capacity) == (1, 2, 2, 50)
    f._cache.clear()
    f(1)
    totals = _state.caches()["bare-one"]
    assert (totals.hits, totals.misses, totals.size) == (1, 3, 1)


def test_a_bare_static_method_can_be_had():
    """
    A static method has no instance that would be kept alive.
    """

    class Thing:
        @staticmethod
        @cached(bare=True)
        def inside(n):
            return [n]

        @cached(bare=True)
        @staticmethod
        def outside(n):
            return [n]

    assert Thing.inside(1) is Thing().inside(1)
    assert Thing.outside(1) is Thing().outside(1)


async def coroutine_function(n):
    """
    Gives a coroutine.
    """
    return n


def method(self, n):
    """
    Takes an instance.
    """
    return n


@pytest.mark.parametrize(
    ("arguments", "function", "error", "message"),
    [
        ({"bare": True, "ttl": 5}, abs, InvalidTypeError, "has no ttl"),
        ({"bare": True, "key": abs}, abs, InvalidTypeError, "has no key"),
        ({"bare": True}, coroutine_function, InvalidTypeError, "use cached without bare=True"),
        ({"bare": True}, method, InvalidTypeError, "use cached without bare=True"),
        ({"bare": 1}, abs, InvalidTypeError, "bare is 1 of type int; expected True or False"),
        ({"typed": None}, abs, InvalidTypeError, "typed is None"),
        ({"ttl": float("nan")}, abs, InvalidValueError, "ttl is nan"),
        ({"ttl": float("inf")}, abs, InvalidValueError, "or None for results that never expire"),
        ({"ttl": 0}, abs, InvalidValueError, "ttl is 0; expected seconds above 0"),
        ({"ttl": -1.5}, abs, InvalidValueError, "ttl is -1.5"),
        ({"ttl": True}, abs, InvalidTypeError, "ttl is True of type bool"),
        ({"ttl": "60"}, abs, InvalidTypeError, "ttl is '60' of type str"),
        ({"key": 5}, abs, InvalidTypeError, "key is a int; expected a function"),
        ({"clock": None}, abs, InvalidTypeError, "clock is a NoneType; expected a function"),
    ],
)
def test_a_wrong_option_fails_at_the_decorator(arguments, function, error, message):
    """
    The message names the value, what was expected and the way out.
    """
    with pytest.raises(error, match=message):
        cached(**arguments)(function)


# Life and death.


def test_a_cached_function_goes_with_its_last_user():
    """
    Neither the text that was made for it nor its key function keeps it.
    """

    def make():
        class Big:
            pass

        big = Big()

        @cached(ttl=5, key=lambda n: n)
        def f(n):
            return big

        f(1)
        return weakref.ref(big)

    ref = make()
    gc.collect()

    assert ref() is None


def test_a_forked_child_drops_what_another_thread_had_half_put_in():
    """
    An entry that has a place and no key, or a key and no place, is gone in the child; the others are there.
    """

    @cached(3)
    def f(n):
        return n

    for n in (1, 2):
        f(n)
    lru = f._cache.lru
    lost = lru.entries.pop(1)
    child = os.fork()
    if child == 0:
        try:
            assert len(lru) == len(lru.entries) == 1
            assert [f(1), f(2), f(3), f(4)] == [1, 2, 3, 4]
            assert len(lru) == len(lru.entries) == 3
        except BaseException:  # noqa: BLE001 - told by the exit code
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert lost in lru._order


def test_coroutine_functions_take_every_option():
    """
    A time to live, a key and an invalidation work for a coroutine function as for a function.
    """
    clock = Clock(100.0)

    @cached(ttl=10, clock=clock, key=lambda n: n % 10)
    async def f(n):
        return object()

    async def run():
        first = await f(3)
        assert await f(13) is first
        clock.now += 10
        second = await f(3)
        assert second is not first
        assert f.cache_invalidate(23)
        assert await f(3) is not second

    asyncio.run(run())


# What may come between two steps of ours.


def test_an_exception_while_a_span_begins_leaves_no_one_waiting():
    """
    Ctrl-C in the program's own span processor passes, and the next call computes.
    """

    class Tracer(NoOpTracer):
        def start_span(self, *args, **kwargs):
            if interrupted:
                raise interrupted.pop()
            return super().start_span(*args, **kwargs)

    class Provider:
        def get_tracer(self, *_, **__):
            return Tracer()

    interrupted = [KeyboardInterrupt()]

    @cached(tracer_provider=Provider())
    def f(n):
        return n

    # The API's own no-op tracer is known to record nothing; ours is another class.
    with pytest.raises(KeyboardInterrupt):
        f(1)
    with ThreadPoolExecutor() as pool:
        assert pool.submit(f, 1).result(timeout=30) == 1
    assert f._cache._flights == {}


def test_a_lead_that_is_dropped_lets_those_who_wait_go_on():
    """
    Whatever comes between the beginning of a computation and the block around it, its flight lands.
    """

    @cached
    def f(n):
        return n

    value, lead = f._cache.depart(1)
    flight = lead.flight
    del value, lead

    assert flight.landed
    assert f(1) == 1


def test_a_child_forked_inside_a_computation_waits_for_nobody():
    """
    Neither another thread of the child nor its own next call waits for what the parent was computing.
    """

    @cached
    def f(n):
        if n == 1 and not children:
            children.append(os.fork())
            if children[0] == 0:
                with ThreadPoolExecutor() as pool:
                    good = pool.submit(f, 1).result(timeout=20) == 1
                os._exit(0 if good and f(1) == 1 and f.cache_info().hits else 1)
        return n

    children = []
    assert f(1) == 1
    assert os.waitpid(children[0], 0)[1] == 0


def test_a_method_under_another_decorator_is_still_known_by_identity():
    """
    What ``functools.wraps`` says of a wrapper tells that its first argument is an instance.
    """

    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @dataclass(frozen=True)
    class Point:
        x: int

        @cached
        @decorator
        def itself(self):
            return id(self)

    one, other = Point(1), Point(1)
    gone = weakref.ref(other)

    assert one.itself() == id(one)
    assert other.itself() == id(other)
    del other
    assert gone() is None


class Pair(NamedTuple):
    """
    Compared by value, and not referenced weakly.
    """

    value: object

    @cached
    def kind(self):
        """
        Tells the value's type.
        """
        return type(self.value).__name__


def test_an_instance_that_takes_no_weak_reference_is_known_by_identity():
    """
    Equal named tuples are different instances.
    """
    one, other = Pair(1), Pair(True)

    assert [one.kind(), other.kind(), one.kind()] == ["int", "bool", "int"]
    assert Pair.kind.cache_info().hits == 1


def test_a_key_of_a_dead_instance_is_not_taken_for_anothers():
    """
    Where Python could not tell of a death, the instance that is found under the address is compared.
    """

    class Thing:
        @cached
        def read(self):
            return id(self)

    one, other = Thing(), Thing()
    one.read()
    instances = Thing.read._cache.instances
    instances.known[id(other)] = instances.known[id(one)]

    assert other.read() == id(other)


def test_arguments_whose_hash_changes_fill_no_memory():
    """
    Entries that can no longer be found are dropped, and so are their computations.
    """

    class Changing:
        def __init__(self):
            self.number = 0

        def __hash__(self):
            return hash(self.number)

    @cached(10)
    def f(argument):
        argument.number = id(argument)
        return argument.number

    for _ in range(2000):
        f(Changing())

    assert len(f._cache.lru.entries) <= 21
    assert len(f._cache._flights) <= 300


def test_self_and_cls_with_defaults_are_ordinary_parameters():
    """
    Only a first argument that has to be given is an instance; a default without a hash changes nothing of that.
    """

    class Unhashable:
        def __hash__(self):
            raise RuntimeError("no hash")

    @cached
    def reg(cls=None, options=[]):  # noqa: B006
        return cls, options

    @cached
    def other(n, default=Unhashable()):  # noqa: B008
        return n, default

    @cached
    def made(cls, options=[]):  # noqa: B006
        return cls, options

    assert reg() == reg(None) == (None, [])
    assert made(int) == made(cls=int) == (int, [])
    assert other(1)[0] == 1


def test_a_class_with_an_asynchronous_call_is_called_as_a_class():
    """
    Making an instance is no coroutine; and an object whose call is a generator is refused as a generator function is.
    """

    class Client:
        async def __call__(self):
            return 1

    class Stream:
        def __call__(self):
            yield 1

    made = cached(Client)

    assert isinstance(made(), Client)
    assert made() is made()
    with pytest.raises(InvalidTypeError, match="generator"):
        cached(Stream())


def test_a_task_begun_inside_a_computation_keeps_no_result():
    """
    The context that a task copies knows what computes, and not what it gave.
    """

    class Result:
        pass

    @cached(1)
    def f(n):
        contexts.append(contextvars.copy_context())
        return Result()

    contexts = []
    gone = weakref.ref(f(1))
    f(2)

    assert gone() is None
    assert contexts


def test_bare_refuses_a_clock_of_its_own():
    """
    What lru_cache cannot use is not taken and ignored.
    """
    with pytest.raises(InvalidTypeError, match="has no clock"):
        cached(bare=True, clock=lambda: 0.0)


@pytest.mark.parametrize("length", [95, 190])
def test_predictions_are_right_for_results_that_expire(length):
    """
    In a loop through a cache with a time to live, what twice and four times the capacity would hit is what they hit.
    """
    clock = Clock(100.0)
    caches = {size: cached(size, ttl=3 * length, clock=clock)(lambda n: n) for size in (50, 100, 200)}
    for step in range(6000):
        clock.now += 1
        for f in caches.values():
            f(step % length)
    ratio = {size: f._cache.counts.hits / 6000 for size, f in caches.items()}
    counts = caches[50]._cache.counts

    assert (counts.hits + counts.saved[0]) / 6000 == pytest.approx(ratio[100], abs=0.03)
    assert (counts.hits + counts.saved[1]) / 6000 == pytest.approx(ratio[200], abs=0.03)
