"""Values of every MessagePack type come back byte for byte, from every method that answers values and in every tier."""

import random
import struct

import pytest

from wire import Raw, encode, items_of

KEYS_OF_EVERY_KIND = [b"\xc0", b"\xc3", b"\xff", b"\xca\x00\x00\x00\x00", b"\x91\x01", b"\x80", b"\xd4\x01\x02", b"\xc4\x01x"]
VALUES = {
    "nil": b"\xc0",
    "false": b"\xc2",
    "true": b"\xc3",
    "zero": b"\x00",
    "largest fixint": b"\x7f",
    "smallest fixint": b"\xe0",
    "uint8": b"\xcc\xff",
    "uint16": b"\xcd\xff\xff",
    "uint32": b"\xce\xff\xff\xff\xff",
    "uint64": b"\xcf" + b"\xff" * 8,
    "int8": b"\xd0\x80",
    "int16": b"\xd1\x80\x00",
    "int32": b"\xd2\x80\x00\x00\x00",
    "int64": b"\xd3\x80" + bytes(7),
    "non-minimal uint8": b"\xcc\x05",
    "non-minimal uint64": b"\xcf" + bytes(7) + b"\x05",
    "non-minimal int64": b"\xd3" + bytes(7) + b"\x05",
    "float32": b"\xca" + struct.pack(">f", 1.5),
    "float64": b"\xcb" + struct.pack(">d", 0.1),
    "negative zero": b"\xcb\x80" + bytes(7),
    "infinity": b"\xcb" + struct.pack(">d", float("inf")),
    "quiet nan with payload": b"\xcb\x7f\xf8\x00\x00\x00\x00\x12\x34",
    "signaling nan": b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x01",
    "empty str": b"\xa0",
    "str": b"\xa3abc",
    "str8": b"\xd9\x03abc",
    "str16": b"\xda\x00\x03abc",
    "str32": b"\xdb\x00\x00\x00\x03abc",
    "str that is not utf-8": b"\xa3\xff\xfe\x80",
    "str with a nul": b"\xa3a\x00b",
    "str of 31": b"\xbf" + b"s" * 31,
    "str of 255": b"\xd9\xff" + b"s" * 255,
    "str of 65,535": b"\xda\xff\xff" + b"s" * 65_535,
    "str of 65,536": b"\xdb\x00\x01\x00\x00" + b"s" * 65_536,
    "empty bin": b"\xc4\x00",
    "bin8": b"\xc4\x03\x00\x01\x02",
    "bin16": b"\xc5\x00\x03\x00\x01\x02",
    "bin32": b"\xc6\x00\x00\x00\x03\x00\x01\x02",
    "bin of a mebibyte": b"\xc6\x00\x10\x00\x00" + bytes(range(256)) * 4096,
    "empty array": b"\x90",
    "array": b"\x93\x01\xa1x\xc0",
    "array16": b"\xdc\x00\x02\x01\x02",
    "array32": b"\xdd\x00\x00\x00\x02\x01\x02",
    "empty map": b"\x80",
    "map": b"\x82\xa1a\x01\xa1b\x02",
    "map16": b"\xde\x00\x01\x01\x02",
    "map32": b"\xdf\x00\x00\x00\x01\x01\x02",
    "map with equal keys": b"\x82\xa1a\x01\xa1a\x02",
    "map with keys of every kind": b"\x88" + b"".join(key + b"\x05" for key in KEYS_OF_EVERY_KIND),
    "nested maps": b"\x81\xa1a\x81\xa1b\x81\xa1c\x92\x80\x81\xa1d\xc0",
    "fixext1": b"\xd4\x01\xaa",
    "fixext2": b"\xd5\x02\xaa\xbb",
    "fixext4": b"\xd6\x03\xaa\xbb\xcc\xdd",
    "fixext8": b"\xd7\x7f" + b"\xaa" * 8,
    "fixext16": b"\xd8\x80" + b"\xaa" * 16,
    "empty ext8": b"\xc7\x00\x05",
    "ext8": b"\xc7\x03\x05abc",
    "ext16": b"\xc8\x00\x03\x05abc",
    "ext32": b"\xc9\x00\x00\x00\x03\x05abc",
    "timestamp32": b"\xd6\xff\x00\x00\x00\x01",
    "timestamp96": b"\xc7\x0c\xff" + bytes(12),
    "ext in map in array": b"\x91\x81\xa1e\xd4\x05\x06",
    "what looks like a response": b"\x94\x01\x05\xc0\xa4pong",
    "what looks like a request": b"\x94\x00\x05\xa4ping\x90",
}


def one(value):
    """An array of that one value, as `get` answers it."""
    return b"\x91" + value


@pytest.mark.parametrize("case", VALUES)
@pytest.mark.parametrize("tier", ["lru", "ttl", "durable"])
def test_every_type_comes_back_byte_for_byte(wire, tier, case):
    value = VALUES[case]
    wire.call("put", tier, case, Raw(value))
    assert wire.call_bytes("get", tier, case) == one(value)
    assert items_of(wire.call_bytes("get", tier, case, {"meta": True}))[0] == value
    assert wire.call_bytes("lease", tier, case) == one(value)


def test_many_values_come_back_byte_for_byte_in_one_request(wire, open_cache):
    cache = open_cache()
    wire.call("put_many", cache, [[case, Raw(value)] for case, value in VALUES.items()])
    answered = items_of(wire.call_bytes("get_many", cache, list(VALUES)))
    assert answered == [one(value) for value in VALUES.values()]


def test_values_of_every_type_survive_a_restart_byte_for_byte(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [[case, Raw(value)] for case, value in VALUES.items()])
    own_daemon.restart()
    wire = own_daemon.connect()
    for case, value in VALUES.items():
        assert wire.call_bytes("get", "durable", case) == one(value), case


def test_the_values_nil_and_false_are_hits(wire, open_cache):
    cache = open_cache()
    wire.call("put_many", cache, [["nil", None], ["false", False], ["empty", ""]])
    assert wire.call("get", cache, "nil") == [None]
    assert wire.call("get_many", cache, ["nil", "false", "empty", "absent"]) == [[None], [False], [""], None]
    assert wire.call("info", cache)["hits"] == 4


def random_value(generator, depth):
    choice = generator.randrange(9 if depth > 0 else 6)
    if choice == 6:
        return [random_value(generator, depth - 1) for _ in range(generator.randrange(20))]
    if choice >= 7:
        return {
            generator.choice([i, str(i), float(i), b"k%d" % i]): random_value(generator, depth - 1)
            for i in range(generator.randrange(20))
        }
    return [
        None,
        generator.random() < 0.5,
        generator.randrange(-(2**63), 2**64),
        generator.uniform(-1e300, 1e300),
        "é" * generator.randrange(300),
        generator.randbytes(generator.randrange(5000)),
    ][choice]


def test_random_nested_values_come_back_byte_for_byte(wire, open_cache):
    cache, generator = open_cache(), random.Random(3)
    values = [encode(random_value(generator, 5)) for _ in range(400)]
    for start in range(0, len(values), 50):
        batch = values[start : start + 50]
        ids = wire.pipeline(*[("put", cache, str(i), Raw(value)) for i, value in enumerate(batch)])
        wire.results(ids)
        ids = wire.pipeline(*[("get", cache, str(i)) for i in range(len(batch))])
        assert [wire.result_bytes(msgid) for msgid in ids] == [one(value) for value in batch]


def test_a_lease_waiter_gets_the_value_byte_for_byte(connect, open_cache):
    holder, waiter, cache = connect(), connect(), open_cache()
    token = holder.call("lease", cache, "k")
    waiting = waiter.request("lease", cache, "k")
    waiter.call("ping")
    value = VALUES["map with keys of every kind"]
    holder.call("put", cache, "k", Raw(value), {"lease": token})
    assert waiter.result_bytes(waiting) == one(value)
