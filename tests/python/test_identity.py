"""What values, calls and functions are to other processes."""

import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import threading
import uuid
from collections import namedtuple
from zoneinfo import ZoneInfo

import pytest
from programs import Programs

from pannier import Unidentified
from pannier.arguments import KEY_BYTES_MAX, call_key
from pannier.identity import identify
from pannier.names import NAME_BYTES_MAX, function_name, path_name


class Number(enum.IntEnum):
    ONE = 1


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Count(int):
    pass


class Loud(str):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


Pair = namedtuple("Pair", "first second")


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclasses.dataclass(frozen=True)
class Vector:
    x: int
    y: int


class User:
    def __init__(self, user_id):
        self.user_id = user_id

    def __cache_key__(self):
        return self.user_id


class Group(User):
    @property
    def __cache_key__(self):
        return self.user_id


NOON = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.timezone.utc)

EQUAL = [
    (1, 1.0, True, decimal.Decimal("1.00"), fractions.Fraction(1), 1 + 0j, Number.ONE, Count(1)),
    (0, 0.0, -0.0, False),
    (0.5, decimal.Decimal("0.5"), fractions.Fraction(1, 2)),
    (2**70, float(2**70), decimal.Decimal(2**70)),
    (float("inf"), decimal.Decimal("Infinity")),
    ((1, "a"), Pair(1.0, "a")),
    (frozenset(["a", "b", "c"]), frozenset(["c", "b", "a"])),
    (NOON, NOON.astimezone(ZoneInfo("Asia/Tokyo"))),
    (pathlib.Path("/a/b"), pathlib.PurePosixPath("/a//b")),
    (Point(1, 2), Point(1, 2)),
    (User(7), User(7.0)),
]

DIFFERENT = [
    *(None, 0, 1, -1, 2**63, 2**64, -(2**70), 0.5, 0.1, decimal.Decimal("0.1"), 1j, "", "1", b"1", "a\udc80"),
    *((), (1,), ((1,),), (1, 2), ("1", "2"), frozenset(), frozenset([1]), frozenset([(1,)])),
    *(NOON, NOON.replace(tzinfo=None), NOON.date(), datetime.time(12), datetime.timedelta(1), datetime.timedelta(0, 1)),
    *(uuid.UUID(int=1), uuid.UUID(int=1).bytes, pathlib.PurePosixPath("1"), Color.RED, Color.GREEN, Ellipsis),
    *(Point(1, 2), Point(2, 1), Vector(1, 2), User(1), User(2), Group(1)),
    *(int, type(None), Point, len, str.lower, str.upper, functools.partial(len, 1)),
]


@pytest.mark.parametrize("values", EQUAL, ids=repr)
def test_values_that_are_equal_have_one_identity(values):
    assert len({identify(value) for value in values}) == 1
    assert len(set(values)) == 1 or isinstance(values[0], User), "they are one key of a dict, too"


def test_values_that_are_not_equal_have_different_identities():
    assert len({identify(value) for value in DIFFERENT}) == len(DIFFERENT)


def test_a_type_tells_values_apart_where_it_counts():
    assert len({identify(value, exact=True) for value in (1, 1.0, True, 0.0, -0.0, (), [], {}, set(), "a", b"a")}) == 11


def local_class():
    class Local:
        pass

    return Local


def nested(depth):
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


class Retry:
    """Calls what it stands around, in a way that its other attributes tell."""

    def __init__(self, function):
        self.__wrapped__ = function

    def __call__(self):
        return self.__wrapped__()


@pytest.mark.parametrize(
    "value",
    [
        *(object(), threading.Lock(), local_class(), local_class()(), Loud("a"), (1, object())),
        *(User(object()), User(None), [].append, Retry(len), nested(600), nested(100_000)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_other_processes_cannot_know_has_no_identity(value):
    with pytest.raises(Unidentified):
        identify(value)


@pytest.mark.parametrize("value", [[], {}, set(), bytearray(), (1, [])], ids=repr)
def test_what_is_unhashable_has_no_identity_and_says_so(value):
    with pytest.raises(TypeError, match="unhashable type"):
        identify(value)


def test_calls_have_the_keys_that_functools_gives_them():
    same = [call_key((1,), {}), call_key((1.0,), {}), call_key((True,), {})]
    assert len(set(same)) == 1
    calls = [((), {}), ((1,), {}), (((1,),), {}), ((1, 2), {}), (((1,), (("x", 2),), None), {})]
    calls += [((), {"x": 1}), ((1,), {"x": 2}), ((), {"x": 1, "y": 2}), ((), {"y": 2, "x": 1})]
    assert len({call_key(*call) for call in calls}) == len(calls)


def test_a_typed_key_tells_arguments_apart_but_not_what_is_in_them():
    assert len({call_key((value,), {}, typed=True) for value in (1, 1.0, True)}) == 3
    assert call_key(((1,),), {}, typed=True) == call_key(((1.0,),), {}, typed=True)
    assert call_key((), {"x": 1}, typed=True) != call_key((), {"x": 1.0}, typed=True)
    assert call_key((None, ...), {}, typed=True) != call_key((None, ...), {})


def test_a_long_key_is_a_digest_that_tells_calls_apart():
    keys = {call_key(("x" * 100_000 + end,), {}) for end in "ab"}
    assert len(keys) == 2 and max(map(len, keys)) <= KEY_BYTES_MAX


def adder(amount, report=None):
    def add(number):
        return helper(number) + amount

    def helper(number):
        return number

    return add


def test_functions_that_close_over_different_values_have_different_names():
    assert function_name(adder(1)) == function_name(adder(1))
    assert len({function_name(adder(amount)) for amount in (1, 2, 1.0, True, "1", (1,), [1], len, adder(1), functools.lru_cache(adder(1)))}) == 10


def test_functions_with_other_code_or_defaults_or_parameters_have_different_names():
    functions = [lambda x: x, lambda x: x + 1, lambda x: x + 2, lambda y: y]
    functions += [lambda x=1: x, lambda x=2: x, lambda *, x=2: x]
    names = {function_name(function) for function in functions} | {function_name(functions[0], 128)}
    assert len(names) == len(functions) + 1


def test_functions_that_call_each_other_have_names():
    def make(limit):
        def even(n):
            return n == 0 or odd(n - 1)

        def odd(n):
            return n != limit and even(n - 1)

        return even

    assert function_name(make(1)) == function_name(make(1)) != function_name(make(2))


def test_a_function_that_closes_over_an_object_of_this_process_has_no_name():
    endless = []
    endless.append(endless)
    for unknown in (object(), threading.Lock(), local_class(), bytearray(), endless, Retry(len)):
        with pytest.raises(Unidentified):
            function_name(adder(unknown))


def test_a_name_is_short_printable_ascii():
    def long():
        pass

    long.__qualname__ = "é%" * 300
    name = function_name(long)
    assert len(name) <= NAME_BYTES_MAX and name.isascii() and name.isprintable()
    assert len(path_name("/" + "x" * 1000)) <= NAME_BYTES_MAX


def test_a_path_has_one_name_however_it_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forms = ["./box", b"box", tmp_path / "box", str(tmp_path / "sub" / ".." / "box")]
    assert {path_name(form) for form in forms} == {str(tmp_path / "box")}
    assert len({path_name(f"/{name}") for name in ("é", "%C3%A9", "e")}) == 3


def test_names_are_the_same_in_every_process(tmp_path):
    programs = Programs(tmp_path)
    source = """
        from pannier.identity import identify
        from pannier.names import function_name

        def f(x, allowed=frozenset("abcdefgh"), known={"b": 1, "a": {1, 2, "x", "y"}}):
            return x in {"alpha", "beta", "gamma"}

        print(function_name(f), identify(frozenset("abcdefgh")).hex())
    """
    program = programs.write("names.py", source)
    moved = programs.write("elsewhere/names.py", source)
    outputs = {programs.run(program, PYTHONHASHSEED=seed)[0] for seed in ("1", "2")}
    assert len(outputs) == 1
    assert programs.run(moved)[0] not in outputs, "the same code from another file is another function"
