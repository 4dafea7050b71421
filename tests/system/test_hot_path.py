"""Gets without options, and puts with none but ttl_ms and sync, are executed many at a time, by code of their own:
everything that they answer and do is what the same requests in another form would answer and do."""

import random
import threading

import pytest

from forms import hot, with_options, written_otherwise
from wire import check_error, encode

SEED = 20
NESTED = [7]
for _ in range(7):
    NESTED.append([NESTED[-1]])


FORMS = [hot, written_otherwise, with_options]


def send_all(wire, requests, generator, together_max):
    """Sends the requests in pieces that end anywhere; the results in the order of the requests."""
    stream = memoryview(b"".join(request(msgid) for msgid, request in enumerate(requests)))
    pieces = []
    while stream:
        size = generator.randint(1, together_max)
        pieces.append(stream[:size])
        stream = stream[size:]
    # The daemon stops reading while its replies are not read.
    sender = threading.Thread(target=lambda: [wire.send(piece) for piece in pieces])
    sender.start()
    results = [wire.result(msgid) for msgid in range(len(requests))]
    sender.join()
    return results


def random_value(generator):
    kind = generator.randrange(8)
    if kind == 0:
        return generator.choice([None, True, 17, -5, 2**63, 0.5])
    if kind == 1:
        return generator.choice([[], {}, [1, {"a": "b"}], {"name": "Ada", "tags": ["x", "y"], "at": 0.5}, list(range(5_000)), NESTED[6], NESTED[7]])
    if kind == 2:
        return generator.randbytes(generator.choice([32_768, 40_000, 300_000]))
    if kind == 3:  # several of them go to the kernel in one call
        return generator.randbytes(generator.choice([8_187, 8_192, 16_384, 30_000]))
    return generator.randbytes(generator.randrange(300))


@pytest.mark.parametrize("tier", ["lru", "durable"])
@pytest.mark.parametrize("together_max", [40, 3_000, 400_000])
def test_any_form_answers_the_same(wire, open_cache, tier, together_max):
    generator = random.Random(SEED + together_max)
    cache = open_cache(tier)
    keys = ["k", b"\x00\xff", "key" * 20, b"long" * 100]
    model = {}
    requests, expected = [], []
    for _ in range(600 if together_max > 40 else 120):
        form = generator.choice(FORMS)
        key = generator.choice(keys)
        if generator.random() < 0.3:
            model[encode(key)] = value = random_value(generator)
            requests.append(form("put", cache, key, value))
            expected.append("a version")
        else:
            requests.append(form("get", cache, key))
            expected.append([model[encode(key)]] if encode(key) in model else None)
    last_version = 0
    for result, wanted in zip(send_all(wire, requests, generator, together_max), expected):
        if wanted == "a version":
            assert result > last_version
            last_version = result
        else:
            assert result == wanted
    gets = sum(wanted != "a version" for wanted in expected)
    info = wire.call("info", cache)
    assert info["hits"] + info["misses"] == gets
    assert info["puts"] == len(expected) - gets


PUT_OPTIONS = [{}, {"ttl_ms": 0}, {"ttl_ms": 60_000}, {"ttl_ms": 2**53}, {"sync": False}, {"ttl_ms": 60_000, "sync": False}]
SYNCED = [{"sync": True}, {"ttl_ms": 60_000, "sync": True}, {"sync": True, "ttl_ms": 0}]


@pytest.mark.parametrize("tier", ["lru", "durable"])
@pytest.mark.parametrize("together_max", [40, 100_000])
def test_options_of_puts_mean_the_same_in_any_form(wire, open_cache, tier, together_max):
    generator = random.Random(SEED + together_max)
    cache = open_cache(tier)
    keys = [f"k{i}" for i in range(8)]
    model, ttls = {}, {}
    requests, expected = [], []
    for _ in range(400 if together_max > 40 else 100):
        form = generator.choice([hot, written_otherwise])
        key = generator.choice(keys)
        if generator.random() < 0.5:
            requests.append(form("get", cache, key))
            expected.append([model[key]] if key in model else None)
            continue
        options = generator.choice(PUT_OPTIONS + (SYNCED if tier == "durable" else []))
        value = random_value(generator)
        requests.append(form("put", cache, key, value, options))
        expected.append("a version")
        ttls[key] = options.get("ttl_ms")
        model.pop(key, None)
        if ttls[key] != 0:
            model[key] = value
    versions = []
    for result, wanted in zip(send_all(wire, requests, generator, together_max), expected):
        if wanted == "a version":
            versions.append(result)
        else:
            assert result == wanted
    assert versions == sorted(set(versions))
    for key, value in model.items():
        got, _, ttl_ms = wire.call("get", cache, key, {"meta": True})
        assert got == value
        wanted = ttls[key]
        assert ttl_ms is None if wanted is None else wanted - 60_000 < ttl_ms <= wanted
    info = wire.call("info", cache)
    assert info["puts"] == len(versions)
    if tier == "durable":
        wire.call("sync")


@pytest.mark.parametrize("options", [{"ttl_ms": -1}, {"ttl_ms": 2**53 + 1}, {"ttl_ms": "5"}, {"sync": 1}, {"sink": True}, {"sync": True}])
def test_options_that_are_wrong_are_refused_in_the_same_words(wire, open_cache, options):
    cache = open_cache("lru")
    errors = []
    for form in (hot, written_otherwise):
        wire.send(form("put", cache, "k", 1, options)(7))
        wire.receive()
        errors.append(wire.replies.pop(7).error)
    assert errors[0] == errors[1] and errors[0] is not None
    assert wire.call("get", cache, "k") is None, "and nothing was written"


def test_order_of_use_is_kept(start_daemon):
    daemon = start_daemon()
    wire = daemon.connect()
    for form in FORMS:
        wire.call("open", "few", {"tier": "lru", "max_entries": 2})
        requests = [form("put", "few", "a", 1), form("put", "few", "b", 2), form("get", "few", "a"), form("put", "few", "c", 3)]
        requests += [form("get", "few", key) for key in "abc"]
        results = send_all(wire, requests, random.Random(SEED), 1_000)
        assert results[4:] == [[1], None, [3]], form.__name__
        wire.call("drop", "few")


def test_errors_are_those_of_the_handlers(wire, open_cache):
    cache = open_cache("lru", max_bytes=1_000)
    for params in [("get", "nowhere", "k"), ("put", "nowhere", "k", 1), ("put", cache, "k", bytes(2_000)), ("get", cache, b"k" * 65_536)]:
        errors = []
        for form in (hot, written_otherwise):
            wire.send(form(*params)(7))
            wire.receive()
            errors.append(wire.replies.pop(7).error)
        assert errors[0] is not None
        assert errors[0] == errors[1]


def test_limits_hold(start_daemon):
    daemon = start_daemon("--max-key", "8", "--max-value", "1K")
    wire = daemon.connect()
    for params, code in [(("get", "lru", "k" * 9), "too_large"), (("put", "lru", "k" * 9, 1), "too_large"), (("put", "lru", "k", bytes(1_022)), "too_large")]:
        wire.send(hot(*params)(7))
        wire.receive()
        assert wire.replies.pop(7).error.startswith(code + ": ")


def test_nesting_is_limited_the_same(start_daemon):
    wire = start_daemon("--max-depth", "8").connect()
    wire.send(hot("put", "lru", "k", NESTED[6])(1) + hot("get", "lru", "k")(2))
    assert wire.result(1) > 0 and wire.result(2) == [NESTED[6]]
    wire.send(hot("put", "lru", "k", NESTED[7])(3))
    messages = wire.read_to_end()
    assert len(messages) == 1 and "8 levels" in check_error(messages[0], "bad_request")


def test_invalidations_come_before_the_reply_of_the_write(wire, open_cache):
    cache = open_cache()
    wire.call("subscribe", cache)
    ids = wire.pipeline(*[("put", cache, f"k{i}", i) if i % 2 else ("get", cache, f"k{i - 1}") for i in range(40)])
    told = []
    while ids[-1] not in wire.replies:
        wire.receive()
        told = [key for invalidation in wire.notifications for key in invalidation.keys]
        assert all(f"k{i}" in told for i in range(1, 40, 2) if ids[i] in wire.replies)
    assert told == [f"k{i}" for i in range(1, 40, 2)]


def test_leases_end_with_a_put(connect, open_cache):
    cache = open_cache()
    holder, waiter, writer = connect(), connect(), connect()
    token = holder.call("lease", cache, "k", {"lease_ms": 60_000, "wait_ms": 60_000})
    assert isinstance(token, int)
    waiting = waiter.request("lease", cache, "k", {"lease_ms": 60_000, "wait_ms": 60_000})
    assert waiter.call("ping") is not None
    writer.send(hot("put", cache, "k", "by another")(1))
    assert writer.result(1) > 0
    assert waiter.result(waiting) == ["by another"]


def test_clients_that_do_not_read_large_values(start_daemon):
    """Large values go to the kernel at once; what it does not take is bounded, and nothing of it is lost or mixed."""
    daemon = start_daemon("--memory-limit", "128MiB")
    wire = daemon.connect()
    values = {f"v{i}": bytes([i]) * (300_000 + i) for i in range(8)}
    for key, value in values.items():
        wire.call("put", "lru", key, value)
    slow = [daemon.connect() for _ in range(8)]
    order = [f"v{i % 8}" for i in range(64)]
    for each in slow:
        each.send(b"".join(hot("get", "lru", key)(msgid) for msgid, key in enumerate(order)))
    assert wire.call("info")["server"]["buffer_bytes"] < 8 * 1_500_000
    for each in slow:
        for msgid, key in enumerate(order):
            assert each.result(msgid) == [values[key]]
        assert each.reply_order == list(range(len(order)))


def test_buffers_are_given_back_when_all_is_read(start_daemon):
    daemon = start_daemon()
    control = daemon.connect()
    control.call("put", "lru", "small", bytes(12_000))
    control.call("put", "lru", "large", bytes(17_000))
    readers = [daemon.connect() for _ in range(20)]
    for reader in readers:
        reader.send(b"".join(hot("get", "lru", "small")(msgid) for msgid in range(12)) + hot("get", "lru", "large")(12))
        assert reader.result(12) == [bytes(17_000)]
    assert control.call("info")["server"]["buffer_bytes"] < 20 * 20_000


def test_a_long_request_may_be_written_before_a_large_reply_is_read(start_daemon):
    """The contract allows to be max_unsent behind, however large the values are."""
    daemon = start_daemon()
    wire = daemon.connect()
    value = bytes(300_000)
    wire.call("put", "lru", "large", value)
    wire.send(hot("get", "lru", "large")(101) + hot("put", "lru", "other", bytes(5_000_000))(102))
    assert wire.result(101) == [value]
    assert wire.result(102) > 0
