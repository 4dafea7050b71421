"""Values: what is put comes back as it was, in bytes that stay the same from release to release."""

import dataclasses
import enum
import math
import pickle
import sys
import types
import uuid
from collections import namedtuple
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgpack
import pytest

import pannier
from pannier.extensions import message_pack
from pannier.serializers import codec, register


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    items: tuple
    hidden: int = dataclasses.field(default=0, init=False)

    def __post_init__(self):
        object.__setattr__(self, "hidden", len(self.items))


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


Pair = namedtuple("Pair", "left right")

BERLIN = ZoneInfo("Europe/Berlin")

# Each with its bytes. They are in the caches of those who use this package: a change here loses their values.
GOLDEN = [
    (None, "c0"),
    (True, "c3"),
    (0, "00"),
    (-1, "ff"),
    (-33, "d0df"),
    (300, "cd012c"),
    (-(2**63), "d38000000000000000"),
    (2**64 - 1, "cfffffffffffffffff"),
    (1.5, "cb3ff8000000000000"),
    ("é", "a2c3a9"),
    (b"\x00\xff", "c40200ff"),
    ([1, [2]], "92019102"),
    ({"a": {1: None}}, "81a16181" + "01c0"),
    ((), "d45090"),
    ((1, ("a",)), "d7509201" + "c70350" + "91a161"),
    ({3, 1, 2}, "d65193010203"),
    (frozenset({b"x"}), "d65291c40178"),
    (2**64, "c7095301" + "00" * 8),
    (-(2**63) - 1, "c70953ff7f" + "ff" * 7),
    (2**71, "c70a53" + "0080" + "00" * 8),
    (Decimal("-1.50"), "c705542d312e3530"),
    (datetime(2026, 7, 1, 12, 30), "c7175593b3323032362d30372d30315431323a33303a303000c0"),
    (datetime(2026, 7, 1, tzinfo=timezone.utc), "d6ff6a445880"),
    (date(2026, 7, 1), "c70a56323032362d30372d3031"),
    (time(1, 2, 3), "c70c5793a830313a30323a303300c0"),
    (timedelta(days=-1, microseconds=5), "d65893ff0005"),
    (uuid.UUID(int=1), "d859" + "00" * 15 + "01"),
    (1 - 2j, "c7135a92cb3ff0000000000000cbc000000000000000"),
    (bytearray(b"ab"), "d55b6162"),
    ("\ud800", "c7035ceda080"),
    (msgpack.ExtType(5, b"abc"), "c70305616263"),
]

EXACT = [
    2**1000,
    -(2**1000),
    -0.0,
    math.inf,
    "",
    "a\x00b" * 100,
    b"",
    bytes(70000),
    [],
    {},
    [[], [[]], {}],
    {"k": [(), {1: (2, [3])}], 5: None, (1, "t"): {"set": {(1,), frozenset({2})}}},
    set(),
    frozenset(),
    tuple(range(20)),
    Decimal("1E+400"),
    Decimal("0.1000"),
    Decimal("-Infinity"),
    datetime.min,
    datetime.max,
    datetime.min.replace(tzinfo=timezone.utc),
    datetime.max.replace(tzinfo=timezone.utc),
    datetime(1969, 12, 31, 23, 59, 59, 999999, timezone.utc),
    datetime(2100, 1, 1, 0, 0, 0, 1, timezone.utc),
    datetime(2600, 1, 1, tzinfo=timezone.utc),
    datetime(2026, 1, 1, 1, 2, 3, 4, timezone(timedelta(hours=-3, minutes=-30))),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=3723), "odd")),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2026, 10, 25, 2, 30, fold=1),
    time(23, 59, 59, 999999, timezone.utc),
    time(2, 30, tzinfo=BERLIN),
    timedelta.max,
    timedelta.min,
    uuid.uuid4(),
    complex(-0.0, math.inf),
    Point(1, Point(2, {"deep": (3,)})),
    Frozen(("a", 1)),
    Color.BLUE,
    Color.RED,
    Level.LOW,
    Pair(1, Pair("x", None)),
]


def there_and_back(value):
    return message_pack.unpack(message_pack.pack(value))


def assert_same(found, value):
    """Equal, of the same types all the way down, and with the same bytes, which tell 1 from 1.0 and -0.0 from 0.0."""
    assert type(found) is type(value)
    assert found == value
    assert repr(found) == repr(value)
    assert message_pack.pack(found) == message_pack.pack(value)


@pytest.mark.parametrize("value, packed", GOLDEN, ids=lambda part: repr(part)[:40])
def test_the_bytes_of_a_value_stay_as_they_are(value, packed):
    assert message_pack.pack(value).hex() == packed
    assert_same(message_pack.unpack(bytes.fromhex(packed)), value)


@pytest.mark.parametrize("value", EXACT, ids=lambda value: repr(value)[:40])
def test_a_value_comes_back_exactly(cache, value):
    assert_same(there_and_back(value), value)
    cache.put("k", value)
    assert_same(cache.get("k"), value)


def test_fold_and_names_of_zones_come_back():
    for value in (value for value in EXACT if isinstance(value, datetime)):
        found = there_and_back(value)
        assert (found.fold, found.tzname(), found.utcoffset()) == (value.fold, value.tzname(), value.utcoffset())


def test_nan_comes_back():
    assert math.isnan(there_and_back(math.nan))
    assert there_and_back(Decimal("sNaN123")).to_eng_string() == "sNaN123"


def test_plain_values_are_what_any_messagepack_reads(cache):
    value = {"a": [1, -5, 2**63, 2.5, None, True, "t", b"b"], 7: {}}
    cache.put("k", value)
    assert msgpack.unpackb(cache.get_raw("k"), strict_map_key=False) == value
    cache.put_raw("k", msgpack.packb([1, 1.5, "x" * 300], use_single_float=True))
    assert cache.get("k") == [1, 1.5, "x" * 300]


def test_equal_sets_are_equal_bytes():
    numbers = list(range(0, 8000, 8))
    assert message_pack.pack(set(numbers)) == message_pack.pack(set(reversed(numbers)))


def test_what_other_programs_store_comes_back_and_can_be_stored():
    for stamp in (msgpack.Timestamp(1, 1), msgpack.Timestamp(2**40, 0), msgpack.Timestamp(-(2**60), 999_999_999)):
        assert there_and_back(stamp) == stamp
    for code in (0, 79, 96, 127):
        assert there_and_back(msgpack.ExtType(code, b"")) == msgpack.ExtType(code, b"")


@pytest.mark.parametrize("code", range(80, 96))
def test_an_ext_that_would_come_back_as_something_else_is_refused(cache, code):
    with pytest.raises(pannier.InvalidArgument, match=f"{code} cannot be stored"):
        cache.put("k", [msgpack.ExtType(code, b"nonsense")])
    assert cache.get("k") is None


class Text(str):
    pass


class OwnZone(timezone.__base__):
    def utcoffset(self, moment):
        return timedelta(0)


@pytest.mark.parametrize(
    "value",
    [object(), Text("t"), OwnZone(), datetime(2026, 1, 1, tzinfo=OwnZone()), [lambda: 0], range(3), enum.IntFlag("F", "A B")(3)],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_exact_form_is_refused(value):
    with pytest.raises(TypeError):
        message_pack.pack(value)


def test_a_list_that_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(RecursionError):
        message_pack.pack(endless)
    with pytest.raises(RecursionError):
        message_pack.unpack(b"\x91" * 100_000 + b"\xc0")


@pytest.mark.parametrize(
    "packed",
    ["", "c1", "91", "a5616263", "dd7fffffff", "df7fffffff", "c9ffffffff50", "0101", "a1ff", "819001", "d45001",
     "d455c0", "d853" + "00" * 3, "c70554312e2e3530", "c7035993a1", "d65e92a161a162", "c7085d92a56e6f3a6e6f80"],
)
def test_bytes_that_are_no_value_are_an_unpack_error(packed):
    with pytest.raises(pannier.UnpackError):
        message_pack.unpack(bytes.fromhex(packed))


def test_every_cut_of_a_value_is_an_unpack_error():
    packed = message_pack.pack([value for value, _ in GOLDEN])
    for end in range(len(packed)):
        with pytest.raises(pannier.UnpackError):
            message_pack.unpack(packed[:end])


def test_a_class_that_is_not_there_is_never_imported(monkeypatch):
    packed = message_pack.pack(Point(1))
    tampered = packed.replace(f"{__name__}:Point".encode(), b"this:s".ljust(len(f"{__name__}:Point")))
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with pytest.raises(pannier.UnpackError, match="import or register it first"):
        message_pack.unpack(tampered)
    assert "this" not in sys.modules


def test_a_name_that_is_something_else_here_makes_nothing():
    for name in (b"os:system", b"builtins:object", b"subprocess:Popen"):
        fields = message_pack.pack([name.decode(), {}])
        with pytest.raises(pannier.UnpackError):
            message_pack.unpack(b"\xc7" + bytes([len(fields), 93]) + fields)


def test_a_lazy_module_does_not_run_for_a_name(monkeypatch):
    lazy = types.ModuleType("lazy")
    lazy.__getattr__ = lambda name: pytest.fail("ran code of the module")
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    fields = message_pack.pack(["lazy:Thing", {}])
    with pytest.raises(pannier.UnpackError):
        message_pack.unpack(b"\xc7" + bytes([len(fields), 93]) + fields)


def test_a_class_that_has_changed_is_an_unpack_error():
    packed = message_pack.pack(Point(1)).replace(b"\xa1x", b"\xa1z")
    with pytest.raises(pannier.UnpackError, match="has others here"):
        message_pack.unpack(packed)


def test_a_local_class_is_stored_once_it_is_registered():
    @dataclasses.dataclass
    class Local:
        a: int

    with pytest.raises(TypeError, match="register"):
        message_pack.pack(Local(1))
    register(Local, "shapes:local")
    assert there_and_back(Local(1)) == Local(1)
    assert b"shapes:local" in message_pack.pack(Local(1))


def test_a_container_that_changes_while_it_is_packed_is_an_error():
    class Meddling(tuple):
        _fields = ()

        def __iter__(self):
            values.clear()
            return iter(())

    values = [Meddling(), 1]
    with pytest.raises((RuntimeError, TypeError)):
        message_pack.pack(values)


@pytest.mark.parametrize("name", ["json", "pickle"])
def test_another_serializer_keeps_what_it_can(client, new_name, name):
    cache = client.cache(new_name(), "lru", serializer=name)
    cache.put("k", {"a": [1, None]})
    assert cache.get("k") == {"a": [1, None]}
    assert type(msgpack.unpackb(cache.get_raw("k"))) is bytes
    cache.put("n", 5)
    assert cache.increment("n") == 6
    assert cache.get("n") == 6


def test_pickle_takes_what_messagepack_does_not(client, new_name):
    cache = client.cache(new_name(), "lru", serializer="pickle")
    cache.put("k", range(3))
    assert cache.get("k") == range(3)


def test_any_object_with_dumps_and_loads_serializes():
    own = codec(pickle)
    assert own.unpack(own.pack(Text("t"))) == "t"
    with pytest.raises(TypeError, match="'msgpack', 'json', 'pickle'"):
        codec("yaml")


def test_a_value_of_another_serializer_is_an_unpack_error(client, cache):
    cache.put("text", "t")
    cache.put("bytes", b"t")
    as_json = client.cache(cache.name, serializer="json")
    for key in ("text", "bytes"):
        with pytest.raises(pannier.UnpackError):
            as_json.get(key)
