"""dogpile.cache over Pannier: regions, with and without a lock for the host."""

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

import pannier
import pannier.contrib.dogpile


@pytest.fixture
def region(daemon, new_name):
    """region(arguments..., of=options of make_region): a region with a cache of its own, or the one that is named."""

    def configure(expiration_time=None, of={}, **arguments):
        arguments = {"path": daemon.socket_path, "cache": new_name(), **arguments}
        return make_region(**of).configure("pannier", expiration_time=expiration_time, arguments=arguments)

    return configure


@pytest.mark.parametrize("serializer", ["msgpack", "pickle"])
def test_values_are_set_got_and_deleted(region, serializer):
    cache = region(serializer=serializer)
    assert cache.get("k") is NO_VALUE
    for value in ("v", {"a": [1]}, None, 0, [1, 2]):
        cache.set("k", value)
        assert cache.get("k") == value
    cache.delete("k")
    cache.delete("k")
    assert cache.get("k") is NO_VALUE


def test_many_keys_at_once(region):
    cache = region()
    cache.set_multi({"a": 1, "b": [2]})
    assert cache.get_multi(["a", "gone", "b"]) == [1, NO_VALUE, [2]]
    cache.delete_multi(["a", "gone"])
    assert cache.get_multi(["a", "b"]) == [NO_VALUE, [2]]
    assert cache.get_or_create_multi(["b", "c", "d"], lambda *keys: [key.upper() for key in keys]) == [[2], "C", "D"]


def test_a_serializer_of_the_region_makes_the_bytes(region, daemon, new_name):
    name = new_name()
    cache = region(cache=name, of={"serializer": pickle.dumps, "deserializer": pickle.loads})
    cache.set("k", time.gmtime)
    cache.set_multi({"m": {1, 2}})
    assert cache.get("k") is time.gmtime and cache.get_multi(["m"]) == [{1, 2}]
    assert type(pannier.connect(daemon.socket_path).cache(name).get("k")) is bytes


def test_a_value_expires_for_the_region_and_for_the_daemon(region, daemon, new_name):
    name = new_name()
    cache = region(expiration_time=0.05, ttl=60, cache=name)
    cache.set("k", 1)
    assert 50 < pannier.connect(daemon.socket_path).cache(name).get_entry("k").ttl <= 60
    time.sleep(0.1)
    assert cache.get("k") is NO_VALUE and cache.get("k", ignore_expiration=True) == 1


def test_regions_that_are_alike_share_their_values_and_one_creator(region, new_name):
    name, calls = new_name(), []
    regions = [region(cache=name, distributed_lock=True) for _ in range(4)]
    barrier = threading.Barrier(4)

    def create():
        calls.append(1)
        time.sleep(0.05)
        return len(calls)

    def ask(cache):
        barrier.wait()
        return cache.get_or_create("k", create)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, regions)) == {1}
    assert calls == [1]


def test_a_creator_that_fails_lets_the_next_one_create(region):
    cache = region(distributed_lock=True)
    with pytest.raises(LookupError):
        cache.get_or_create("k", lambda: {}["gone"])
    assert cache.get_or_create("k", lambda: 1) == 1


def test_a_value_that_has_expired_is_created_anew_by_one_while_others_get_it(region):
    cache = region(expiration_time=0.05, distributed_lock=True)
    cache.set("k", "old")
    time.sleep(0.1)
    creating, go_on = threading.Event(), threading.Event()

    def create():
        creating.set()
        assert go_on.wait(20)
        return "new"

    with ThreadPoolExecutor(1) as pool:
        created = pool.submit(cache.get_or_create, "k", create)
        assert creating.wait(20)
        assert cache.get_or_create("k", lambda: pytest.fail("somebody creates it")) == "old"
        go_on.set()
        assert created.result() == "new"
    assert cache.get("k", ignore_expiration=True) == "new"


def test_the_lock_is_one_for_the_host_and_ends_with_its_time(region, new_name):
    name = new_name()
    first, second = (region(cache=name, distributed_lock=True, lock_timeout=1) for _ in range(2))
    mutex, other = first.backend.get_mutex("k"), second.backend.get_mutex("k")
    assert mutex.acquire() and mutex.locked() and other.locked()
    assert not other.acquire(wait=False)
    assert region(cache=name, distributed_lock=True).backend.get_mutex("other").acquire(wait=False)
    start = time.monotonic()
    assert other.acquire() and time.monotonic() - start < 5
    mutex.release()
    assert mutex.locked()
    other.release()
    assert not mutex.locked() and mutex.acquire(wait=False)
    mutex.release()
