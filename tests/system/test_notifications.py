"""Notifications from clients, responses from clients, and the silence of the daemon."""

import pytest

from wire import encode


def test_a_notification_is_executed_without_a_reply(wire, open_cache):
    cache = open_cache()
    wire.notify("put", cache, "k", "value")
    wire.notify("increment", cache, "n", 5)
    assert wire.call("get", cache, "k") == ["value"]
    assert wire.call("get", cache, "n") == [5]
    assert wire.is_silent(0.2)


NOTIFIED = [
    ("open", "{new}", {"tier": "lru"}),
    ("put", "{cache}", "a", 1),
    ("put", "{cache}", "a", 1, {"ttl_ms": 60_000, "if": "present"}),
    ("get", "{cache}", "a"),
    ("get", "{cache}", "absent", {"meta": True}),
    ("get_many", "{cache}", ["a", "b"]),
    ("put_many", "{cache}", [["a", 1], ["b", 2]]),
    ("touch", "{cache}", "a"),
    ("increment", "{cache}", "n", 1),
    ("keys", "{cache}"),
    ("delete", "{cache}", "a"),
    ("delete_many", "{cache}", ["b", "c"]),
    ("clear", "{cache}"),
    ("info",),
    ("info", "{cache}"),
    ("sync",),
    ("release", "{cache}", "a", 1),
    ("unsubscribe", "{cache}"),
    ("ping",),
    ("hello", {"name": "a client", "version": "1"}),
    ("drop", "{new}"),
]


def test_no_method_answers_a_notification(wire, open_cache, new_name):
    cache, new = open_cache(), new_name()
    durable = open_cache("durable")
    for method, *params in NOTIFIED:
        for name in (cache, durable):
            wire.notify(method, *[p.format(cache=name, new=new) if isinstance(p, str) else p for p in params])
    before = len(wire.reply_order)
    assert wire.call("ping") == "pong"
    assert wire.is_silent(0.5)
    assert len(wire.reply_order) == before + 1
    assert wire.notifications == []


FAILING = [
    ("no_such_method",),
    ("get",),
    ("get", "no such cache", "k"),
    ("get", 5, {}, []),
    ("put", "{cache}", "", 1),
    ("put", "{cache}", "k", 1, {"no_such_option": 1}),
    ("increment", "{cache}", "k", "not a number"),
    ("open", "{cache}", {"tier": "ttl"}),
    ("sync", "{cache}"),
]


@pytest.mark.parametrize("message", FAILING, ids=str)
def test_a_notification_that_fails_is_ignored(wire, open_cache, message):
    cache = open_cache()
    method, *params = message
    wire.notify(method, *[p.format(cache=cache) if isinstance(p, str) else p for p in params])
    assert wire.call("ping") == "pong"
    assert wire.is_silent(0.05)


@pytest.mark.parametrize("message", [[2, 5, []], [2, "get", 5], [2, None, None], [2, "ping", {}]], ids=str)
def test_a_notification_of_wrong_types_is_ignored(wire, message):
    wire.send(encode(message))
    assert wire.call("ping") == "pong"
    assert wire.is_silent(0.05)


def test_a_lease_by_notification_grants_nothing(connect, open_cache):
    notifier, other, cache = connect(), connect(), open_cache()
    notifier.notify("lease", cache, "k", {"lease_ms": 600_000})
    notifier.call("ping")
    assert isinstance(other.call("lease", cache, "k", {"wait_ms": 0}), int)
    assert notifier.is_silent(0.1)


def test_a_lease_by_notification_does_not_wait_in_line(connect, open_cache):
    holder, notifier, other, cache = connect(), connect(), connect(), open_cache()
    token = holder.call("lease", cache, "k")
    notifier.notify("lease", cache, "k")
    notifier.call("ping")
    waiting = other.request("lease", cache, "k")
    other.call("ping")
    assert holder.call("release", cache, "k", token) is True
    assert isinstance(other.result(waiting), int)


def test_a_subscription_by_notification_sends_invalidations(wire, open_cache):
    cache = open_cache()
    wire.notify("subscribe", cache)
    wire.call("put", cache, "k", 1)
    assert wire.invalidation().keys == ["k"]


RESPONSES = [[1, 5, None, None], [1, 1, "error: text", None], [1, 2**40, None, {"a": [1]}], [1, -1, [], []]]


@pytest.mark.parametrize("message", RESPONSES, ids=str)
def test_a_response_from_a_client_is_ignored(wire, message):
    wire.send(encode(message))
    assert wire.call("ping") == "pong"
    assert wire.is_silent(0.05)


def test_the_daemon_sends_nothing_that_was_not_asked_for(connect, open_cache):
    silent, busy, cache = connect(), connect(), open_cache(max_entries=2)
    for i in range(10):
        busy.call("put", cache, str(i), i, {"ttl_ms": 10})
    busy.call("clear", cache)
    assert silent.is_silent(0.5)
    assert silent.notifications == []


def test_a_reader_of_a_cache_gets_no_notifications_before_it_subscribes(connect, open_cache):
    reader, writer, cache = connect(), connect(), open_cache()
    reader.call("get", cache, "k")
    writer.call("put", cache, "k", 1)
    reader.call("ping")
    assert reader.notifications == []
    reader.call("subscribe", cache)
    writer.call("put", cache, "k", 2)
    assert reader.invalidation().keys == ["k"]
