"""Load for restarts: clients that know what each key must be after the daemon was killed at any moment."""

import random

from load import LoadThread
from wire import RpcError

KEYS = 40
SMALL, LARGE = 60, 40_000
HOUR_MS = 3_600_000


class Client(LoadThread):
    """Writes keys of its own in several caches, one request after the other, until the connection breaks. `known` is
    what was acknowledged: a value, or None for absent. `pending` is what the request that was not answered may have
    done: (cache, key) and the new value."""

    def __init__(self, path, name, seed, may_be_gone):
        super().__init__(path, name)
        self.random = random.Random(seed)
        self.may_be_gone = may_be_gone  # by eviction
        self.known, self.pending = {}, None
        self.version_last = 0
        self.acknowledged = {"lru": 0, "ttl": 0, "durable": 0}

    def _value(self):
        letter = self.random.choice("abcdefgh")
        most = LARGE if self.random.random() < 0.15 else SMALL
        return letter * self.random.randrange(1, most)

    def step(self, wire):
        try:
            self._operate(wire)
        except RpcError as refusal:
            if refusal.code != "overloaded":
                raise
            # Nothing was written; the disk has to get ahead.
            self.pending = None
            wire.call("sync")

    def _operate(self, wire):
        cache = self.random.choice(("lru", "ttl", "durable"))
        key = f"{self.name}-{self.random.randrange(KEYS)}"
        kind = self.random.random()
        if kind < 0.15:
            self._write(wire, cache, key, None, "delete", cache, key)
        elif kind < 0.25:
            wire.call("touch", cache, key, {"ttl_ms": HOUR_MS})
        elif kind < 0.32:
            number = f"{self.name}-number"
            new = (self.known.get((cache, number)) or 0) + 1
            self._write(wire, cache, number, new, "increment", cache, number, 1, {"ttl_ms": HOUR_MS})
        else:
            # The cache ttl alone has a time that is shorter than many rounds.
            options = {"ttl_ms": HOUR_MS} if cache == "ttl" or self.random.random() < 0.3 else {}
            if cache == "durable" and self.random.random() < 0.02:
                options["sync"] = True
            value = self._value()
            self._write(wire, cache, key, value, "put", cache, key, value, options)

    def _write(self, wire, cache, key, value, method, *params):
        self.pending = (cache, key), value
        answer = wire.call(method, *params)
        if method == "increment" and answer != value:
            # It was evicted, and counts from the beginning.
            assert self.may_be_gone and cache != "durable" and answer == 1, (cache, key, answer, value)
            value = answer
        self.known[cache, key] = value
        self.pending = None
        if method == "put":
            self.version_last = max(self.version_last, answer)
            self.acknowledged[cache] += 1

    def check(self, wire):
        """Asserts that all is there as it was acknowledged, and takes what was pending as it is."""
        assert self.failure is None, self.failure
        targets = set(self.known) | ({self.pending[0]} if self.pending else set())
        for cache, key in sorted(targets):
            found = wire.call("get", cache, key)
            value = None if found is None else found[0]
            allowed = [self.known.get((cache, key))]
            if self.pending and self.pending[0] == (cache, key):
                allowed.append(self.pending[1])
            if self.may_be_gone and cache != "durable":
                allowed += [None, 1] if key.endswith("number") else [None]
            shown = value if not isinstance(value, str) else (value[:1], len(value))
            assert value in allowed, f"{cache} {key}: found {shown}"
            self.known[cache, key] = value
        self.pending = None
