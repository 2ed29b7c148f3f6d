from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev import _state
from autonomous_dev.performance.watching._watch_cache import watch_cache

operations = st.lists(
    st.integers(min_value=0, max_value=5) | st.sampled_from(["clear", "raw clear", "look"]), max_size=40
)


@given(operations, st.integers(min_value=0, max_value=3) | st.none(), st.booleans())
def test_a_watched_lru_cache_behaves_as_an_unwatched_one(steps, maxsize, typed):
    """
    Results and cache_info are the same at every step, and what is reported is what a count by hand gives.
    """
    _state._caches.clear()
    computed = []

    def function(number):
        computed.append(number)
        if number == 5:
            raise LookupError(number)
        return -number

    plain = functools.lru_cache(maxsize, typed)(function)
    watched = watch_cache(functools.lru_cache(maxsize, typed)(function), name="model")
    hits = misses = 0
    for step in steps:
        if step == "clear":
            plain.cache_clear()
            watched.cache_clear()
        elif step == "raw clear":
            _state.caches()  # what was counted up to here is known
            plain.cache_clear()
            type(watched).cache_clear(watched)
            _state.caches()
        elif step == "look":
            totals = _state.caches()["model"]
            assert (totals.hits, totals.misses, totals.size) == (hits, misses, plain.cache_info().currsize)
        else:
            outcomes = []
            for cache in (plain, watched):
                computed.clear()
                try:
                    outcomes.append((cache(step), list(computed)))
                except LookupError as error:
                    outcomes.append((repr(error), list(computed)))
            assert outcomes[0] == outcomes[1]
            # A failing call counts as a miss, and so does any where nothing is kept.
            hits, misses = hits + (not computed), misses + bool(computed)
        assert plain.cache_info() == watched.cache_info()
    totals = _state.caches()["model"]
    assert (totals.hits, totals.misses) == (hits, misses)
