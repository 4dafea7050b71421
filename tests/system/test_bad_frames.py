"""What is no MessagePack-RPC message gets one error reply and a closed connection; others are served."""

import random
import struct

import pytest

from wire import Raw, bin32, check_error, encode, request_bytes

GIB = 1 << 30

# (bytes, code, msgid of the reply)
NOT_MESSAGES = {
    "an integer": (encode(5), "bad_request", None),
    "a negative integer": (encode(-1), "bad_request", None),
    "nil": (encode(None), "bad_request", None),
    "a boolean": (encode(True), "bad_request", None),
    "a float": (encode(1.5), "bad_request", None),
    "a str": (encode("GET / HTTP/1.1\r\n\r\n"), "bad_request", None),
    "a text line": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "bad_request", None),
    "a bin": (encode(b"abc"), "bad_request", None),
    "a map": (encode({"a": 1}), "bad_request", None),
    "an ext": (b"\xd4\x01\x02", "bad_request", None),
    "the byte that MessagePack never uses": (b"\xc1", "bad_request", None),
    "that byte inside of a request": (b"\x94\x00\x05\xa4ping\x91\xc1", "bad_request", 5),
    "an empty array": (encode([]), "bad_request", None),
    "a request without params": (encode([0, 5, "ping"]), "bad_request", 5),
    "a request with only a msgid": (encode([0, 5]), "bad_request", 5),
    "a request of five items": (encode([0, 5, "ping", [], None]), "bad_request", 5),
    "a notification without params": (encode([2, "ping"]), "bad_request", None),
    "a notification of four items": (encode([2, "ping", [], None]), "bad_request", None),
    "a response of three items": (encode([1, 5, None]), "bad_request", 5),
    "the message kind 3": (encode([3, 5, "ping", []]), "bad_request", 5),
    "the message kind -1": (encode([-1, 5, "ping", []]), "bad_request", 5),
    "a message kind that is a str": (encode(["0", 5, "ping", []]), "bad_request", 5),
    "a message kind that is nil": (encode([None, 5, "ping", []]), "bad_request", 5),
    "a message kind that is a float": (encode([0.0, 5, "ping", []]), "bad_request", 5),
    "a msgid that is nil": (encode([0, None, "ping", []]), "bad_request", None),
    "a msgid that is a str": (encode([0, "5", "ping", []]), "bad_request", None),
    "a msgid that is a float": (encode([0, 5.0, "ping", []]), "bad_request", None),
    "a msgid that is a boolean": (encode([0, True, "ping", []]), "bad_request", None),
    "a msgid that is an array": (encode([0, [5], "ping", []]), "bad_request", None),
}


def closes_with_one_error(wire, code, msgid, other):
    """The daemon sends exactly one error with `msgid` and closes; `other` is served."""
    messages = wire.read_to_end()
    assert len(messages) == 1, messages
    check_error(messages[0], code)
    assert messages[0].msgid_bytes == encode(msgid)
    assert other.call("ping") == "pong"


@pytest.mark.parametrize("case", NOT_MESSAGES)
def test_what_is_no_message_gets_one_error_and_closes_the_connection(connect, case):
    data, code, msgid = NOT_MESSAGES[case]
    wire = connect()
    wire.send(data)
    closes_with_one_error(wire, code, msgid, connect())


def test_requests_before_what_is_no_message_are_answered(connect, open_cache):
    wire, cache = connect(), open_cache()
    wire.send(request_bytes(1, "put", cache, "k", 1) + request_bytes(2, "get", cache, "k") + b"\xc1")
    wire.read_to_end()
    assert wire.reply_order == [1, 2, None]
    assert wire.result(2) == [1]


def test_requests_after_what_is_no_message_are_not_executed(connect, open_cache):
    wire, cache = connect(), open_cache()
    wire.send(encode([7]) + request_bytes(1, "put", cache, "k", 1))
    wire.read_to_end()
    assert wire.reply_order == [None]
    assert connect().call("get", cache, "k") is None


@pytest.mark.parametrize("method", [5, None, ["ping"], {}, 1.5, True, Raw(b"\xd4\x01\x02")], ids=str)
def test_a_method_that_is_no_string_is_a_bad_request_and_the_connection_goes_on(wire, method):
    wire.send(encode([0, 77, method, []]))
    check_error(wire.reply(77), "bad_request")
    assert wire.call("ping") == "pong"


@pytest.mark.parametrize("params", [5, None, "x", b"x", {}, 1.5, False, Raw(b"\xc7\x00\x01")], ids=str)
def test_params_that_are_no_array_are_a_bad_request_and_the_connection_goes_on(wire, params):
    wire.send(encode([0, 77, "ping", params]))
    check_error(wire.reply(77), "bad_request")
    assert wire.call("ping") == "pong"


ANNOUNCED = {
    "a bin of 1 GiB as value": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k" + bin32(GIB),
    "a str of 1 GiB as value": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k\xdb" + struct.pack(">I", GIB),
    "an ext of 1 GiB as value": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k\xc9" + struct.pack(">I", GIB) + b"\x01",
    "an array of 2^30 as value": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k\xdd" + struct.pack(">I", GIB),
    "a map of 2^30 as value": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k\xdf" + struct.pack(">I", GIB),
    "a map of 2^32 - 1": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k\xdf\xff\xff\xff\xff",
    "a bin of 4 GiB - 1": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k\xc6\xff\xff\xff\xff",
    "params of 2^30": b"\x94\x00\x05\xa3put\xdd" + struct.pack(">I", GIB),
    "a method of 1 GiB": b"\x94\x00\x05\xdb" + struct.pack(">I", GIB),
    "many arrays of 2^20 in each other": b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k" + b"\xdd\x02\x00\x00\x00" * 20,
}


@pytest.mark.parametrize("case", ANNOUNCED)
def test_an_announced_length_over_the_limit_is_refused_before_its_bytes_arrive(connect, case):
    wire = connect()
    wire.send(ANNOUNCED[case])
    closes_with_one_error(wire, "too_large", 5, connect())


@pytest.mark.parametrize("start", [b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"])
def test_a_message_that_starts_with_1_gib_announced_is_refused_with_a_nil_msgid(connect, start):
    wire = connect()
    wire.send(start + struct.pack(">I", GIB) + b"\x01")
    messages = wire.read_to_end()
    assert [message.msgid_bytes for message in messages] == [b"\xc0"]
    assert messages[0].error.split(":")[0] in ("too_large", "bad_request")


def test_a_frame_over_the_limit_is_refused_and_the_text_tells_the_limit(connect):
    wire = connect()
    frame_max = wire.call("hello")["limits"]["max_frame"]
    wire.send(b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k" + bin32(frame_max))
    messages = wire.read_to_end()
    assert len(messages) == 1 and messages[0].msgid_bytes == b"\x05"
    assert str(frame_max) in check_error(messages[0], "too_large").replace(",", "")


NESTS = {"arrays": b"\x91", "maps in values": b"\x81\x01", "long arrays": b"\xdd\x00\x00\x00\x01", "pairs": b"\x92\x01"}


@pytest.mark.parametrize("case", NESTS)
@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_nesting_over_the_limit_is_refused(connect, case, depth):
    wire = connect()
    try:
        wire.send(b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k" + NESTS[case] * depth + b"\x01")
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused while it was being sent
    closes_with_one_error(wire, "bad_request", 5, connect())


def test_nesting_in_keys_of_maps_is_refused(connect):
    wire = connect()
    wire.send(b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k" + b"\x81" * 10_000)
    closes_with_one_error(wire, "bad_request", 5, connect())


def test_nesting_of_just_the_limit_is_taken(wire, open_cache):
    cache, depth_max = open_cache(), wire.call("hello")["limits"]["max_depth"]
    value = Raw(b"\x91" * (depth_max - 2) + b"\xc0")  # within the message and its params
    wire.call("put", cache, "k", value)
    assert wire.call_bytes("get", cache, "k") == b"\x91" + value


def test_nesting_of_one_more_than_the_limit_is_refused(connect):
    wire = connect()
    depth_max = wire.call("hello")["limits"]["max_depth"]
    wire.send(request_bytes(5, "put", "lru", "k", Raw(b"\x91" * (depth_max - 1) + b"\xc0")))
    closes_with_one_error(wire, "bad_request", 5, connect())


def test_random_bytes_never_hurt_the_daemon_or_others(connect, daemon):
    generator, other = random.Random(1), connect()
    for round_number in range(300):
        wire = daemon.connect()
        try:
            wire.send(generator.randbytes(generator.randrange(1, 400)))
            wire.finish_sending()
            wire.read_to_end()
        except (BrokenPipeError, ConnectionResetError):
            pass
        wire.close()
        if round_number % 50 == 0:
            assert other.call("ping") == "pong"
    assert other.call("ping") == "pong"


REQUESTS = [
    request_bytes(5, "put", "lru", "key", {"a": [1, 2.5, None, True, b"x", "y"]}, {"ttl_ms": 5, "if": "absent"}),
    request_bytes(2**40, "put_many", "lru", [["a", 1], ["b", 2]], {"ttl_ms": 7}),
    request_bytes(-5, "lease", "lru", "key", {"lease_ms": 1, "wait_ms": 0}),
]


def test_truncated_frames_are_dropped_and_never_executed(connect, daemon):
    for request in REQUESTS:
        for length in range(len(request)):
            wire = daemon.connect()
            wire.send(request[:length])
            wire.finish_sending()
            for message in wire.read_to_end():
                assert message.error is not None
            wire.close()
    assert connect().call("get_many", "lru", ["key", "a", "b"]) == [None, None, None]


def test_requests_with_one_byte_changed_never_hurt_the_daemon(connect, daemon):
    generator, other = random.Random(2), connect()
    for request in REQUESTS:
        for position in range(len(request)):
            data = bytearray(request)
            data[position] = generator.randrange(256)
            wire = daemon.connect()
            try:
                wire.send(bytes(data))
                wire.finish_sending()
                wire.read_to_end()
            except (BrokenPipeError, ConnectionResetError):
                pass
            wire.close()
    assert other.call("ping") == "pong"
