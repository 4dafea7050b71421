"""cachelib and Flask-Caching over Pannier: what their base classes promise."""

import time
from concurrent.futures import ThreadPoolExecutor

import flask
import flask_caching
import pytest

import pannier
from pannier.contrib.cachelib import PannierCache


@pytest.fixture
def make(daemon, new_name):
    return lambda **options: PannierCache(daemon.socket_path, **{"cache": new_name(), **options})


@pytest.fixture(params=["msgpack", "pickle"])
def cache(make, request):
    return make(serializer=request.param, key_prefix="p:")


def test_values_are_set_got_and_deleted(cache):
    assert cache.get("k") is None and not cache.has("k")
    assert cache.set("k", {"a": [1, None]}) is True
    assert cache.get("k") == {"a": [1, None]} and cache.has("k")
    assert cache.delete("k") is True and cache.delete("k") is False


def test_add_writes_only_where_nothing_is(cache):
    assert cache.add("k", 1) is True and cache.add("k", 2) is False
    assert cache.get("k") == 1


def test_many_keys_at_once(cache):
    assert cache.set_many({"a": 1, "b": 2}) == ["a", "b"]
    assert cache.get_many("a", "gone", "b") == [1, None, 2]
    assert cache.get_dict("a", "gone") == {"a": 1, "gone": None}
    assert cache.delete_many("a", "gone", "b") == ["a", "b"]


def test_inc_and_dec_begin_at_nothing_and_lose_nothing(cache):
    assert cache.inc("n") == 1 and cache.inc("n", 4) == 5 and cache.dec("n", 2) == 3
    assert cache.dec("m") == -1
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: cache.inc("n"), range(100)))
    assert cache.get("n") == 103


def test_a_timeout_is_seconds_zero_is_forever_and_less_is_at_once(make, daemon, new_name):
    name = new_name()
    cache = make(default_timeout=50, cache=name)
    cache.set("default", 1)
    cache.set("forever", 1, timeout=0)
    cache.set("past", 1, timeout=-1)
    cache.add("short", 1, timeout=0.05)
    cache.set_many({"many": 1}, timeout=9)
    stored = pannier.connect(daemon.socket_path).cache(name)
    assert 40 < stored.get_entry("default").ttl <= 50 and 5 < stored.get_entry("many").ttl <= 9
    assert stored.get_entry("forever").ttl is None
    time.sleep(0.06)
    assert not cache.has("past") and not cache.has("short")
    make(default_timeout=0, cache=name).set("site", 1)
    assert stored.get_entry("site").ttl is None


def test_without_a_path_the_daemon_of_the_process_is_used(process_daemon, client, new_name):
    name = new_name()
    PannierCache(cache=name, max_entries=10).set("k", 1)
    assert client.cache(name).get("k") == 1 and client.cache(name).info().maxsize == 10


def test_a_cache_that_was_dropped_is_opened_again(make, client, new_name):
    name = new_name()
    cache = make(cache=name)
    cache.set("k", 1)
    client.drop(name)
    assert cache.get("k") is None and cache.set("k", 2) and cache.get("k") == 2


def test_clear_removes_what_has_the_prefix(make, new_name):
    name = new_name()
    mine, other = make(cache=name, key_prefix="mine:"), make(cache=name, key_prefix="other:")
    mine.set("k", 1)
    other.set("k", 2)
    assert mine.clear() is True
    assert mine.get("k") is None and other.get("k") == 2


@pytest.fixture
def app(daemon, new_name):
    app = flask.Flask(__name__)
    app.config.update(
        CACHE_TYPE="pannier.contrib.cachelib.flask_cache",
        CACHE_OPTIONS={"path": daemon.socket_path, "cache": new_name(), "serializer": "pickle"},
    )
    return app


def test_flask_caches_views_fragments_and_functions(app):
    cache = flask_caching.Cache(app)
    calls = []

    @app.route("/view")
    @cache.cached(timeout=50)
    def view():
        calls.append("view")
        return "body"

    @cache.memoize(50)
    def function(n):
        calls.append(n)
        return n * 2

    browser = app.test_client()
    assert [browser.get("/view").text for _ in range(2)] == ["body", "body"]
    with app.app_context():
        assert [function(1), function(1), function(2)] == [2, 2, 4]
        cache.delete_memoized(function, 1)
        assert function(1) == 2 and calls == ["view", 1, 2, 1]
        fragment = "{% cache 50, 'name' %}{{ value() }}{% endcache %}"
        values = iter("ab")
        render = lambda: flask.render_template_string(fragment, value=lambda: next(values))  # noqa: E731
        assert [render(), render()] == ["a", "a"]
        cache.set_many({"a": 1, "b": 2})
        assert cache.get_many("a", "b") == [1, 2] and cache.delete_many("a", "b")
        assert cache.clear() and cache.get("a") is None


def test_flasks_prefix_and_timeout_are_used(app, daemon):
    app.config.update(CACHE_KEY_PREFIX="site:", CACHE_DEFAULT_TIMEOUT=20)
    cache = flask_caching.Cache(app)
    with app.app_context():
        cache.set("k", 1)
    stored = pannier.connect(daemon.socket_path).cache(app.config["CACHE_OPTIONS"]["cache"])
    assert 10 < stored.get_entry("site:k").ttl <= 20
