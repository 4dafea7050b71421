"""A subscriber that does not keep up: a gap in the sequence or nil for the keys, and never unbounded memory."""



def flood(wire, cache, count, size=60_000):
    """Changes `count` long keys, so that telling all of them needs `count` * `size` bytes."""
    for start in range(0, count, 50):
        wire.results(wire.pipeline(*[("put", cache, b"%08d" % i + b"k" * size, 1) for i in range(start, start + 50)]))


def knows_to_forget(invalidations, sequence):
    """Whether a careful subscriber would forget everything: it saw nil, or a gap."""
    for invalidation in invalidations:
        if invalidation.keys is None or invalidation.sequence != sequence + 1:
            return True
        sequence = invalidation.sequence
    return False


def test_a_subscriber_that_does_not_read_is_told_to_forget_and_costs_little_memory(
    daemon, connect, open_cache, sanitized
):
    subscriber, writer, cache = connect(), connect(), open_cache(max_entries=10)
    sequence = subscriber.call("subscribe", cache)["sequence"]
    before = daemon.resident_bytes()
    flood(writer, cache, 2000)  # 120 MB of keys, and as many evictions
    if not sanitized:
        assert daemon.resident_bytes() - before < 64 << 20
    assert writer.call("ping") == "pong"
    writer.call("put", cache, "last", 1)
    # It reads at last: whatever was lost shows, and later changes are told again.
    assert knows_to_forget(subscriber.invalidations_so_far(), sequence)
    writer.call("put", cache, "after", 1)
    assert any(each.keys is None or "after" in each.keys for each in subscriber.invalidations_so_far())


def test_after_a_loss_the_sequence_goes_on_without_gaps(connect, open_cache):
    subscriber, writer, cache = connect(), connect(), open_cache()
    subscriber.call("subscribe", cache)
    flood(writer, cache, 200)
    subscriber.invalidations_so_far()
    subscriber.call("ping")
    writer.call("put", cache, "a", 1)
    first = subscriber.invalidation()
    writer.call("put", cache, "b", 1)
    second = subscriber.invalidation()
    assert second.sequence == first.sequence + 1
    assert second.keys == ["b"]


def test_a_slow_subscriber_does_not_slow_the_others(connect, open_cache):
    slow, fast, writer, cache = connect(), connect(), connect(), open_cache()
    slow.call("subscribe", cache)
    sequence = fast.call("subscribe", cache)["sequence"]
    for start in range(0, 300, 10):
        keys = [b"%d" % i + b"k" * 30_000 for i in range(start, start + 10)]
        writer.results(writer.pipeline(*[("put", cache, key, 1) for key in keys]))
        for invalidation in fast.invalidations_so_far():
            assert invalidation.keys is not None and invalidation.sequence == sequence + 1
            sequence = invalidation.sequence


def test_a_slow_subscriber_never_misses_a_change_without_knowing(connect, open_cache):
    subscriber, writer, cache = connect(), connect(), open_cache()
    sequence = subscriber.call("subscribe", cache)["sequence"]
    copy = {}
    for i in range(100):
        key = "k%d" % (i % 7) + "x" * 50_000
        writer.results(writer.pipeline(*[("put", cache, key, i * 100 + j) for j in range(20)]))
        if i % 10 != 9:
            continue
        subscriber.call("ping")
        for invalidation in subscriber.notifications:
            lost = invalidation.sequence != sequence + 1
            sequence = invalidation.sequence
            for key in list(copy) if lost or invalidation.keys is None else invalidation.keys:
                copy.pop(key, None)
        subscriber.notifications.clear()
        for key, value in copy.items():
            assert writer.call("get", cache, key) == [value], "a stale copy"
        copy[key] = subscriber.call("get", cache, key)[0]
