"""Cache and Client: each method over the real daemon."""

import math
import time
from datetime import timedelta

import pytest

import pannier


def test_a_value_that_was_put_is_got(cache):
    version = cache.put("k", {"x": [1, 2.5, None, b"\x00", "é"]})
    assert version > 0
    assert cache.get("k") == {"x": [1, 2.5, None, b"\x00", "é"]}
    assert cache["k"] == cache.get("k")
    assert "k" in cache


def test_a_miss_is_the_default(cache):
    assert cache.get("k") is None
    assert cache.get("k", 7) == 7
    assert cache.get_raw("k") is None
    assert cache.get_entry("k") is None
    assert "k" not in cache
    with pytest.raises(KeyError, match="k"):
        cache["k"]
    with pytest.raises(KeyError, match="k"):
        del cache["k"]


def test_a_stored_none_is_no_miss(cache):
    cache.put("k", None)
    assert cache.get("k", "default") is None
    assert "k" in cache


def test_str_and_bytes_are_the_same_key(cache):
    cache.put("é", 1)
    assert cache.get("é".encode()) == 1
    cache[b"\xff"] = 2
    assert set(cache.keys()) == {"é", b"\xff"}


def test_an_entry_tells_version_and_time_left(cache):
    version = cache.put("k", 1, ttl=timedelta(minutes=1))
    entry = cache.get_entry("k")
    assert (entry.value, entry.version) == (1, version)
    assert 59 < entry.ttl <= 60
    cache.put("k", 1)
    assert cache.get_entry("k").ttl is None


def test_an_entry_is_gone_at_its_deadline(cache):
    cache.put("k", 1, ttl=1)
    assert cache.get("k") == 1
    time.sleep(1.01)
    assert cache.get("k") is None


def test_never_is_no_deadline_and_none_is_that_of_the_cache(new_cache):
    cache = new_cache(max_age=60)
    cache.put("aged", 1)
    cache.put("ageless", 1, ttl=pannier.NEVER)
    assert cache.get_entry("aged").ttl > 59
    assert cache.get_entry("ageless").ttl is None


def test_a_condition_that_does_not_hold_writes_nothing(cache):
    assert cache.put("k", 1, if_present=True) is None
    version = cache.put("k", 1, if_absent=True)
    assert cache.put("k", 2, if_absent=True) is None
    assert cache.put("k", 2, if_version=version + 1) is None
    assert cache.put("k", 2, if_version=version) > version
    assert cache.get("k") == 2


def test_keep_ttl_keeps_the_deadline(cache):
    cache.put("k", 1, ttl=60)
    cache.put("k", 2, keep_ttl=True)
    assert cache.get_entry("k").ttl > 59


def test_delete_tells_whether_it_was_there(cache):
    version = cache.put("k", 1)
    assert cache.delete("k", if_version=version + 1) is False
    assert cache.delete("k", if_version=version) is True
    assert cache.delete("k") is False


def test_touch_sets_the_deadline(cache):
    assert cache.touch("k", 60) is False
    cache.put("k", 1)
    assert cache.touch("k", 60) is True
    assert cache.get_entry("k").ttl > 59


def test_increment_adds_in_one_step(cache):
    assert cache.increment("k") == 1
    assert cache.increment("k", -3) == -2
    assert cache.increment("n", 5, initial=100, ttl=60) == 105
    assert cache.get("n") == 105
    cache.put("text", "t")
    with pytest.raises(pannier.NotANumber):
        cache.increment("text")
    with pytest.raises(pannier.InvalidArgument, match="delta is an integer of 64 bits"):
        cache.increment("k", 2**63)
    with pytest.raises(TypeError, match="delta is an int, not float"):
        cache.increment("k", 1.5)


def test_many_entries_go_in_one_request(cache):
    versions = cache.put_many({"a": 1, "b": None, b"c": [3]}, ttl=60)
    assert sorted(versions.values()) == list(versions.values())
    before = cache.client.info().server.requests
    assert cache.get_many(["a", "b", b"c", "d"]) == {"a": 1, "b": None, b"c": [3]}
    assert cache.client.info().server.requests == before + 2
    assert cache.delete_many(iter(["a", "d"])) == 1


def test_many_entries_are_taken_as_dict_takes_them(cache):
    assert list(cache.put_many([("a", 1), ("b", 2), ["a", 3]])) == ["a", "b"]
    cache.put_many((name, name.upper()) for name in "cd")
    assert cache.get_many("abcd") == {"a": 3, "b": 2, "c": "C", "d": "D"}
    assert cache.put_many([]) == {}
    for wrong in (["a", "b"], ["abc"], 7, None):
        with pytest.raises(TypeError, match="entries is a mapping, or an iterable of pairs"):
            cache.put_many(wrong)


def test_keys_walks_through_all_pages(cache):
    names = {f"k{number}" for number in range(2500)}
    cache.put_many(dict.fromkeys(names, 0))
    cache.put("other", 0)
    assert set(cache.keys("k")) == names
    assert set(cache.keys()) == names | {"other"}
    assert cache.clear("k") == 2500
    assert list(cache.keys()) == ["other"]


def test_a_loop_over_a_cache_goes_over_its_keys(cache):
    cache.put_many({"a": 1, b"\xff": 2})
    assert set(cache) == {"a", b"\xff"}
    assert dict(cache) == {"a": 1, b"\xff": 2}


def test_info_begins_like_cache_info_of_functools(new_cache):
    cache = new_cache(max_entries=10)
    cache.put("k", 1)
    cache.get("k")
    cache.get("nope")
    info = cache.info()
    assert (info.hits, info.misses, info.maxsize, info.currsize) == (1, 1, 10, 1)
    assert cache.client.info().caches[cache.name].puts == 1


def test_a_durable_cache_is_on_disk_after_sync(own_daemon):
    with pannier.connect(own_daemon.socket_path) as client:
        cache = client.cache("box", "durable")
        cache.put("a", 1)
        assert cache.sync().entries >= 1
        cache.put("b", 2, sync=True)
        own_daemon.kill9()
        own_daemon.start()
        assert cache.get_many(["a", "b"]) == {"a": 1, "b": 2}
        with pytest.raises(pannier.Unsupported):
            client.cache("lru").sync()


def test_a_cache_is_opened_with_its_tier_only(client, new_name):
    name = new_name()
    with pytest.raises(pannier.UnknownCache):
        client.cache(name).get("k")
    with pytest.raises(TypeError, match="tier"):
        client.cache(name, max_entries=5)
    client.cache(name, "lru", max_entries=5)
    client.cache(name, "lru", max_entries=5)
    with pytest.raises(pannier.Conflict, match="max_entries"):
        client.cache(name, "lru", max_entries=6)
    client.cache(name, "lru", max_entries=6, alter=True)
    assert client.cache(name).info().maxsize == 6
    assert client.drop(name) is True
    assert client.drop(name) is False


@pytest.mark.parametrize("ttl", [-1, math.nan, -math.inf, 1e300, 10**400, timedelta(seconds=-1)])
def test_a_time_that_cannot_be_is_refused_before_it_is_sent(cache, ttl):
    with pytest.raises(pannier.InvalidArgument, match="ttl"):
        cache.put("k", 1, ttl=ttl)


def test_a_wrong_type_is_named(cache):
    with pytest.raises(TypeError, match="key is str or bytes, not int"):
        cache.get(5)
    with pytest.raises(TypeError, match="ttl is a number of seconds or a timedelta, not str"):
        cache.put("k", 1, ttl="5")
    with pytest.raises(pannier.InvalidArgument, match="exactly one MessagePack object"):
        cache.put_raw("k", b"\x01\x01")


def test_fractions_of_a_millisecond_count_as_a_whole_one(cache):
    cache.put("k", 1, ttl=0.29)
    entry = cache.get_entry("k")
    assert entry is None or entry.ttl <= 0.29
    cache.put("k", 1, ttl=0.0001)
    entry = cache.get_entry("k")
    assert entry is None or entry.ttl == 0.001
