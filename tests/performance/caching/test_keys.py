from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev.performance.caching._keys import Unfreezable, entry_key, freeze, parts_key

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(SCALARS, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b):
    """
    Equal, and of one type wherever it is a container.
    """
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple | dict | set) or isinstance(b, list | tuple | dict | set):
        return type(a) is type(b) and a == b
    return a == b


@given(VALUES, VALUES)
def test_frozen_values_are_equal_exactly_where_the_values_are(a, b):
    """
    Freezing loses no difference and makes none.
    """
    assert (freeze(a) == freeze(b)) == same(a, b)
    assert (hash(freeze(a)) == hash(freeze(b))) or not same(a, b)


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_calls_of_one_function_have_one_key_exactly_where_their_arguments_are_equal(one, other):
    """
    The parts of a key are as many as the function's parameters, so that only calls of equal length are compared.
    """
    other = [*other, *[None] * 3][: len(one)]
    keys = parts_key(tuple(one)), parts_key(tuple(other))

    # What has a hash as it is (a tuple of numbers) is compared as Python compares it.
    assert (keys[0] == keys[1]) == (same(one, other) or (one == other and all(map(hashable, (*one, *other)))))


def hashable(value):
    """
    Whether Python gives it a hash.
    """
    try:
        hash(value)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((), (None,)),
        (([1],), ((1,),)),
        (([1],), (freeze([1])[1:],)),
        (([1], 2), ([1, 2], 2)),
    ],
)
def test_calls_that_differ_have_keys_that_differ(one, other):
    """
    Lists and tuples, nothing and None, are told apart.
    """
    assert parts_key(one) != parts_key(other)


def test_numbers_are_equal_as_python_has_it():
    """
    1, 1.0 and True are one key.
    """
    assert parts_key((1,)) == parts_key((1.0,)) == parts_key((True,))


def test_the_order_of_a_dict_does_not_matter_but_that_of_an_ordered_one_does():
    """
    Freezing follows each type's own equality.
    """
    pairs = [("a", 1), ("b", 2)]

    assert freeze(dict(pairs)) == freeze(dict(pairs[::-1]))
    assert freeze(OrderedDict(pairs)) != freeze(OrderedDict(pairs[::-1]))
    assert freeze(Counter("ab")) == freeze(Counter("ba"))
    assert freeze(deque([1])) != freeze([1])


def test_a_named_tuple_of_lists_is_frozen_with_its_type():
    """
    Two kinds of named tuple are two values.
    """
    first, second = namedtuple("First", "x"), namedtuple("Second", "x")  # noqa: PYI024 - both kinds freeze alike

    assert freeze(first([1])) == freeze(first([1]))
    assert freeze(first([1])) != freeze(second([1]))


class MyList(list):
    """
    A list that may hold more than its items.
    """


@pytest.mark.parametrize("value", [MyList([1]), defaultdict(list), [MyList()], {"a": memoryview(bytearray(b"x"))}])
def test_what_may_hold_more_than_it_shows_is_not_frozen(value):
    """
    A subclass with a state of its own, or a dict that makes up values, has no frozen form.
    """
    with pytest.raises(Unfreezable):
        freeze(value)


def test_a_key_with_a_hash_is_itself():
    """
    Nothing is wrapped that does not have to be.
    """
    key = (1, "a")

    assert entry_key(key) is key
    assert parts_key(("a",)) == "a"
