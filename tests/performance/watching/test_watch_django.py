from __future__ import annotations

import asyncio
import contextvars
import pickle
import threading
import types

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.core.cache import CacheHandler, caches
from django.core.cache import cache as default_cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.connection import ConnectionProxy

from autonomous_dev import _state
from autonomous_dev.conventions import CACHE_CAPACITY, CACHE_EVICTIONS, CACHE_EXPIRATIONS, CACHE_SIZE
from autonomous_dev.errors import InvalidValueError
from autonomous_dev.performance.watching._watch_cache import watch_cache
from children import forked, run_child

LOCAL = "django.core.cache.backends.locmem.LocMemCache"


class Server(BaseCache):
    """
    A backend as those of servers are: with many keys at once and with asynchronous methods of its own.
    """

    def __init__(self, _location, params):
        super().__init__(params)
        self.entries = {}
        self.asked = []

    def get(self, key, default=None, version=None):
        self.asked.append("get")
        return self.entries.get(key, default)

    async def aget(self, key, default=None, version=None):
        self.asked.append("aget")
        return self.entries.get(key, default)

    def get_many(self, keys, version=None):
        self.asked.append("get_many")
        return {key: self.entries[key] for key in keys if key in self.entries}

    async def aget_many(self, keys, version=None):
        return self.get_many(keys)

    def set(self, key, value, timeout=None, version=None):
        self.entries[key] = value

    async def aset(self, key, value, timeout=None, version=None):  # noqa: ASYNC109 - Django's signature
        self.entries[key] = value

    def add(self, key, value, timeout=None, version=None):
        if self.has_key(key):
            return False
        self.set(key, value)
        return True

    async def aadd(self, key, value, timeout=None, version=None):  # noqa: ASYNC109 - Django's signature
        if await self.ahas_key(key):
            return False
        await self.aset(key, value)
        return True

    def delete(self, key, version=None):
        return self.entries.pop(key, None) is not None

    def clear(self):
        self.entries.clear()


@pytest.fixture(scope="module", autouse=True)
def configured():
    """
    Django wants settings before anything else, once a process.
    """
    if not settings.configured:
        settings.configure(CACHES={"default": {"BACKEND": LOCAL, "LOCATION": "tests of watching"}})


def handler(**aliases):
    """
    A handler of its own, as ``django.core.cache.caches`` is one, with an alias for each backend.
    """
    return CacheHandler(
        {alias: {"BACKEND": backend, "LOCATION": f"{alias} {id(aliases)}"} for alias, backend in aliases.items()}
    )


def watched(backend=LOCAL, name="model"):
    """
    The proxy of a watched cache.
    """
    return watch_cache(ConnectionProxy(handler(default=backend), "default"), name=name)


def counted(name="model"):
    """
    Hits and misses.
    """
    totals = _state.caches()[name]
    return totals.hits, totals.misses


KINDS = {
    "local memory": LOCAL,
    "server": f"{__name__}.Server",
}


@pytest.mark.parametrize("backend", KINDS.values(), ids=KINDS)
def test_each_lookup_counts_once(backend):
    """
    However a backend's methods call each other: what wants a value counts once for each key, what writes counts not.
    """
    cache = watched(backend)
    expected = [0, 0]

    def step(value, wanted, hits=0, misses=0):
        assert value == wanted
        expected[0] += hits
        expected[1] += misses
        assert counted() == tuple(expected)

    step(cache.get("a"), None, misses=1)
    step(cache.get("a", "default"), "default", misses=1)
    step(cache.get("a", default=7, version=1), 7, misses=1)
    step(cache.set("a", 1), None)
    step(cache.add("a", 2), False)
    step(cache.add("b", None), True)
    step(cache.get("a"), 1, hits=1)
    step(cache.get(key="a"), 1, hits=1)
    step(cache.get("b", "default"), None, hits=1)
    step(cache.get_many(["a", "b", "c"]), {"a": 1, "b": None}, hits=2, misses=1)
    step(cache.get_many(key for key in "ac"), {"a": 1}, hits=1, misses=1)
    step(cache.get_many([]), {})
    step(cache.get_or_set("a", 5), 1, hits=1)
    step(cache.get_or_set("d", 5), 5, misses=1)
    step(cache.get_or_set("e", lambda: 6), 6, misses=1)
    step(cache.get_or_set("e", lambda: 7), 6, hits=1)
    step("a" in cache, True)
    step("z" in cache, False, misses=1)
    step(cache.has_key("z"), False, misses=1)
    step(cache.incr("a"), 2)
    step(cache.decr("a"), 1)
    step(cache.incr_version("a") if backend == LOCAL else 2, 2)
    step(cache.set_many({"x": 1, "y": 2}), [])
    step(cache.delete_many(["x", "y"]), None)
    with pytest.raises(ValueError, match="not found"):
        cache.incr("nothing")
    step(cache.clear(), None)


@pytest.mark.parametrize("backend", KINDS.values(), ids=KINDS)
def test_each_asynchronous_lookup_counts_once(backend):
    """
    So do the asynchronous methods, whether they run the others in a thread or are a backend's own.
    """
    cache = watched(backend)

    async def use():
        assert await cache.aget("a") is None
        await cache.aset("a", 1)
        assert await cache.aadd("a", 2) is False
        assert counted() == (0, 1)
        assert await cache.aget("a", 3) == 1
        assert await cache.aget_many(["a", "b"]) == {"a": 1}
        assert counted() == (2, 2)
        assert await cache.aget_or_set("a", 5) == 1
        assert await cache.aget_or_set("c", lambda: 6) == 6
        assert counted() == (3, 3)
        assert await cache.ahas_key("a")
        assert not await cache.ahas_key("z")
        assert await cache.aincr("a") == 2
        assert counted() == (3, 4)
        await asyncio.gather(*(cache.aget(key) for key in "acz"))
        assert counted() == (5, 5)

    asyncio.run(use())


def test_what_a_default_looks_up_itself_counts():
    """
    The function given to get_or_set is the program's: its lookups in the same cache are its own.
    """
    cache = watched()

    def make():
        return cache.get("other", 3)

    assert cache.get_or_set("a", make) == 3
    assert counted() == (0, 2)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_set("b", lambda: 1 / 0)
    assert counted() == (0, 3)
    cache.get("a")
    assert counted() == (1, 3)


def test_a_cache_in_front_of_another():
    """
    A backend that asks another watched cache is counted under its name, and the other under its own.
    """
    behind = watched(name="behind")

    class Front(Server):
        def get(self, key, default=None, version=None):
            return behind.get(key, default)

    front = watch_cache(Front("", {}), name="front")

    assert front.get("k", 1) == 1
    assert counted("front") == counted("behind") == (0, 1)


def test_all_threads_count_under_one_name():
    """
    Backends that other threads have already, and those that they make later, count together; the size is counted once.
    """
    proxy = ConnectionProxy(handler(default=LOCAL), "default")
    has_backend, is_watched = threading.Event(), threading.Event()

    def early():
        proxy.set("early", 1)
        has_backend.set()
        assert is_watched.wait(10)
        proxy.get("early")

    thread = threading.Thread(target=early)
    thread.start()
    assert has_backend.wait(10)
    watch_cache(proxy, name="threads")
    is_watched.set()
    thread.join(10)
    later = threading.Thread(target=lambda: proxy.get("early"))
    later.start()
    later.join(10)
    proxy.get("nothing")

    totals = _state.caches()["threads"]
    assert (totals.hits, totals.misses, totals.size, totals.capacity) == (2, 1, 1, 300)


def test_threads_lose_no_count():
    """
    Eight threads, each with a backend of its own, are counted exactly.
    """
    cache = watched()
    cache.set("k", 1)
    start = threading.Barrier(8)

    def work():
        start.wait(10)
        for _ in range(500):
            cache.get("k")
            cache.get("nothing")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted() == (4000, 4000)


def test_evictions_and_expirations_in_local_memory(monkeypatch):
    """
    What makes room is an eviction, what a lookup drops because its time is over is an expiration, deleting is neither.
    """
    clock = [1000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    backend = LocMemCache(f"small {id(clock)}", {"OPTIONS": {"MAX_ENTRIES": 3, "CULL_FREQUENCY": 1}, "TIMEOUT": 5})
    watch_cache(backend, name="small")

    def told():
        totals = _state.caches()["small"]
        return totals.evictions, totals.expirations, totals.size

    for key in "abc":
        backend.set(key, 1)
    assert told() == (0, 0, 3)
    backend.set("d", 1)
    assert told() == (3, 0, 1)
    backend.delete("d")
    backend.set("e", 1)
    assert backend.incr_version("e") == 2
    assert told() == (3, 0, 1)
    clock[0] += 6
    assert backend.get("e", version=2) is None
    assert told() == (3, 1, 0)
    backend.set("f", 1)
    clock[0] += 6
    backend.delete("f")
    assert told() == (3, 1, 0)
    assert not _state.caches()["small"].untold & {CACHE_EVICTIONS, CACHE_EXPIRATIONS, CACHE_SIZE, CACHE_CAPACITY}


def test_what_a_server_holds_is_not_told(tmp_path):
    """
    Size, capacity, evictions and expirations are reported of the cache in local memory only.
    """
    cache = watch_cache(FileBasedCache(str(tmp_path), {}))
    cache.set("a", 1)
    assert cache.add("a", 2) is False
    assert cache.incr("a") == 2
    assert (cache.get("a"), cache.get("b")) == (2, None)

    totals = _state.caches()["django.FileBasedCache"]
    assert (totals.hits, totals.misses) == (1, 1)
    assert {CACHE_EVICTIONS, CACHE_EXPIRATIONS, CACHE_SIZE, CACHE_CAPACITY} <= totals.untold


def test_the_proxy_and_the_backend_are_one_cache():
    """
    Django's own default cache, watched by proxy and by caches[alias], is counted once under django.default.
    """
    assert watch_cache(default_cache) is default_cache
    backend = caches["default"]
    assert watch_cache(backend) is backend
    backend.get("nothing")
    default_cache.get("nothing")

    assert isinstance(backend, LocMemCache)
    assert counted("django.default") == (0, 2)
    for existing in (default_cache, backend):
        with pytest.raises(InvalidValueError, match=r"watched as 'django\.default' already"):
            watch_cache(existing, name="another")


def test_a_backend_made_by_hand_counts_by_itself():
    """
    Another backend of the same class is left alone, and a pickle of the watched one is of the class it had.
    """
    one, other = LocMemCache("hand", {}), Server("", {})
    watch_cache(other, name="other")
    assert watch_cache(watch_cache(other), name="other") is other
    other.get("k")
    one.get("k")

    assert counted("other") == (0, 1)
    assert type(one) is LocMemCache
    assert isinstance(other, Server)
    copied = pickle.loads(pickle.dumps(other))  # noqa: S301 - made a moment ago
    assert type(copied) is Server
    assert copied.get("k", 3) == 3
    assert counted("other") == (0, 1)


def test_settings_that_change_keep_it_watched():
    """
    As tests do with override_settings: new backends of the alias count on.
    """
    made = handler(default=LOCAL)
    proxy = watch_cache(ConnectionProxy(made, "default"), name="changed")
    proxy.get("k")
    del made["default"]
    proxy.get("k")
    made["default"] = Server("", {})
    proxy.get("k")

    assert counted("changed") == (0, 3)
    assert made["default"].asked == ["get"]


@pytest.mark.our_failures
def test_a_backend_that_cannot_count_is_used_as_it_is():
    """
    Where a backend's class allows no subclass, the program goes on without counts, and it is tried once.
    """

    class Final(Server):
        def __init_subclass__(cls, **kwargs):
            raise TypeError("Final is final")

    made = handler(default=LOCAL)
    proxy = watch_cache(ConnectionProxy(made, "default"), name="final")
    made["default"] = Final("", {})
    before = _state.failures().get("watched Django cache", 0)

    assert proxy.get("k", 1) == proxy.get("k", 1) == 1

    assert _state.failures()["watched Django cache"] == before + 1
    assert counted("final") == (0, 0)


def test_what_a_backend_raises_passes():
    """
    A lookup that fails is the program's to handle; it counts neither way, and the next one counts.
    """

    class Down(Server):
        down = True

        def get(self, key, default=None, version=None):
            if self.down:
                raise ConnectionError("down")
            return default

    backend = watch_cache(Down("", {}), name="down")
    for attempt in (lambda: backend.get("k"), lambda: backend.get_or_set("k", 1), lambda: backend.has_key("k")):
        with pytest.raises(ConnectionError):
            attempt()
    assert counted("down") == (0, 0)

    backend.down = False
    backend.get("k")
    assert counted("down") == (0, 1)


def test_a_lookup_that_is_thrown_away_leaves_nothing_behind():
    """
    A coroutine that is closed while it waits for its server counts nothing, and the next lookup counts.
    """

    @types.coroutine
    def answer():
        yield

    class Slow(Server):
        async def aget(self, key, default=None, version=None):
            await answer()

    backend = watch_cache(Slow("", {}), name="slow")
    thrown = [backend.aget("k"), backend.aget("k")]
    contextvars.copy_context().run(thrown[0].send, None)
    thrown[1].send(None)

    for lookup in thrown:
        lookup.close()
    assert counted("slow") == (0, 0)

    backend.get("k")
    assert counted("slow") == (0, 1)


def test_from_synchronous_code_to_asynchronous_and_back():
    """
    Under Django's own bridges between the two a lookup counts once.
    """
    cache = watched()
    cache.set("a", 1)

    async def use():
        return await sync_to_async(cache.get)("a"), await cache.aget("b")

    assert async_to_sync(use)() == (1, None)
    assert counted() == (1, 1)


def test_a_forked_child_counts():
    """
    A lock that another thread held at the fork does not stop the child.
    """
    backend = watch_cache(Server("", {}), name="forked")
    lock = vars(backend)["_autonomous_dev_watch"].lock

    with lock:
        assert forked(lambda: (backend.get("k"), counted("forked"))) == "(None, (0, 1))"


def test_a_cache_can_be_watched_before_django_is_configured():
    """
    Watching touches no setting and makes no backend; that Django has none is said when the cache is used.
    """
    told = run_child("""
        from django.conf import settings
        from django.core.cache import cache
        from autonomous_dev import _state
        from autonomous_dev.performance.watching._watch_cache import watch_cache
        watch_cache(cache)
        early = settings.configured
        settings.configure()
        cache.set("a", 1)
        cache.get("a")
        totals = _state.caches()["django.default"]
        tell([early, totals.hits, totals.misses, totals.size])
    """)

    assert told == [False, 1, 0, 1]


def test_the_backend_that_was_given_counts():
    """
    A program that kept what caches[alias] gave, and watches that, is counted without asking for it again.
    """
    told = run_child("""
        from django.conf import settings
        from django.core.cache import caches
        from autonomous_dev import _state
        from autonomous_dev.performance.watching._watch_cache import watch_cache
        settings.configure()
        backend = caches["default"]
        watch_cache(backend)
        backend.get("k")
        totals = _state.caches()["django.default"]
        tell([totals.hits, totals.misses])
    """)

    assert told == [0, 1]
