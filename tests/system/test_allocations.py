"""The requests that nearly all are take no memory: nothing is allocated for them on the daemon's loop, whether they come
alone or many together. Counted in the daemon itself, by a library that stands before its malloc."""

import mmap
import os
import shutil
import struct
import tempfile

import pytest

from daemon_process import Daemon, binary

KEYS = [f"key {i}" for i in range(16)]
LARGER = {"4K": 4_096, "16K": 16_384}
# Of so many requests one may take memory: of a sixty-fourth of all hits the key is noted, and once kept.
REQUESTS_AN_ALLOCATION = 20
REQUESTS = 480

LOADS = {
    "get": [("get", "lru", key) for key in KEYS],
    "miss": [("get", "lru", "nothing")] * 16,
    "put": [("put", "lru", key, bytes(62)) for key in KEYS],
    "put with ttl": [("put", "lru", key, bytes(62), {"ttl_ms": 60_000}) for key in KEYS],
    "put of new keys and delete": [request for key in KEYS[:8] for request in (("put", "lru", key * 3, 1), ("delete", "lru", key * 3))],
    "get_many": [("get_many", "lru", KEYS * 3)] * 16,
    "get of 4 KiB": [("get", "lru", "4K")] * 16,
    "get of 16 KiB": [("get", "lru", "16K")] * 16,
}


class CountedDaemon(Daemon):
    def __init__(self, directory):
        path = f"{directory}/allocations"
        with open(path, "wb") as file:
            file.write(bytes(8))
        preloaded = {"LD_PRELOAD": binary("PANNIER_ALLOCATION_COUNTER"), "PANNIER_ALLOCATION_COUNT": path}
        super().__init__(directory, environment={**os.environ, **preloaded})
        with open(path, "rb") as file:
            self._count = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def allocations(self):
        return struct.unpack("=Q", self._count[:8])[0]


@pytest.fixture(scope="module")
def counted():
    directory = tempfile.mkdtemp(prefix="pannier-")
    daemon = CountedDaemon(directory)
    try:
        daemon.start()
        wire = daemon.connect()
        for key, size in {**dict.fromkeys(KEYS, 62), **LARGER}.items():
            wire.call("put", "lru", key, bytes(size))
        yield daemon
        daemon.discard()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def send(wire, requests, together, times):
    """All of them in turn, `together` at a time, each time when those before are answered."""
    for _ in range(times):
        for begin in range(0, len(requests), together):
            wire.results(wire.pipeline(*requests[begin : begin + together]))


@pytest.mark.parametrize("together", [1, 16])
@pytest.mark.parametrize("load", LOADS)
def test_requests_take_no_memory(counted, load, together):
    wire = counted.connect()
    send(wire, LOADS[load], together, 8)
    before = counted.allocations()
    send(wire, LOADS[load], together, REQUESTS // 16)
    assert counted.allocations() - before <= REQUESTS / REQUESTS_AN_ALLOCATION


def test_what_takes_memory_is_counted(counted):
    wire = counted.connect()
    before = counted.allocations()
    send(wire, [("info", "lru")] * 16, 1, 1)
    assert counted.allocations() - before >= 16
