"""What a value is to other processes: bytes that are the same in every process where the values are equal.

Identified are None, numbers, str, bytes, tuples, frozensets, dates and times, UUIDs, paths, members of enumerations,
frozen dataclasses, classes that can be found under their name, functions (by their code, defaults and closure, and the
place they are from), and every object whose class has a `__cache_key__`: an attribute, property or method that gives a
value which is identified itself. Everything else is `Unidentified`: two processes could not know whether they mean the
same.

Equal is what is equal as a key of a dictionary: 1, 1.0 and True are one. A NaN is the same as any other.

What a function uses outside of itself, globals and other modules, is no part of its identity. Thread-safe.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import pathlib
import sys
import types
from collections.abc import Iterable
from typing import Any

import msgpack

from pannier.atoms import ATOMS, CALLABLE, OBJECT, SET, Unidentified, exact_atom, named, pack, place, type_name, unidentified

__all__ = ["Unidentified", "form_of", "identify"]

# What functools makes of a function.
LRU_CACHED = type(functools.lru_cache(len))
INTERPRETER = sys.implementation.cache_tag or sys.version

# An object of a class that is made from one of these counts as one of these, unless it compares in a way of its own.
TIMES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
BASES = (int, float, str, bytes, tuple, frozenset, complex, *TIMES)


def identify(value: object, *, exact: bool = False) -> bytes:
    """The identity of `value`. With `exact`, types count too, and lists, sets, dicts and modules are told by what they
    hold: that is for what functions are made of. TypeError: unhashable; `Unidentified` (a TypeError too): it has none.
    """
    return pack(form_of(value, exact=exact))


def form_of(value: object, *, exact: bool = False) -> Any:
    """The same before it is packed."""
    try:
        return _Walk(exact).of(value)
    except RecursionError:
        raise Unidentified("a value that holds itself, or is too deep, cannot be identified") from None


class _Walk:
    """Over one value. What `of` gives, MessagePack can hold."""

    def __init__(self, exact: bool, functions: dict[int, int] | None = None) -> None:
        self._exact = exact
        # By id, in the order in which they are met: they may refer to each other.
        self._functions = {} if functions is None else functions

    def of(self, value: Any) -> Any:
        kind = type(value)
        if kind in ATOMS:
            return exact_atom(value) if self._exact else ATOMS[kind](value)
        if kind is tuple:
            return self._tuple(value)
        if kind is frozenset or (self._exact and kind is set):
            return self._set(value)
        if hasattr(kind, "__cache_key__"):
            return self._object(kind, own_key(value))
        if isinstance(value, type):
            return named("class", *type_name(value))
        if isinstance(value, types.CodeType):
            return self._code(value)
        if callable(value):
            return msgpack.ExtType(CALLABLE, pack(self._callable(value)))
        if self._exact and kind in (list, dict, types.ModuleType):
            return self._content(value)
        return self._instance(value)

    def _all(self, values: Iterable[Any]) -> list[Any]:
        return [self.of(value) for value in values]

    def _tuple(self, values: tuple[Any, ...]) -> Any:
        return ["tuple", *self._all(values)] if self._exact else self._all(values)

    def _set(self, values: Iterable[Any]) -> Any:
        return msgpack.ExtType(SET, b"".join(sorted(map(pack, self._all(values)))))

    def _object(self, kind: type, key: object) -> Any:
        if key is None:
            raise Unidentified(f"this {kind.__qualname__} has no identity yet: its __cache_key__ is None")
        return msgpack.ExtType(OBJECT, pack([type_name(kind), self.of(key)]))

    def _content(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return named("module", value.__name__, place(getattr(value, "__file__", None) or ""))
        items = value.items() if isinstance(value, dict) else value
        return [type(value).__name__, self._all(items)]

    def _instance(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, pathlib.PurePath):
            return named("path", isinstance(value, pathlib.PureWindowsPath), str(value))
        base = next((base for base in BASES if isinstance(value, base)), None)
        if base is not None and kind.__eq__ is base.__eq__ and kind.__hash__ is base.__hash__:
            return self._as_base(value, base)
        if isinstance(value, enum.Enum) and kind.__hash__ is enum.Enum.__hash__:  # type: ignore[comparison-overlap]
            return named("member", *type_name(kind), value.name)
        if is_frozen_dataclass(kind):
            return self._object(kind, tuple(getattr(value, field.name) for field in dataclasses.fields(value)))
        if kind.__hash__ is None and not self._exact:
            raise TypeError(f"unhashable type: '{kind.__name__}'")
        raise unidentified(value)

    def _as_base(self, value: Any, base: type) -> Any:
        if self._exact:
            return [type_name(type(value)), repr(value)]
        if base is tuple:
            return self._tuple(value)
        if base is frozenset:
            return self._set(value)
        # The very value of the base, whatever the class says of itself when it is printed or counted.
        return ATOMS[base](base.__getnewargs__(value)[0] if hasattr(base, "__getnewargs__") else value)

    def _callable(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return ["method", self.of(value.__self__), self.of(value.__func__)]
        if isinstance(value, (types.MethodDescriptorType, types.WrapperDescriptorType)):
            return named("descriptor", *type_name(value.__objclass__), value.__name__)
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, (types.ModuleType, type)):
            return named("builtin", value.__self__.__name__, value.__qualname__, INTERPRETER)
        if isinstance(value, functools.partial):
            return ["partial", self.of(value.func), self._all(value.args), self._all(value.keywords.items())]
        if isinstance(value, (staticmethod, LRU_CACHED)):
            return ["around", self.of(value.__wrapped__)]
        return self._instance(value)

    def _function(self, function: types.FunctionType) -> Any:
        if function.__globals__.get("__name__", "").startswith("pannier.") and hasattr(function, "__wrapped__"):
            return self._function(function.__wrapped__)
        if id(function) in self._functions:
            return ["again", self._functions[id(function)]]
        self._functions[id(function)] = len(self._functions)
        parts = _Walk(True, self._functions)
        return [
            [INTERPRETER, function.__module__, function.__qualname__],
            parts._code(function.__code__),
            parts.of(function.__defaults__),
            parts.of(function.__kwdefaults__ or None),
            [parts._cell(cell) for cell in function.__closure__ or ()],
        ]

    def _cell(self, cell: types.CellType) -> Any:
        try:
            return [self.of(cell.cell_contents)]
        except ValueError:  # empty
            return []

    def _code(self, code: types.CodeType) -> Any:
        """All but line numbers and comments."""
        counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
        names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
        made = [code.co_code, getattr(code, "co_exceptiontable", b"")]
        return [place(code.co_filename), code.co_name, counts, names, made, self._all(code.co_consts)]


def own_key(value: Any) -> object:
    """What the `__cache_key__` of its class says of it."""
    key = value.__cache_key__
    return key() if callable(key) else key


def is_frozen_dataclass(kind: type) -> bool:
    params = getattr(kind, "__dataclass_params__", None)
    return params is not None and params.frozen and params.eq
