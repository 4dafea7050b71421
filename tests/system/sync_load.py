"""Load for crashes of which the disk alone survives: writers that know what was promised of each key."""

import random
import time

from load import LoadThread

KEYS = 800
KEYS_PER_PUT = 200
BODY_BYTES_MAX = 1500
CACHE = "durable"


def value_of(number):
    """A value that tells a whole one from a torn one: length and content follow from its number."""
    return [number, f"{number:08x}" * (1 + number * 31 % (BODY_BYTES_MAX // 8))]


class Writer(LoadThread):
    """Writes keys of its own and syncs until the connection breaks. Each state has a number that is never used again.

    `states` has for each key the states it may be found in: what was promised to be on disk, and all that was written
    since; None is absent. `versions` has the version of each number that was told."""

    def __init__(self, path, name, seed, sync_sent, predecessor=None):
        super().__init__(path, name)
        self.random, self.sync_sent = random.Random(seed), sync_sent
        self.states = predecessor.states if predecessor else {f"{name}-{i}": [None] for i in range(KEYS)}
        self.number = predecessor.number if predecessor else 0
        self.versions, self.version_max = {}, 0
        self.sync_pending, self.answered, self.sync_s = False, 0, 0.0

    def step(self, wire):
        for _ in range(self.random.randrange(1, 6)):
            keys = self.random.sample(sorted(self.states), KEYS_PER_PUT)
            if self.random.random() < 0.25:
                self._note(keys, [None] * len(keys))
                wire.call("delete_many", CACHE, keys)
            else:
                self._put_many(wire, keys)
        kind = self.random.random()
        if kind < 0.6:
            self._synced(self.states, lambda: wire.call("sync", CACHE))
        elif kind < 0.8:
            self._put_with_sync(wire, self.random.choice(sorted(self.states)))
        else:
            key = self.random.choice(sorted(self.states))
            self._note([key], [None])
            self._synced([key], lambda: wire.call("delete", CACHE, key, {"sync": True}))

    def _note(self, keys, numbers):
        for key, number in zip(keys, numbers):
            self.states[key].append(number)

    def _next_numbers(self, count):
        self.number += count
        return list(range(self.number - count + 1, self.number + 1))

    def _put_many(self, wire, keys):
        numbers = self._next_numbers(len(keys))
        self._note(keys, numbers)
        versions = wire.call("put_many", CACHE, [[key, value_of(number)] for key, number in zip(keys, numbers)])
        self._told(zip(numbers, versions))

    def _put_with_sync(self, wire, key):
        (number,) = self._next_numbers(1)
        self._note([key], [number])

        def put():
            self._told([(number, wire.call("put", CACHE, key, value_of(number), {"sync": True}))])

        self._synced([key], put)

    def _told(self, versions_by_number):
        for number, version in versions_by_number:
            assert version > self.version_max, f"version {version} after {self.version_max}"
            self.versions[number] = self.version_max = version

    def _synced(self, keys, call):
        """After the call the last state of each of `keys` is on disk: nobody else writes them."""
        self.sync_pending = True
        self.sync_sent.set()
        began_s = time.monotonic()
        call()
        self.sync_s = time.monotonic() - began_s
        self.sync_pending = False
        self.answered += 1
        for key in keys:
            del self.states[key][:-1]

    def check(self, wire):
        """Asserts that each key is in a state it may be in, and takes that. Returns the highest version found."""
        assert self.failure is None, self.failure
        highest = self.version_max
        keys = sorted(self.states)
        answers = wire.results(wire.pipeline(*[("get", CACHE, key, {"meta": True}) for key in keys]))
        for key, answer in zip(keys, answers):
            number = None if answer is None else answer[0][0]
            assert number in self.states[key], f"{key}: found {number}, may be one of {self.states[key]}"
            if answer is not None:
                assert answer[0] == value_of(number), f"{key}: a torn value of {number}"
                assert answer[1] == self.versions.get(number, answer[1]), f"{key}: {number} has another version"
                highest = max(highest, answer[1])
            self.states[key] = [number]
        return highest
