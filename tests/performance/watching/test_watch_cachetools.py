from __future__ import annotations

import copy
import functools
import gc
import operator
import pickle
import random
import threading
import weakref

import cachetools
import cachetools.func
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from autonomous_dev import _state
from autonomous_dev.conventions import CACHE_CAPACITY, CACHE_EVICTIONS, CACHE_EXPIRATIONS
from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance.watching._watch_cache import watch_cache
from children import forked
from telemetry import Clock


class Loading(cachetools.LRUCache):
    """
    A cache that finds what is missing by itself.
    """

    def __missing__(self, key):
        if key == "nowhere":
            raise KeyError(key)
        self[key] = value = f"loaded {key}"
        return value


class Telling(cachetools.FIFOCache):
    """
    The way of the documentation of cachetools to see what is evicted.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.told = []

    def popitem(self):
        key, value = super().popitem()
        self.told.append(key)
        return key, value


def soon(_key, _value, now):
    """
    When an entry of a TLRUCache expires.
    """
    return now + 5


KINDS = {
    "Cache": lambda _: cachetools.Cache(3),
    "LRUCache": lambda _: cachetools.LRUCache(3),
    "LFUCache": lambda _: cachetools.LFUCache(3),
    "FIFOCache": lambda _: cachetools.FIFOCache(3),
    "RRCache": lambda _: cachetools.RRCache(3, choice=min),
    "TTLCache": lambda clock: cachetools.TTLCache(3, ttl=5, timer=clock),
    "TLRUCache": lambda clock: cachetools.TLRUCache(3, ttu=soon, timer=clock),
    "Loading": lambda _: Loading(3),
    "Telling": lambda _: Telling(3),
    "by size": lambda _: cachetools.LRUCache(9, getsizeof=lambda value: 1 + value % 3),
}


def totals(name):
    """
    What is reported of *name* in the order hits, misses, evictions, expirations.
    """
    found = _state.caches()[name]
    return found.hits, found.misses, found.evictions, found.expirations


class Alike(RuleBasedStateMachine):
    """
    A watched cache beside an unwatched one of the same kind, and beside what a count by hand gives.
    """

    keys = st.integers(min_value=0, max_value=5)

    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def make(self, kind):
        """
        Two caches, one clock.
        """
        _state._caches.clear()
        self.clock = Clock()
        self.plain, self.watched = KINDS[kind](self.clock), KINDS[kind](self.clock)
        assert watch_cache(self.watched, name="model") is self.watched
        self.hits = self.misses = 0
        self.there = functools.partial(cachetools.Cache.__len__, self.plain)
        self.expired = self.evicted = 0

    def both(self, operation, *args):
        """
        The outcome of *operation*, which is the same on either.
        """
        outcomes = []
        for cache in (self.plain, self.watched):
            try:
                outcomes.append(operation(cache, *args))
            except (KeyError, ValueError) as error:
                outcomes.append(repr(error))
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    def is_there(self, key):
        """
        True where *key* can be found now, without looking at the watched cache.
        """
        return type(self.plain).__contains__(self.plain, key)

    @rule(key=keys, value=st.integers(min_value=0, max_value=20))
    def store(self, key, value):
        """
        Entries that expired go first, then those there is no room for.
        """
        held, new = self.there(), not cachetools.Cache.__contains__(self.plain, key)
        expired = self.expired_now()
        new = new or key in expired
        self.both(operator.setitem, key, value)
        self.expired += len(expired)
        if not isinstance(self.plain, cachetools.LRUCache) or self.plain.getsizeof is cachetools.Cache.getsizeof:
            self.evicted += held - len(expired) + new - self.there()
        else:
            self.evicted = totals("model")[2]  # by size: what stores may drop the very key; see a test of its own

    def expired_now(self):
        """
        Keys that are still kept and have expired.
        """
        return [key for key in cachetools.Cache.__iter__(self.plain) if not self.is_there(key)]

    @rule(key=keys)
    def look_up(self, key):
        """
        A lookup is a hit where the key is there, whatever is loaded in its place.
        """
        there = self.is_there(key)
        held = self.there()
        self.both(operator.getitem, key)
        self.hits, self.misses = self.hits + there, self.misses + (not there)
        if isinstance(self.plain, Loading) and not there:
            self.evicted += held + 1 - self.there()

    @rule(key=keys)
    def get(self, key):
        """
        So is get, which loads nothing.
        """
        there = self.is_there(key)
        self.both(lambda cache: cache.get(key, "default"))
        self.hits, self.misses = self.hits + there, self.misses + (not there)

    @rule(key=keys)
    def contains(self, key):
        """
        Only where nothing is found, `in` is a lookup.
        """
        self.misses += not self.both(operator.contains, key)

    @rule(key=keys)
    def pop(self, key):
        """
        To remove is no lookup and no eviction.
        """
        self.both(lambda cache: cache.pop(key, None))

    @rule(key=keys)
    def delete(self, key):
        """
        As pop.
        """
        self.both(operator.delitem, key)

    @rule()
    def pop_any(self):
        """
        As pop; in a cache that knows time, what expired goes on the way.
        """
        timed = hasattr(self.plain, "expire")
        self.expired += len(self.expired_now()) if timed else 0
        self.both(lambda cache: cache.popitem())

    @rule()
    def read_all(self):
        """
        To go through the entries looks none of them up.
        """
        timed = hasattr(self.plain, "expire")
        self.expired += len(self.expired_now()) if timed else 0
        self.both(lambda cache: (len(cache), sorted(cache.keys()), sorted(cache.items()), len(list(cache.values()))))

    @rule()
    def clear(self):
        """
        Forgetting is no eviction. Up to 6.x a cache that knows time drops what expired first.
        """
        self.both(lambda cache: cache.clear())
        self.expired = totals("model")[3]

    @rule(seconds=st.integers(min_value=1, max_value=4))
    def wait(self, seconds):
        """
        Time passes.
        """
        self.clock.now += seconds

    @invariant()
    def counted(self):
        """
        The same order of entries, and the counts of the hand.
        """
        if hasattr(self, "plain"):
            assert list(cachetools.Cache.__iter__(self.plain)) == list(cachetools.Cache.__iter__(self.watched))
            assert totals("model") == (self.hits, self.misses, self.evicted, self.expired)
            assert _state.caches()["model"].size == self.there()


TestAlike = Alike.TestCase


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_it_stays_the_same_object_of_the_same_class(kind):
    """
    Identity, isinstance and repr are as they were, and nothing is added to its entries.
    """
    cache = KINDS[kind](Clock())
    cache[1] = 2
    before = type(cache), repr(cache), list(cache.items())

    assert watch_cache(cache, name="same") is cache

    assert isinstance(cache, before[0])
    assert cache.__class__ is before[0]
    assert (repr(cache), list(cache.items())) == before[1:]
    assert _state.caches()["same"].size == 1


@pytest.mark.parametrize("kind", [kind for kind in sorted(KINDS) if kind not in {"TTLCache", "TLRUCache", "by size"}])
def test_copies_and_pickles_are_of_the_class_that_it_had(kind):
    """
    A copy has the entries, is not watched and does not count.
    """
    cache = watch_cache(KINDS[kind](Clock()), name="original")
    cache["k"] = 1
    plain = type(KINDS[kind](Clock()))
    copies = [copy.copy, copy.deepcopy]
    if plain is not cachetools.LFUCache:  # whose links cannot be pickled in every version
        copies += [functools.partial(_pickled, protocol=protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]

    for copied in copies:
        made = copied(cache)
        assert type(made) is plain
        assert made["k"] == 1
        assert not [name for name in vars(made) if "autonomous" in name]

    assert totals("original") == (0, 0, 0, 0)
    cache.get("k")
    assert totals("original") == (1, 0, 0, 0)


def _pickled(cache, protocol):
    return pickle.loads(pickle.dumps(cache, protocol))  # noqa: S301 - made a moment ago


def test_a_pickle_needs_nothing_of_ours():
    """
    A process without this package can read it.
    """
    assert b"autonomous" not in pickle.dumps(watch_cache(cachetools.LRUCache(3)))


class Remaking(cachetools.LRUCache):
    """
    A cache that makes others of its own kind, and that pickles in a way of its own.
    """

    def fresh(self):
        return type(self)(self.maxsize)

    def __copy__(self):
        made = type(self)(self.maxsize)
        made.update(self)
        return made

    def __reduce__(self):
        return type(self), (self.maxsize,), {"all": dict(vars(self))}

    def __setstate__(self, state):
        self.__dict__.update(state["all"])


def test_what_it_makes_of_its_own_kind_is_not_counted():
    """
    An object made by type(self)(…) works, counts nowhere, and can be watched for itself.
    """
    cache = watch_cache(Remaking(3), name="maker")
    cache[1] = 1
    made = cache.fresh()
    made[2] = 2
    assert (made[2], made.get(3)) == (2, None)
    assert type(copy.copy(cache)) is Remaking
    assert type(_pickled(cache, 4)) is type(_pickled(made, 4)) is Remaking
    before = totals("maker")

    watch_cache(made, name="made")
    made[2], made.get(3)

    assert totals("made") == (1, 1, 0, 0)
    assert totals("maker") == before


def test_a_pickle_of_its_own_way_carries_nothing_of_ours_either():
    """
    Where a class pickles our attribute inside a structure of its own, a plain 0 stands there.
    """
    made = _pickled(watch_cache(Remaking(3), name="maker"), 4)

    assert [value for name, value in vars(made).items() if "autonomous" in name] == [0]
    assert (made.get(1), len(made)) == (None, 0)
    watch_cache(made, name="again").get(1)
    assert totals("again") == (0, 1, 0, 0)


def test_entries_of_different_sizes_have_no_capacity():
    """
    The size is the number of entries, and maxsize, which is in other units, is not reported.
    """
    cache = watch_cache(cachetools.LRUCache(10, getsizeof=len), name="bytes")
    cache["a"], cache["b"] = "12345", "12345"
    cache["c"] = "1234567890"

    found = _state.caches()["bytes"]
    assert (found.size, found.evictions) == (1, 2)
    assert CACHE_CAPACITY in found.untold


def test_expirations_without_a_lock_are_left_to_the_program():
    """
    Looking at the size from another thread drops nothing: what expired goes when the program next touches the cache.
    """
    clock = Clock()
    cache = watch_cache(cachetools.TTLCache(9, ttl=1, timer=clock), name="timed")
    cache.update(a=1, b=2)
    clock.now = 2

    assert (_state.caches()["timed"].size, totals("timed")) == (2, (0, 0, 0, 0))
    assert len(cache) == 0
    assert (_state.caches()["timed"].size, totals("timed")) == (0, (0, 0, 0, 2))


@pytest.mark.parametrize("lock", [None, threading.Lock(), threading.RLock()])
def test_a_function_cached_without_info(lock):
    """
    Its calls are counted once each by its cache, under the function's name.
    """

    @watch_cache
    @cachetools.cached(cachetools.LRUCache(2), lock=lock)
    def double(number):
        return 2 * number

    assert [double(number) for number in (1, 1, 2, 3)] == [2, 2, 4, 6]

    name = f"{__name__}.{double.__qualname__}"
    assert totals(name) == (1, 3, 1, 0)
    assert watch_cache(double.cache) is double.cache
    with pytest.raises(InvalidValueError, match="watched as"):
        watch_cache(double.cache, name="other")


@pytest.mark.parametrize("lock", [None, threading.Lock(), threading.RLock(), threading.Condition()])
def test_a_function_cached_with_info_costs_nothing_per_hit(lock):
    """
    Its own counts are read, lookups run in the methods of its class as ever, and evictions are known.
    """

    @watch_cache
    @cachetools.cached(cachetools.LRUCache(2), lock=lock, info=True)
    def double(number):
        return 2 * number

    for number in (1, 1, 2, 3):
        double(number)

    assert type(double.cache).__getitem__ is cachetools.LRUCache.__getitem__
    name = f"{__name__}.{double.__qualname__}"
    assert totals(name) == (1, 3, 1, 0)
    double.cache_clear()
    double(3)
    assert totals(name) == (1, 4, 1, 0)
    assert (double.cache_info().hits, double.cache_info().misses) == (0, 1)
    found = _state.caches()[name]
    assert (found.size, found.capacity) == (1, 2)
    assert not {CACHE_EVICTIONS, CACHE_EXPIRATIONS} & found.untold


def test_a_timed_cache_without_a_lock_is_not_asked():
    """
    Asking it would drop entries from another thread; the cache counts instead.
    """
    clock = Clock()

    @watch_cache
    @cachetools.cached(cachetools.TTLCache(2, 1, timer=clock), info=True)
    def double(number):
        return 2 * number

    double(1), double(1)
    clock.now = 2
    name = f"{__name__}.{double.__qualname__}"
    assert (totals(name), _state.caches()[name].size) == ((1, 1, 0, 0), 1)
    double(1)
    assert totals(name) == (1, 2, 0, 1)


def test_a_lock_that_is_held_is_not_waited_for():
    """
    Collecting while the program holds the lock of its cache gives what was known.
    """
    lock = threading.Lock()
    double = watch_cache(cachetools.cached(cachetools.LRUCache(2), lock=lock, info=True)(abs), name="held")
    double(1)
    assert totals("held")[:2] == (0, 1)
    double(1)

    with lock:
        assert totals("held")[:2] == (0, 1)
    assert totals("held")[:2] == (1, 1)


def test_a_child_forked_while_the_lock_was_held():
    """
    Its thread is not in the child, where nothing hangs.
    """
    lock = threading.Lock()
    watch_cache(cachetools.cached(cachetools.LRUCache(2), lock=lock, info=True)(abs), name="held")

    with lock:
        assert forked(lambda: totals("held")) == "(0, 0, 0, 0)"


def test_caches_of_cachetools_func():
    """
    What cachetools.func makes is counted, with a bound and without one.
    """
    bounded = watch_cache(cachetools.func.lru_cache(maxsize=2)(abs), name="bounded")
    unbounded = watch_cache(cachetools.func.lru_cache(maxsize=None)(abs), name="unbounded")
    timed = watch_cache(cachetools.func.ttl_cache(maxsize=None, ttl=60)(abs), name="timed")
    for number in (1, 1, 2, 3):
        bounded(number), unbounded(number), timed(number)

    assert totals("bounded") == (1, 3, 1, 0)
    assert totals("unbounded")[:2] == totals("timed")[:2] == (1, 3)
    assert _state.caches()["unbounded"].size == _state.caches()["timed"].size == 3
    assert {CACHE_CAPACITY, CACHE_EVICTIONS} <= _state.caches()["unbounded"].untold
    assert CACHE_CAPACITY in _state.caches()["timed"].untold


def test_results_in_a_dict_need_info():
    """
    A dict counts nothing: the error says what to write.
    """
    with pytest.raises(InvalidTypeError, match=r"info=True"):
        watch_cache(cachetools.cached({})(abs))


def test_the_caches_of_methods():
    """
    A method's cache is one per instance, and is watched where it is made; they are summed and not kept alive.
    """

    class Reader:
        def __init__(self):
            self.cache = watch_cache(cachetools.LRUCache(2), name="readers")

        @cachetools.cachedmethod(operator.attrgetter("cache"))
        def read(self, key):
            return key

    first, second = Reader(), Reader()
    first.read(1), first.read(1), second.read(1)
    assert totals("readers") == (1, 2, 0, 0)
    assert type(first.cache) is type(second.cache)


def test_a_watched_cache_is_not_kept_alive():
    """
    It goes without the cyclic collector; what it counted stays.
    """
    caches = [watch_cache(cachetools.LRUCache(2), name="short") for _ in range(2)]
    for cache in caches:
        cache[1] = 1
        cache.get(1)
    gone = weakref.ref(caches[0])
    gc.disable()
    try:
        del cache, caches[0]
        assert gone() is None
    finally:
        gc.enable()

    found = _state.caches()["short"]
    assert (found.hits, found.size, found.capacity) == (2, 1, 2)


def test_a_class_that_allows_no_subclass_is_refused():
    """
    The cache stays as it was, and the error says why.
    """

    class Final(cachetools.LRUCache):
        def __init_subclass__(cls, **kwargs):
            raise TypeError("Final is final")

    cache = Final(2)
    with pytest.raises(InvalidTypeError, match="Final is final"):
        watch_cache(cache)
    assert type(cache) is Final
    assert not [name for name in vars(cache) if "autonomous" in name]

    function = cachetools.cached(Final(2), info=True)(abs)
    watch_cache(function, name="final")
    function(1)
    assert totals("final")[:2] == (0, 1)
    assert {CACHE_EVICTIONS, CACHE_EXPIRATIONS} <= _state.caches()["final"].untold


@given(st.lists(st.integers(min_value=0, max_value=9), max_size=60), st.booleans(), st.sampled_from([None, "lock"]))
def test_a_watched_function_gives_the_same(arguments, info, lock):
    """
    Whatever the arguments, results and computations are those of the same function unwatched, each call counted once.
    """
    _state._caches.clear()
    computed = [[], []]
    functions = [
        cachetools.cached(cachetools.LFUCache(4), lock=lock and threading.RLock(), info=info)(
            lambda number, mine=mine: (mine.append(number), number)[1]
        )
        for mine in computed
    ]
    watch_cache(functions[1], name="function")

    for number in arguments:
        assert functions[0](number) == functions[1](number)

    assert computed[0] == computed[1]
    misses = len(computed[1])
    assert totals("function")[:2] == (len(arguments) - misses, misses)
    assert totals("function")[2] == misses - len(functions[1].cache)


def test_threads_with_a_lock_lose_no_count():
    """
    Eight threads that share one cache and its lock are counted exactly.
    """
    lock = threading.Lock()
    cached = watch_cache(cachetools.cached(cachetools.LRUCache(8), lock=lock)(abs), name="threads")
    start = threading.Barrier(8)

    def work(seed):
        rng = random.Random(seed)
        start.wait(10)
        for _ in range(2000):
            cached(rng.randrange(16))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    hits, misses, _, _ = totals("threads")
    assert hits + misses == 16000
    assert 0 < hits < 16000


def test_a_forked_child_is_not_in_the_middle_of_a_method():
    """
    What another thread was doing at the fork does not end in the child: it counts as if nothing had been under way.
    """
    cache = watch_cache(cachetools.LRUCache(2), name="middle")
    watch = vars(cache)["_autonomous_dev_watch"]
    watch.tally, watch.storing = watch.spare, 1

    def in_child():
        cache[1] = 1
        cache.get(1)
        cache.popitem()
        return totals("middle")

    assert forked(in_child) == "(1, 0, 0, 0)"
