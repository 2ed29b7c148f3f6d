"""
How many misses of a cache a larger one would have answered: ghosts of what was evicted, sampled where it is large.

A cache of C entries in exact least-recently-used order holds the first C places of an endless stack, in which each
key that is used moves to the top. What is evicted is at place C + 1, and later evictions push it down. So the
evicted keys, newest first, are the places after C, and a miss whose key is found among the first C of them would
have been a hit in a cache of twice the capacity: one more segment of 2 C ghosts tells what four times would
have answered, and one of 4 C what eight times would have. A hit costs nothing.

Source: the stack property is from Mattson et al. (1970), Evaluation techniques for storage hierarchies, IBM Systems
Journal 9(2), https://doi.org/10.1147/sj.92.0078; the spatial sample by hash from Waldspurger et al. (2015), Efficient
MRC Construction with SHARDS, FAST, https://www.usenix.org/conference/fast15/technical-sessions/presentation/waldspurger.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from autonomous_dev.conventions import CAPACITY_FACTORS

SAMPLE: Final = 256
"""
Ghosts that stand for one capacity; of a cache that holds more, a share of the keys is followed.

Against replays of true caches of 1,000 to 50,000 entries 256 were at most 1.5 points of hit rate off, over Zipf, looping
and scanning accesses and mixtures of them; 1,024 were 0.8 off and take four times the memory, 128 were 2.2 off.
"""

_REACHES: Final = tuple(factor - 1 for factor in CAPACITY_FACTORS)
"""Where segments end, in capacities after the cache's own."""

_CROWD: Final = 2
"""A sample that turns out so many times as large as it should be is cut, so that memory is bounded whatever the keys."""

_BITS: Final = (1 << 64) - 1

_NUMBER_BITS: Final = 32
"""A sampled ghost is one integer: the number of its eviction above these bits, that among the sampled ones in them."""

_NUMBER: Final = (1 << _NUMBER_BITS) - 1

_Segments = tuple[OrderedDict[int, int], ...]
"""Ghosts by hash, the oldest first, for each of CAPACITY_FACTORS."""


class Adviser:
    """
    Counts the misses that 2, 4 and 8 times the capacity would have answered.

    It keeps hashes, never keys, at most 7 * 256 in expectation (with a bound of twice that), and nothing until
    the cache evicts for the first time. It has no lock: the cache calls it under its own, and a forked child goes
    on with what its parent had.

    Where the cache is larger than SAMPLE, only keys whose mixed hash falls into a share of all hashes are followed.
    How far down a sampled ghost is, is then estimated from the number of *all* evictions since its own, which is known
    exactly, times the share of the sampled evictions since whose keys are still ghosts: in loops and scans that is
    exact, so that a loop just too long for twice the capacity is told from one that just fits. A sampled miss
    speaks for the misses since the last one.

    Attributes:
        saved: Misses so far that 2, 4 and 8 times the capacity would have answered, in the order of CAPACITY_FACTORS. The list
            is counted in, so that who holds it sees what comes later; none of the three ever falls.
    """

    __slots__ = (
        "_capacity",
        "_carried",
        "_evictions",
        "_expiries",
        "_sampled_evictions",
        "_segments",
        "_threshold",
        "_unsampled",
        "saved",
    )

    def __init__(self, capacity: int) -> None:
        """
        Make an adviser that has seen nothing.

        Args:
            capacity: Entries that the cache holds at most; at least 1.
        """
        self._capacity = capacity
        self.saved = [0] * len(CAPACITY_FACTORS)
        self._segments: _Segments = ()
        self._expiries: dict[int, float] = {}
        # Of entries that the cache computed anew: when the value would have expired that a larger one still has.
        self._carried: dict[int, float] = {}
        # Mixed hashes below this are followed; 0 where all are.
        self._threshold = (SAMPLE << 64) // capacity if capacity > SAMPLE else 0
        self._evictions = self._sampled_evictions = self._unsampled = 0

    @property
    def ghosts(self) -> int:
        """
        Hashes that are kept now.
        """
        return sum(map(len, self._segments))

    def missed(self, key_hash: int, now: float = -math.inf) -> None:
        """
        The cache has no entry for the key of this hash, and is going to have one.

        Args:
            key_hash: As ``hash`` gives it.

            now: By the clock that *expires* of ``evicted`` is from; needed only where entries expire.
        """
        segments = self._segments
        if not segments:
            return
        weight = 1
        if self._threshold:
            self._unsampled += 1
            if _mixed(key_hash) >= self._threshold:
                return
            weight, self._unsampled = self._unsampled, 0
            self._push_sample_down()
        for place, segment in enumerate(segments):
            if segment.pop(key_hash, None) is not None:
                expires = self._expiries.pop(key_hash, math.inf)
                if now < expires:
                    if expires != math.inf:
                        self._carried[key_hash] = expires
                    for factor in range(
                        len(CAPACITY_FACTORS) - 1, place - 1, -1
                    ):  # a reader never sees 2 save more than 8
                        self.saved[factor] += weight
                return

    def evicted(self, key_hash: int, expires: float = math.inf) -> None:
        """
        The cache dropped the key of this hash to make room: not because it expired or was invalidated.

        Args:
            key_hash: As ``hash`` gives it.

            expires: When its value would have expired, by any one clock.
        """
        if self._threshold:
            self._evictions += 1
            if _mixed(key_hash) >= self._threshold:
                return
            self._sampled_evictions += 1
        if not self._segments:
            self._segments = tuple(OrderedDict() for _ in CAPACITY_FACTORS)
        if expires != math.inf:
            self._expiries[key_hash] = self._carried.pop(key_hash, expires)
        newest = self._segments[0]
        if self._threshold:
            newest[key_hash] = self._evictions << _NUMBER_BITS | self._sampled_evictions & _NUMBER
            self._push_sample_down()
        else:
            newest[key_hash] = 0
            if len(newest) > self._capacity:
                self._push_down()

    def expired(self, key_hash: int) -> None:
        """
        The cache dropped the key of this hash because its time was up.
        """
        self._carried.pop(key_hash, None)

    def forget(self, key_hash: int) -> None:
        """
        The key of this hash was invalidated, or put into the cache without having been looked up.
        """
        self._carried.pop(key_hash, None)
        for segment in self._segments:
            if segment.pop(key_hash, None) is not None:
                self._expiries.pop(key_hash, None)
                return

    def clear(self) -> None:
        """
        The cache was cleared: a larger one would be empty too. What was counted stays.
        """
        self._segments = ()
        self._expiries.clear()
        self._carried.clear()

    def _push_down(self) -> None:
        """
        The oldest ghost of a segment that has one too many goes on to the next.
        """
        size = self._capacity
        twice, four_times, eight_times = self._segments
        key_hash, ghost = twice.popitem(False)
        four_times[key_hash] = ghost
        if len(four_times) > 2 * size:
            key_hash, ghost = four_times.popitem(False)
            eight_times[key_hash] = ghost
            if len(eight_times) > 4 * size:
                self._drop_oldest(eight_times)

    def _push_sample_down(self) -> None:
        """
        The oldest ghost of a segment goes on to the next when it is too far down to be in it.
        """
        ahead = 0
        segments = self._segments
        for place, segment in enumerate(segments):
            reach = _REACHES[place]
            while segment:
                key_hash = next(iter(segment))
                near = ahead + len(segment)
                if (
                    self._distance(segment[key_hash], near) <= reach * self._capacity
                    and near <= _CROWD * reach * SAMPLE
                ):
                    break
                if place + 1 < len(segments):
                    segments[place + 1][key_hash] = segment.pop(key_hash)
                else:
                    self._drop_oldest(segment)
            ahead += len(segment)

    def _drop_oldest(self, segment: OrderedDict[int, int]) -> None:
        key_hash, _ = segment.popitem(False)
        if self._expiries:
            self._expiries.pop(key_hash, None)

    def _distance(self, ghost: int, near: int) -> float:
        """
        How many places after the cache's own a sampled ghost is, where *near* sampled ones are no farther down.
        """
        evictions = self._evictions - (ghost >> _NUMBER_BITS) + 1
        return evictions * near / ((self._sampled_evictions - ghost & _NUMBER) + 1)


def _mixed(key_hash: int) -> int:
    """
    A number in [0, 2**64) that says nothing of *key_hash*: the hash of an integer is itself, and keys come in strides.

    Source: the two rounds are those of SplitMix64, Steele et al. (2014), https://doi.org/10.1145/2660193.2660195.
    """
    mixed = ((key_hash ^ (key_hash >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _BITS
    return mixed ^ (mixed >> 31)
