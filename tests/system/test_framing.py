"""Transport and framing: concatenated messages, msgids, str and bin, the end of a stream."""

import pytest

from wire import Closed, Raw, check_error, encode, items_of, request_bytes

MSGIDS = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
MSGIDS += [-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**63)]
LONG_FORMS = [b"\xcc\x05", b"\xcd\x00\x05", b"\xce\x00\x00\x00\x05", b"\xcf" + bytes(7) + b"\x05"]
LONG_FORMS += [b"\xd0\x05", b"\xd1\x00\x05", b"\xd2\x00\x00\x00\x05", b"\xd3" + bytes(7) + b"\x05"]


@pytest.mark.parametrize("msgid", MSGIDS)
def test_any_integer_msgid_is_echoed(wire, msgid):
    wire.send(request_bytes(msgid, "ping"))
    assert wire.result(msgid) == "pong"


@pytest.mark.parametrize("encoded", LONG_FORMS)
def test_a_msgid_is_echoed_in_the_form_it_was_sent_in(wire, encoded):
    wire.send(request_bytes(Raw(encoded), "ping"))
    assert wire.receive().msgid_bytes == encoded


def test_one_msgid_may_be_used_again_and_again(wire):
    for _ in range(3):
        wire.send(request_bytes(7, "ping"))
        assert wire.result(7) == "pong"


def test_an_error_is_a_string_and_its_result_is_nil(wire):
    check_error(wire.reply(wire.request("no_such_method")), "unknown_method")


def test_the_error_of_a_success_is_nil(wire):
    assert wire.reply(wire.request("ping")).error is None


def test_messages_may_arrive_byte_by_byte(wire, open_cache):
    cache = open_cache()
    for byte in request_bytes(1, "put", cache, "key", {"a": [1, 2, "three"]}) + request_bytes(2, "get", cache, "key"):
        wire.send(bytes([byte]))
    assert wire.result(1) > 0
    assert wire.result(2) == [{"a": [1, 2, "three"]}]


def test_many_messages_may_arrive_in_one_write_cut_anywhere(wire, open_cache):
    cache = open_cache()
    requests = [request_bytes(1000 + i, "put", cache, f"key{i}", "x" * i) for i in range(60)]
    requests += [request_bytes(2000 + i, "get", cache, f"key{i}") for i in range(60)]
    stream = b"".join(requests)
    for start in range(0, len(stream), 997):
        wire.send(stream[start : start + 997])
    for i in range(60):
        assert wire.result(2000 + i) == ["x" * i]


def test_a_request_may_be_encoded_in_any_of_the_long_forms(wire, open_cache):
    cache = open_cache()
    method = b"\xdb\x00\x00\x00\x03put"
    name = b"\xc6" + len(cache).to_bytes(4, "big") + cache.encode()
    params = b"\xdd\x00\x00\x00\x04" + name + b"\xda\x00\x01k" + b"\x07" + b"\xdf\x00\x00\x00\x00"
    wire.send(b"\xdd\x00\x00\x00\x04" + b"\xcc\x00" + b"\xcd\x00\x09" + method + params)
    assert wire.result(9) > 0
    assert wire.call("get", cache, "k") == [7]


def test_methods_and_names_and_keys_and_options_may_be_bin(wire, new_name):
    cache = new_name().encode()
    assert wire.call(b"open", cache, {b"tier": b"lru", b"policy": b"fifo"}) is True
    assert wire.call(b"put", cache, b"k", 1, {b"if": b"absent"}) > 0
    assert wire.call("get", cache.decode(), "k", {b"meta": True})[0] == 1


def test_str_key_is_the_same_key_as_bin(wire, open_cache):
    cache = open_cache()
    wire.call("put", cache, "k", "by str")
    assert wire.call("get", cache, b"k") == ["by str"]
    wire.call("put", cache, b"k", "by bin")
    assert wire.call("get", cache, "k") == ["by bin"]
    assert wire.call("info", cache)["currsize"] == 1


def test_keys_need_not_be_utf8_and_are_answered_as_bin_then(wire, open_cache):
    cache = open_cache()
    invalid = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"a\x80", b"\xf4\x90\x80\x80"]
    valid = [b"a", "ä".encode(), "€".encode(), "😀".encode(), b"\x00"]
    for key in invalid + valid:
        wire.call("put", cache, key, 1)
    keys_bytes = items_of(items_of(wire.call_bytes("keys", cache))[1])
    assert sorted(keys_bytes) == sorted([encode(key) for key in invalid] + [encode(key.decode()) for key in valid])


def test_a_str_that_is_not_utf8_is_a_key_too(wire, open_cache):
    cache = open_cache()
    wire.call("put", cache, Raw(b"\xa1\xff"), 5)
    assert wire.call("get", cache, b"\xff") == [5]


def test_requests_are_answered_in_their_order_when_none_has_to_wait(wire, open_cache):
    cache = open_cache()
    requests = []
    for i in range(100):
        requests += [("put", cache, "k", i), ("get", cache, "k")]
    ids = wire.pipeline(*requests)
    results = wire.results(ids)
    assert results[1::2] == [[i] for i in range(100)]
    assert wire.reply_order[-len(ids) :] == ids


def test_a_request_that_waits_does_not_hold_up_later_ones(wire, open_cache):
    cache = open_cache()
    wire.call("lease", cache, "k")
    waiting, after = wire.pipeline(("lease", cache, "k", {"wait_ms": 60_000}), ("ping",))
    assert wire.result(after) == "pong"
    assert waiting not in wire.replies
    wire.call("put", cache, "k", 1)
    assert wire.result(waiting) == [1]


def test_a_client_may_write_a_mebibyte_of_replies_ahead_without_reading(wire):
    reply_bytes = len(encode([1, 2**32, None, "pong"]))
    count = (1 << 20) // reply_bytes
    wire.send(b"".join(request_bytes(2**32 + i, "ping") for i in range(count)))
    assert all(wire.result(2**32 + i) == "pong" for i in range(count))


def test_large_requests_with_small_replies_can_be_written_without_reading(wire, open_cache):
    cache = open_cache(max_entries=10)
    data = b"".join(request_bytes(i, "put", cache, str(i), b"x" * 100_000) for i in range(300))
    wire.send(data)
    assert all(wire.result(i) > 0 for i in range(300))


def test_at_the_end_of_the_stream_requests_that_have_arrived_are_answered(connect, open_cache):
    wire, cache, durable = connect(), open_cache(), open_cache("durable")
    ids = wire.pipeline(
        *[("put", cache, str(i), "x" * 1000) for i in range(500)],
        *[("get", cache, str(i)) for i in range(500)],
        ("put", durable, "k", 1, {"sync": True}),
        ("sync", durable),
    )
    wire.finish_sending()
    wire.read_to_end()
    assert set(ids) == set(wire.replies)
    assert wire.result(ids[999]) == ["x" * 1000]
    assert set(wire.result(ids[-1])) == {"entries", "bytes", "duration_ms"}


def test_at_the_end_of_the_stream_leases_end(connect, open_cache):
    holder, waiter, cache = connect(), connect(), open_cache()
    holder.call("lease", cache, "k", {"lease_ms": 600_000})
    waiting = waiter.request("lease", cache, "k", {"wait_ms": 600_000})
    waiter.call("ping")
    holder.finish_sending()
    assert isinstance(waiter.result(waiting), int)


def test_at_the_end_of_the_stream_waits_end(connect, open_cache):
    holder, waiter, cache = connect(), connect(), open_cache()
    holder.call("lease", cache, "k", {"lease_ms": 600_000})
    waiting = waiter.request("lease", cache, "k", {"wait_ms": 600_000})
    waiter.call("ping")
    waiter.finish_sending()
    waiter.read_to_end()  # ends long before wait_ms
    assert waiter.result(waiting) is None


def test_a_message_cut_off_by_the_end_of_the_stream_is_dropped(connect, open_cache):
    wire, cache = connect(), open_cache()
    wire.send(request_bytes(1, "put", cache, "k", 1) + request_bytes(2, "put", cache, "k", 2)[:-1])
    wire.finish_sending()
    wire.read_to_end()
    assert wire.result(1) > 0
    assert connect().call("get", cache, "k") == [1]


def test_a_closed_connection_takes_no_other_with_it(connect):
    first, second = connect(), connect()
    first.close()
    assert second.call("ping") == "pong"
    with pytest.raises(Closed):
        third = connect()
        third.finish_sending()
        third.receive()
