"""Of two daemons one is asked in the form that the hot path takes, the other in one that it leaves to the handlers. All
answers, errors in their words, invalidations, leases and counters are the same."""

import itertools
import random
import threading

import pytest

from forms import hot, written_otherwise
from wire import decode, encode

SEED = 7
KEYS = ["k", "l", b"\x00\xff", "long" * 60, "m"]
CACHES = ["lru", "durable", "few", "tiny", "brief", "nowhere"]
OPENED = {
    "few": {"tier": "lru", "max_entries": 3},
    "tiny": {"tier": "ttl", "max_bytes": 2_000, "max_age_ms": 3_600_000},
    "brief": {"tier": "durable", "max_age_ms": 3_600_000, "stale_ms": 3_600_000},
}
BOUNDED = ["few", "tiny"]
OPTIONS = [
    {}, {"ttl_ms": 0}, {"ttl_ms": 1_800_000}, {"ttl_ms": 2**53}, {"ttl_ms": 2**53 + 1}, {"ttl_ms": None}, {"ttl_ms": -1},
    {"sync": True}, {"sync": False}, {"sync": None}, {"sync": True, "ttl_ms": 0}, {"ttl_ms": 1_800_000, "sync": True},
    {"ttl_ms": 1_800_000, "sync": False}, {"sync": True, "if": "absent"}, {"ttl_ms": 5, "sink": True}, None,
]  # fmt: skip
COUNTERS = ["puts", "hits", "misses", "deletes", "evictions"]


class Side:
    """A daemon, a connection whose requests have one form, and one that listens and holds leases."""

    def __init__(self, form, start_daemon):
        self.form = form
        self.daemon = start_daemon("--max-value", "60K", "--max-key", "200", "--checkpoint-interval", "1h")
        self.connect()

    def connect(self):
        self.wire, self.other = self.daemon.connect(), self.daemon.connect()
        for name, settings in OPENED.items():
            self.other.call("open", name, settings)
        for name in CACHES[:-1]:
            self.other.call("subscribe", name)

    def restart(self):
        """Of what is durable nothing is in memory then."""
        self.daemon.restart()
        self.connect()

    def ask(self, requests, sizes):
        """The responses in the order of the requests, which are sent in pieces of these sizes."""
        stream = memoryview(b"".join(self.form(*request)(msgid) for msgid, request in enumerate(requests)))
        ends = [0, *itertools.accumulate(sizes), len(stream)]
        # The daemon stops reading while its replies are not read.
        sender = threading.Thread(target=lambda: [self.wire.send(stream[start:end]) for start, end in itertools.pairwise(ends)])
        sender.start()
        answers = [(request, answer_to(request, self.wire.reply(msgid))) for msgid, request in enumerate(requests)]
        sender.join()
        return answers

    def told(self):
        """The keys that the one who listens is told of; expiry has its own time."""
        return {(cache, key) for cache, keys, _ in self.other.invalidations_so_far() for key in keys}

    def counted(self):
        info = self.other.call("info")
        rows = {name: [row["requests"], row["answered"], row["errors"]] for name, row in info["methods"].items()}
        caches = {name: [self.other.call("info", name)[counter] for counter in COUNTERS] for name in CACHES[:-1]}
        return rows, caches, info["server"]["requests"], info["server"]["leases"]


def answer_to(request, reply):
    """Versions depend on when a key that was on disk alone was read."""
    result = decode(reply.result_bytes)
    if reply.error is not None:
        return reply.error
    if request[0] in ("put_many", "lease") and isinstance(result, list):
        return len(result)
    return "a number" if request[0] in ("put", "lease") and result is not None else result


def random_request(generator):
    cache, key = generator.choice(CACHES), generator.choice(KEYS)
    kind = generator.random()
    if kind < 0.35:
        return ("get", cache, key)
    if kind < 0.40:
        return (generator.choice(["delete", "touch"]), cache, key)
    if kind < 0.44:
        return ("lease", cache, key, {"lease_ms": 3_600_000, "wait_ms": 0})
    if kind < 0.46:
        return ("put_many", cache, [[key, 1], ["another", 2]])
    size = generator.choice([0, 1, 100, 500, 9_000, 20_000, 61_000])
    value = generator.choice([None, 7, [1], generator.randbytes(generator.randint(0, size)), generator.randbytes(size)])
    options = generator.choice(OPTIONS + [{"ttl_ms": 1_800_000}, {"sync": True}] * 5)
    if cache in BOUNDED and options and options.get("ttl_ms") == 0:
        options = {}  # when it makes room depends on the time
    return ("put", cache, key, value, options)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("together", [200, 10_000])
def test_either_way_is_indistinguishable(start_daemon, seed, together):
    generator = random.Random(SEED + 100 * together + seed)
    sides = [Side(form, start_daemon) for form in (hot, written_otherwise)]
    for _ in range(6):
        for _ in range(3):
            requests = [random_request(generator) for _ in range(120)]
            total = sum(len(encode(request)) for request in requests)
            sizes = [generator.randint(1, 2 * together) for _ in range(min(200, total // together))]
            short, ordinary = [side.ask(requests, sizes) for side in sides]
            assert short == ordinary
            written = {request[1:3] for request, answer in short if request[0] == "put" and answer == "a number"}
            for side in sides:
                assert written <= side.told()
            short, ordinary = [side.counted() for side in sides]
            assert short == ordinary
        for side in sides:
            side.restart()
