"""Django's cache framework over Pannier: what each method of BaseCache promises, for both serializers."""

import asyncio
import os
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import django.conf
import django.core.cache
import pytest
from django.core.cache.backends.base import CacheKeyWarning, InvalidCacheBackendError

import pannier

BACKEND = "pannier.contrib.django.PannierCache"


@pytest.fixture(scope="module")
def caches(daemon):
    def site(**more):
        return {"BACKEND": BACKEND, "LOCATION": daemon.socket_path, **more}

    sites = {
        "default": site(OPTIONS={"cache": "d1"}),
        "pickle": site(OPTIONS={"cache": "d2", "serializer": "pickle"}),
        "version_2": site(VERSION=2, OPTIONS={"cache": "d1"}),
        "prefixed": site(KEY_PREFIX="shop", OPTIONS={"cache": "d1"}),
        "own_keys": site(KEY_FUNCTION=own_keys, OPTIONS={"cache": "d1"}),
        "short": site(TIMEOUT=20, OPTIONS={"cache": "d3"}),
        "forever": site(TIMEOUT=None, OPTIONS={"cache": "d4"}),
        "small": site(OPTIONS={"cache": "d5", "MAX_ENTRIES": 2}),
    }
    django.conf.settings.configure(CACHES=sites)
    return django.core.cache.caches


@pytest.fixture
def ttl(daemon):
    """ttl(key): how long the value under this key of the first site still counts."""
    return lambda key: pannier.connect(daemon.socket_path).cache("d1").get_entry(f":1:{key}").ttl


def own_keys(key, key_prefix, version):
    return f"own-{key}-{version}"


@pytest.fixture(params=["default", "pickle"])
def cache(caches, request):
    caches[request.param].clear()
    return caches[request.param]


def test_get_answers_the_default_on_a_miss_and_tells_none_from_a_miss(cache):
    assert cache.get("k") is None and cache.get("k", "default") == "default"
    cache.set("k", None)
    assert cache.get("k", "default") is None and "k" in cache


@pytest.mark.parametrize(
    "value",
    ["text ñ", b"\xff\x00", 5, -1.5, True, [1, [2]], {"a": {"b": None}}, "", 2**63 - 1],
)
def test_values_come_back_as_they_were(cache, value):
    cache.set("k", value)
    got = cache.get("k")
    assert got == value and type(got) is type(value)


def test_pickle_takes_what_the_default_refuses(caches):
    caches["pickle"].set("f", os.path.join)
    assert caches["pickle"].get("f") is os.path.join
    with pytest.raises(TypeError):
        caches["default"].set("f", os.path.join)


def test_what_was_got_can_be_changed_without_changing_the_cache(cache):
    cache.set("k", {"list": [1]})
    cache.get("k")["list"].append(2)
    assert cache.get("k") == {"list": [1]}


def test_add_writes_only_where_nothing_is(cache):
    assert cache.add("k", 1) is True
    assert cache.add("k", 2) is False
    assert cache.get("k") == 1


def test_set_replaces_and_delete_tells_whether_there_was_something(cache):
    cache.set("k", 1)
    cache.set("k", 2)
    assert cache.get("k") == 2
    assert cache.delete("k") is True and cache.delete("k") is False
    assert cache.get("k") is None


def test_has_key_and_in_agree_with_get(cache):
    assert not cache.has_key("k") and "k" not in cache
    cache.set("k", 0)
    assert cache.has_key("k") and "k" in cache
    cache.set("gone", 1, timeout=0)
    assert not cache.has_key("gone")


def test_get_or_set_sets_once_and_takes_a_callable(cache):
    assert cache.get_or_set("k", 1) == 1
    assert cache.get_or_set("k", 2) == 1
    assert cache.get_or_set("c", lambda: "called") == "called"
    assert cache.get_or_set("n", None) is None
    assert cache.get_or_set("n", lambda: pytest.fail("it is there")) is None
    assert cache.get_or_set("v", 1, version=5) == 1 and cache.get("v") is None


def test_incr_and_decr_change_what_is_there_and_nothing_else(cache):
    cache.set("n", 41)
    assert cache.incr("n") == 42 and cache.get("n") == 42
    assert cache.incr("n", 10) == 52 and cache.decr("n") == 51 and cache.decr("n", -9) == 60
    for method in (cache.incr, cache.decr):
        with pytest.raises(ValueError):
            method("gone")
    cache.set("f", 1.5)
    assert cache.incr("f", 2) == 3.5


def test_incr_keeps_the_deadline(caches, ttl):
    caches["default"].set("n", 1, timeout=60)
    assert caches["default"].incr("n") == 2
    assert 50 < ttl("n") <= 60


def test_incr_by_several_threads_loses_nothing(cache):
    cache.set("n", 0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: cache.incr("n"), range(200)))
    assert cache.get("n") == 200


def test_many_keys_at_once(cache):
    assert cache.set_many({"a": 1, "b": None, "c": [3]}) == []
    assert cache.get_many(["a", "b", "c", "gone"]) == {"a": 1, "b": None, "c": [3]}
    assert cache.get_many(key for key in "ab") == {"a": 1, "b": None}
    cache.delete_many(["a", "gone", "b"])
    assert cache.get_many("abc") == {"c": [3]}
    assert cache.set_many({}) == [] and cache.get_many([]) == {}
    cache.delete_many([])
    cache.set_many({"s": 1}, timeout=0)
    assert cache.get("s") is None


def test_clear_removes_everything(cache):
    cache.set_many({"a": 1, "b": 2})
    cache.clear()
    assert cache.get_many(["a", "b"]) == {}


@pytest.mark.parametrize("write", ["set", "add", "set_many", "touch"])
def test_a_timeout_is_seconds_none_is_forever_and_zero_or_less_is_at_once(caches, ttl, write):
    cache = caches["default"]
    cache.clear()

    def written(key, timeout):
        if write == "set_many":
            cache.set_many({key: 1}, timeout)
        else:
            if write == "touch":
                cache.set(key, 1, 60)
            method = getattr(cache, write)
            method(key, timeout) if write == "touch" else method(key, 1, timeout)

    for key, timeout in [("short", 0.05), ("long", 60), ("forever", None), ("zero", 0), ("less", -1)]:
        written(key, timeout)
    time.sleep(0.06)
    assert cache.get_many(["short", "long", "forever", "zero", "less"]) == {"long": 1, "forever": 1}
    assert 50 < ttl("long") <= 60 and ttl("forever") is None


def test_touch_tells_whether_there_was_something(caches, ttl):
    cache = caches["default"]
    assert cache.touch("gone") is False
    cache.set("k", 1, timeout=50)
    assert cache.touch("k") is True and 250 < ttl("k") <= 300
    assert cache.touch("k", 0) is True
    assert cache.get("k") is None


def test_the_timeout_of_the_site_counts_unless_another_is_given(caches, daemon):
    caches["short"].set("site", 1)
    caches["short"].set("own", 1, timeout=60)
    caches["forever"].set("site", 1)
    caches["default"].set("site", 1)
    client = pannier.connect(daemon.socket_path)
    assert client.cache("d3").get_entry(":1:site").ttl <= 20 < 50 < client.cache("d3").get_entry(":1:own").ttl
    assert client.cache("d4").get_entry(":1:site").ttl is None
    assert 250 < client.cache("d1").get_entry(":1:site").ttl <= 300


def test_versions_keep_values_apart(caches):
    one, two = caches["default"], caches["version_2"]
    one.set("k", 1)
    two.set("k", 2)
    one.set("k", 3, version=3)
    assert [one.get("k"), two.get("k"), one.get("k", version=2), two.get("k", version=1)] == [1, 2, 2, 1]
    assert two.get("k", version=3) == 3
    assert two.get_many(["k"], version=1) == {"k": 1} and two.has_key("k", version=1)
    assert one.add("k", 4, version=2) is False and one.incr("k", version=2) == 3
    one.set_many({"k": 5}, version=6)
    assert one.touch("k", version=6) and not one.touch("k", version=7)
    assert two.delete("k", version=1) and one.get("k") is None
    two.delete_many(["k"], version=6)
    assert [one.get("k", version=version) for version in (2, 3, 6)] == [3, 3, None]


def test_incr_version_moves_a_value(cache):
    cache.set("k", "v")
    assert cache.incr_version("k") == 2
    assert cache.get("k") is None and cache.get("k", version=2) == "v"
    assert cache.decr_version("k", version=2) == 1
    assert cache.get("k") == "v"
    for method in (cache.incr_version, cache.decr_version):
        with pytest.raises(ValueError):
            method("gone")


def test_prefixes_and_key_functions_make_the_keys(caches, daemon):
    caches["prefixed"].set("k", "prefixed")
    caches["own_keys"].set("k", "own")
    assert caches["default"].get("k") not in ("prefixed", "own")
    keys = set(pannier.connect(daemon.socket_path).cache("d1").keys())
    assert {"shop:1:k", "own-k-1"} <= keys
    assert caches["prefixed"].get("k") == "prefixed" and caches["own_keys"].get("k") == "own"


def test_keys_that_other_back_ends_refuse_are_warned_of_and_work(cache):
    for key in ("with blank", "x" * 251):
        with pytest.warns(CacheKeyWarning):
            cache.set(key, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheKeyWarning)
            assert cache.get(key) == 1


def test_max_entries_lets_the_least_recently_used_one_go(caches):
    small = caches["small"]
    small.set("a", 1)
    small.set("b", 2)
    assert small.get("a") == 1
    small.set("c", 3)
    assert small.get_many("abc") == {"a": 1, "c": 3}


def test_threads_have_back_ends_of_their_own_and_one_cache(caches):
    caches["default"].set("k", "shared")
    got = []
    thread = threading.Thread(target=lambda: got.append((caches["default"], caches["default"].get("k"))))
    thread.start()
    thread.join()
    assert got[0][0] is not caches["default"] and got[0][1] == "shared"


def test_close_leaves_the_cache_usable(cache):
    cache.set("k", 1)
    cache.close()
    assert cache.get("k") == 1


def test_it_works_behind_djangos_async_wrapper(cache):
    from asgiref.sync import sync_to_async

    async def main():
        await sync_to_async(cache.set)("k", 1)
        return await sync_to_async(cache.get)("k")

    assert asyncio.run(main()) == 1


def test_another_backend_is_still_an_error():
    handler = django.core.cache.CacheHandler()
    with pytest.raises(InvalidCacheBackendError):
        handler["nowhere"]
