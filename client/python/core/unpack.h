// MessagePack as objects of Python: nil, booleans, numbers, str, bytes, list, dict, and tuple, set, frozenset
// of their ext types (pack.h).
#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

namespace pannier::python {

/// The object that `packed`, which may be anything, is whole. Other ext types go through `from_ext(code,
/// bytes)`.
///
/// Throws UnpackError if it is not exactly one MessagePack object, or one that Python has no object for: a
/// str that is no UTF-8, a map with a list as key. error_already_set: what from_ext raised, RecursionError.
pybind11::object unpack(std::string_view packed, pybind11::handle from_ext);

}  // namespace pannier::python
