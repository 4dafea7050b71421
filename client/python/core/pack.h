// Objects of Python as MessagePack.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace pannier::python {

/// Codes of the ext types that are packed and unpacked here; pannier/extensions.py has the others, and tells
/// all.
inline constexpr int kTupleCode = 80;
inline constexpr int kSetCode = 81;
inline constexpr int kFrozensetCode = 82;

/// Appends `value`, as one MessagePack object, to `out`. What is neither of a MessagePack type nor one of the
/// ext types above goes through `to_ext(value)`, which returns (code, bytes) or raises. Exact types alone: an
/// object of a subclass is more than its base.
///
/// Throws error_already_set: what to_ext raised, RecursionError, or RuntimeError if to_ext has changed a
/// container.
void pack(pybind11::handle value, pybind11::handle to_ext, std::string& out);

}  // namespace pannier::python
