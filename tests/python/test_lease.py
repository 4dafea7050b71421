"""Leases of one cache: who computes, who waits, and how a lease ends."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import pannier


def test_one_gets_the_lease_and_the_others_its_value(cache):
    granted = cache.lease("k")
    assert granted.lease.token > 0 and not granted.found and granted.value is None
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(cache.lease, "k") for _ in range(3)]
        time.sleep(0.05)
        assert granted.lease.put({"a": 1}, ttl=60) is not None
        for other in others:
            assert other.result() == pannier.LeaseResult({"a": 1}, True, False, None)
    assert 50 < cache.get_entry("k").ttl <= 60


def test_a_wait_is_over_in_time(cache):
    with cache.lease("k").lease:
        start = time.monotonic()
        assert cache.lease("k", wait=0) == cache.lease("k", wait=0.1) == pannier.LeaseResult(None, False, False, None)
        assert 0.09 < time.monotonic() - start < 5


@pytest.mark.parametrize("end", ["release", "close", "with", "exception", "forgotten"])
def test_a_lease_that_ends_without_a_value_goes_to_the_next(cache, end):
    held = cache.lease("k", duration=60).lease
    if end in ("release", "close"):
        getattr(held, end)()
    elif end == "with":
        with held:
            pass
    elif end == "exception":
        with pytest.raises(LookupError), held:
            raise LookupError
    held = None if end == "forgotten" else held
    gc.collect()
    start = time.monotonic()
    assert cache.lease("k", wait=60).lease is not None
    assert time.monotonic() - start < 20


def test_what_has_ended_cannot_be_put(cache):
    held = cache.lease("k").lease
    held.close()
    held.close()
    for method in (lambda: held.put(1), held.release):
        with pytest.raises(pannier.InvalidArgument):
            method()
    put = cache.lease("k").lease
    assert put.put(1) is not None
    with pytest.raises(pannier.InvalidArgument):
        put.put(2)
    assert cache.get("k") == 1


def test_a_lease_that_is_over_writes_nothing(cache):
    held = cache.lease("k", duration=0.05).lease
    time.sleep(0.1)
    assert held.put("late") is None and held.release() is False
    invalidated = cache.lease("other").lease
    cache.put("other", "newer")
    assert invalidated.put("older") is None and cache.get("other") == "newer"


def test_a_stale_value_comes_with_a_token_for_one_and_without_for_the_others(cache):
    cache.put("k", "old", ttl=0, stale=60)
    first, second = cache.lease("k"), cache.lease("k")
    assert first[:3] == second[:3] == ("old", True, True) and second.lease is None
    assert first.lease.put("new", stale=5) is not None
    assert cache.lease("k")[:3] == ("new", True, False)
