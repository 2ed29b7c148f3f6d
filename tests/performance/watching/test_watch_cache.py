from __future__ import annotations

import functools
import gc
import threading
import weakref
from collections import namedtuple

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autonomous_dev import _state
from autonomous_dev.conventions import CACHE_CAPACITY, CACHE_EVICTIONS, CACHE_EXPIRATIONS
from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.performance import SimpleCache, cached, observe_caches
from autonomous_dev.performance.watching._cache_info import InfoCounts
from autonomous_dev.performance.watching._watch_cache import watch_cache
from children import forked, run_child

Said = namedtuple("Said", "hits misses maxsize currsize")  # noqa: PYI024 - as users of other packages meet it


class Foreign:
    """
    A cache of some other package that counts by itself.
    """

    def __init__(self, maxsize=4):
        self.said = Said(0, 0, maxsize, 0)

    def cache_info(self):
        return self.said

    def cache_clear(self):
        self.said = Said(0, 0, self.said.maxsize, 0)


def counted(name):
    """
    Hits and misses of the cache *name*.
    """
    totals = _state.caches()[name]
    return totals.hits, totals.misses


def points(provider_reader):
    """
    Each reported value by metric, cache and result.
    """
    found = {}
    for resource in provider_reader.get_metrics_data().resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    labels = tuple(sorted(point.attributes.values()))
                    found[(metric.name.removeprefix("autonomous_dev.cache."), *labels)] = point.value
    return found


def test_a_function_with_lru_cache_is_counted_as_it_is():
    """
    It stays C's own object, and what it says of itself is reported under its module and qualified name.
    """

    @watch_cache
    @functools.lru_cache(maxsize=2)
    def double(number):
        return 2 * number

    for number in (1, 1, 2, 3):
        double(number)

    name = f"{__name__}.{double.__qualname__}"
    totals = _state.caches()[name]
    assert type(double) is functools._lru_cache_wrapper
    assert (totals.hits, totals.misses, totals.size, totals.capacity) == (1, 3, 2, 2)


def test_it_is_reported_to_opentelemetry():
    """
    Lookups, size and capacity of a watched lru_cache are read at collection; what it cannot tell is not reported.
    """
    reader = InMemoryMetricReader()
    observe_caches(MeterProvider([reader]))
    bounded = watch_cache(functools.lru_cache(maxsize=2)(abs), name="bounded")
    unbounded = watch_cache(functools.cache(abs), name="unbounded")
    for number in (1, 1, 2, 3):
        bounded(number)
        unbounded(number)

    found = points(reader)

    assert found["lookups", "bounded", "hit"] == found["lookups", "hit", "unbounded"] == 1
    assert found["lookups", "bounded", "miss"] == found["lookups", "miss", "unbounded"] == 3
    assert (found["size", "bounded"], found["capacity", "bounded"], found["size", "unbounded"]) == (2, 2, 3)
    assert ("capacity", "unbounded") not in found
    assert not [key for key in found if key[0] == "evictions"]
    assert found["expirations", "bounded"] == 0


def test_counts_of_a_cleared_lru_cache_go_on():
    """
    The program sees its counts begin anew after cache_clear; what is reported never falls.
    """
    function = watch_cache(functools.lru_cache(abs), name="cleared")
    function(1), function(1), function(2)

    function.cache_clear()
    assert function.cache_info()[:2] == (0, 0)
    assert counted("cleared") == (1, 2)
    function(1)
    function.cache_clear()
    function.cache_clear()

    assert counted("cleared") == (1, 3)


def test_a_clear_past_us_is_seen_by_the_falling_counts():
    """
    Who clears by the type's own method is noticed at the next look, and nothing falls.
    """
    function = watch_cache(functools.lru_cache(abs), name="behind")
    for number in (1, 2, 3, 3):
        function(number)
    assert counted("behind") == (1, 3)

    type(function).cache_clear(function)
    function(1)

    assert counted("behind") == (1, 4)

    for _ in range(3):
        function(1)
    assert counted("behind") == (4, 4)
    type(function).cache_clear(function)
    function(1)  # as many misses as before, and fewer hits
    assert counted("behind") == (4, 5)


def test_a_clear_between_asking_and_taking_is_no_growth():
    """
    While one thread asks the cache, another's look takes what was known: no answer is taken twice or out of order.
    """
    inside, go = threading.Event(), threading.Event()
    cache = Foreign()
    watch_cache(cache, name="asked")
    cache.said = Said(5, 5, 4, 1)
    counts = cache._autonomous_dev_watch.counts
    answer = counts._ask

    def slow():
        found = answer()
        inside.set()
        assert go.wait(10)
        return found

    counts._ask = slow
    thread = threading.Thread(target=counts.refresh)
    thread.start()
    assert inside.wait(10)
    cache.said = Said(6, 6, 4, 1)
    counts.refresh()
    assert (counts.hits, counts.misses) == (0, 0)
    go.set()
    thread.join(10)

    assert (counts.hits, counts.misses) == (5, 5)


def test_methods_with_lru_cache():
    """
    A method is counted, whether it is watched in the class, through the class or through an instance.
    """

    class Reader:
        @watch_cache
        @functools.lru_cache  # noqa: B019 - what people do
        def read(self, key):
            return key

        @functools.lru_cache  # noqa: B019 - what people do
        def seek(self, key):
            return key

        @watch_cache
        @staticmethod
        @functools.cache
        def static(key):
            return key

    reader = Reader()
    bound = reader.seek
    assert watch_cache(bound, name="seek") is bound

    assert [reader.read(1), reader.read(1), reader.seek(2), reader.seek(2), reader.static(3)] == [1, 1, 2, 2, 3]

    assert counted(f"{__name__}.{Reader.__qualname__}.read") == counted("seek") == (1, 1)
    assert counted(f"{__name__}.{Reader.__qualname__}.static") == (0, 1)


def test_a_watched_cache_is_not_kept_alive():
    """
    It goes without the cyclic collector, what was counted last stays, and its size does not.
    """
    gc.disable()
    try:
        function = watch_cache(functools.lru_cache(lambda number: number), name="gone")
        function(1), function(1)
        assert counted("gone") == (1, 1)
        alive = weakref.ref(function)
        del function
        assert alive() is None
        totals = _state.caches()["gone"]
    finally:
        gc.enable()

    assert (totals.hits, totals.misses, totals.size, totals.capacity) == (1, 1, 0, 0)


def test_watching_twice_changes_nothing_and_renaming_is_refused():
    """
    The same cache counts once, whatever the second call says; another name is an error.
    """
    function = functools.lru_cache(abs)
    assert watch_cache(watch_cache(function, name="once"), name="once") is function
    assert watch_cache(function) is function
    function(1)

    assert counted("once") == (0, 1)
    with pytest.raises(InvalidValueError, match="watched as 'once' already"):
        watch_cache(function, name="twice")


def test_a_wrapper_that_copied_the_attributes_is_another_object():
    """
    functools.wraps copies our attribute too; the wrapper is not taken for the cache.
    """
    function = watch_cache(functools.lru_cache(abs), name="inner")

    @functools.wraps(function)
    def wrapper(number):
        return function(number)

    wrapper.cache_info = function.cache_info
    watch_cache(wrapper, name="outer")
    wrapper(1)

    assert counted("inner") == counted("outer") == (0, 1)
    wrapper.cache_clear()
    wrapper(2)
    assert counted("inner") == counted("outer") == (0, 2)


def test_any_object_that_has_cache_info():
    """
    Hits, misses, size and capacity come from its cache_info(); evictions and expirations are not told.
    """
    cache = watch_cache(Foreign(), name="foreign")
    cache.said = Said(7, 2, 4, 2)

    totals = _state.caches()["foreign"]
    assert (totals.hits, totals.misses, totals.size, totals.capacity) == (7, 2, 2, 4)
    assert {CACHE_EVICTIONS, CACHE_EXPIRATIONS} <= totals.untold
    assert CACHE_CAPACITY not in totals.untold
    cache.cache_clear()
    cache.said = Said(9, 9, 4, 2)
    assert counted("foreign") == (16, 11)


@pytest.mark.our_failures
def test_what_a_cache_raises_while_it_is_read_is_counted():
    """
    The collection goes on with what was known, and the failure is counted.
    """
    cache = watch_cache(Foreign(), name="broken")
    cache.said = Said(1, 1, 4, 1)
    assert counted("broken") == (1, 1)
    before = _state.failures().get("cache", 0)

    cache.said = None

    assert counted("broken") == (1, 1)
    assert _state.failures()["cache"] > before


def test_a_clear_that_raises_is_the_programs():
    """
    What cache_clear raises reaches its caller, and nothing is counted twice.
    """

    class Stubborn(Foreign):
        def cache_clear(self):
            raise KeyError("no")

    cache = watch_cache(Stubborn(), name="stubborn")
    cache.said = Said(3, 1, 4, 1)

    with pytest.raises(KeyError):
        cache.cache_clear()

    assert counted("stubborn") == (3, 1)


@pytest.mark.parametrize("existing", [{}, object(), len, "cache", 3, None, Said(1, 1, 1, 1)])
def test_what_is_no_cache_is_refused_with_a_way_out(existing):
    """
    The error names the type, what is accepted, and SimpleCache.
    """
    with pytest.raises(InvalidTypeError, match=rf"{type(existing).__qualname__} cannot be watched.*SimpleCache"):
        watch_cache(existing)


class NoNumbers(Foreign):
    def cache_info(self):
        return "many"


class NoAttributes:
    __slots__ = ("__weakref__",)

    def cache_info(self):
        return Said(0, 0, 1, 0)


class NoReference:
    __slots__ = ("__dict__",)

    def cache_info(self):
        return Said(0, 0, 1, 0)


@pytest.mark.parametrize("kind", [NoNumbers, NoAttributes, NoReference])
def test_a_cache_info_that_cannot_be_used_is_refused(kind):
    """
    An object that gives no numbers, takes no attribute or no weak reference is refused at once.
    """
    with pytest.raises(InvalidTypeError, match="cannot be watched"):
        watch_cache(kind())


def test_ours_is_counted_already():
    """
    What cached and SimpleCache keep is refused, by the name that it is counted under.
    """

    @cached(max_size=3, name="own")
    def own(number):
        return number

    with pytest.raises(InvalidTypeError, match="counted already, as 'own'"):
        watch_cache(own)
    with pytest.raises(InvalidTypeError, match="counted already, as 'mine'"):
        watch_cache(SimpleCache(3, name="mine"))


@pytest.mark.parametrize(("name", "error"), [("", InvalidNameError), ("a\nb", InvalidNameError), (3, InvalidTypeError)])
def test_bad_names_fail_at_once(name, error):
    """
    A name that no cache can have is an error, and the cache stays unwatched.
    """
    function = functools.lru_cache(abs)

    with pytest.raises(error):
        watch_cache(function, name=name)

    assert "_autonomous_dev_watch" not in vars(function)


def test_a_forked_child_counts_on():
    """
    Right after a fork, with the reader's lock held by a thread that is not there, a child reads and counts.
    """
    function = watch_cache(functools.lru_cache(abs), name="forked")
    function(1)
    watch = vars(function)["_autonomous_dev_watch"]
    assert isinstance(watch.counts, InfoCounts)
    watch.counts._asking.acquire()
    try:
        answer = forked(lambda: (function(1), counted("forked")))
    finally:
        watch.counts._asking.release()

    assert answer == "(1, (1, 1))"


def test_a_foreign_cache_is_not_asked_while_a_fork_is_under_way():
    """
    Its own lock may be held by a thread that a new child does not have: it is asked once the child runs.
    """
    cache = watch_cache(Foreign(), name="asked later")
    asked = []
    cache.cache_info = lambda: asked.append(1) or Said(1, 1, 4, 1)
    counts = vars(cache)["_autonomous_dev_watch"].counts

    def in_child():
        counts._pid -= 1  # as it is before the fork hooks have run
        asked.clear()
        counts.refresh()
        before = len(asked)
        counts._after_fork_in_child()
        counts.refresh()
        return before, len(asked)

    assert forked(in_child) == "(0, 1)"


def test_no_package_is_imported_for_it():
    """
    Watching an lru_cache imports neither cachetools, Django, numpy nor an SDK.
    """
    loaded = run_child("""
        import functools
        from autonomous_dev.performance.watching._watch_cache import watch_cache
        watch_cache(functools.lru_cache(abs))
        tell([name for name in ("cachetools", "django", "numpy", "opentelemetry.sdk") if name in sys.modules])
    """)

    assert loaded == []
