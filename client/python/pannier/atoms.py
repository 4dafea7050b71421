"""Values that have no other values inside, as MessagePack that is the same in every process where they are equal; and
`Unidentified`, for what has no such form. The parts of `pannier.identity`.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import os
import sys
import uuid
from collections.abc import Callable
from typing import Any

import msgpack

# Extension types keep apart what is no plain MessagePack. These bytes are compared, never read back.
NAMED, BIG_INT, RATIO, COMPLEX, SET, OBJECT, CALLABLE = range(7)

INT_MIN = -(1 << 63)
INT_MAX = (1 << 64) - 1


class Unidentified(TypeError):
    """A value that other processes cannot tell from others of its kind."""


def unidentified(value: object) -> Unidentified:
    """The error that says so of `value`."""
    if isinstance(value, type):
        name = value.__qualname__
        return Unidentified(f"class {name} cannot be found by other processes: it is not in its module under its name")
    kind = type(value).__qualname__
    return Unidentified(f"nothing tells other processes which {kind} this is; a __cache_key__ of its class would")


def pack(value: object) -> bytes:
    try:
        return msgpack.packb(value, unicode_errors="surrogatepass")
    except ValueError as error:
        raise Unidentified(f"a value cannot be identified: {error}") from None


def named(*parts: object) -> msgpack.ExtType:
    return msgpack.ExtType(NAMED, pack(parts))


def place(file: str) -> str:
    """The file that code was read from, whichever way it was named. Code from no file keeps its label."""
    return os.path.realpath(file) if os.path.exists(file) else file


def type_name(cls: type) -> list[str]:
    """Where other processes find this very class: module, qualified name, file. `Unidentified` if they cannot."""
    if cls.__module__ == "builtins":
        # The interpreter's own; not all of them stand there, as NoneType.
        return ["builtins", cls.__qualname__, ""]
    module = sys.modules.get(cls.__module__)
    found: Any = module
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not cls:
        raise unidentified(cls)
    return [cls.__module__, cls.__qualname__, place(getattr(module, "__file__", None) or "")]


def _same(value: object) -> Any:
    return value


def _integer(value: int) -> Any:
    if INT_MIN <= value <= INT_MAX:
        return value
    return msgpack.ExtType(BIG_INT, b"%x" % value)


def _real(value: float) -> Any:
    return _integer(int(value)) if value.is_integer() else value


def _complex(value: complex) -> Any:
    return msgpack.ExtType(COMPLEX, pack([value.real, value.imag])) if value.imag else _real(value.real)


def _fraction(value: decimal.Decimal | fractions.Fraction) -> Any:
    numerator, denominator = value.as_integer_ratio()
    if denominator == 1:
        return _integer(numerator)
    try:
        if value == float(value):
            return float(value)
    except OverflowError:
        pass  # a Fraction beyond all floats
    return msgpack.ExtType(RATIO, b"%x/%x" % (numerator, denominator))


def _decimal(value: decimal.Decimal) -> Any:
    return _fraction(value) if value.is_finite() else float(value)


def _datetime(value: datetime.datetime) -> Any:
    # In different zones they are equal where they are the same moment.
    if value.utcoffset() is not None:
        return named("moment", value.astimezone(datetime.timezone.utc).replace(tzinfo=None, fold=0).isoformat())
    return named("datetime", value.replace(tzinfo=None).isoformat())


def _time(value: datetime.time) -> Any:
    if value.tzinfo is not None:
        raise unidentified(value)
    return named("time", value.isoformat())


#: By exact type. Values that are equal have the same form: 1, 1.0, True and Decimal(1) too.
ATOMS: dict[type, Callable[[Any], Any]] = {
    type(None): _same,
    str: _same,
    bytes: _same,
    int: _integer,
    bool: int,
    float: _real,
    complex: _complex,
    decimal.Decimal: _decimal,
    fractions.Fraction: _fraction,
    datetime.datetime: _datetime,
    datetime.date: lambda value: named("date", value.isoformat()),
    datetime.time: _time,
    datetime.timedelta: lambda value: named("timedelta", value.days, value.seconds, value.microseconds),
    uuid.UUID: lambda value: named("uuid", value.bytes),
    type(Ellipsis): lambda value: named("Ellipsis"),
    type(NotImplemented): lambda value: named("NotImplemented"),
}

_TOLD_BY_VALUE = (type(None), str, bytes, int)


def exact_atom(value: Any) -> Any:
    """A form that tells types apart too, 0.0 from -0.0, and a time from the same moment in another zone."""
    kind = type(value)
    return [kind.__name__, ATOMS[kind](value) if kind in _TOLD_BY_VALUE else repr(value)]
