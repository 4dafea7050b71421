// Arguments of Python as libpannier takes them: keys, packed values, durations, versions. Each function
// throws pybind11::type_error or InvalidArgument, in words that name the argument, for what cannot be sent.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pannier/options.h"

namespace pannier::python {

/// str (as UTF-8) or bytes; a view that lasts as long as `argument` does.
std::string_view bytes_of(pybind11::handle argument, const char* name);

/// None: nothing. Seconds as int or float, or a datetime.timedelta; fractions of a millisecond count as a
/// whole one.
std::optional<std::chrono::milliseconds> duration_of(pybind11::handle argument, const char* name);

/// The same, for a time that is no business of the daemon: as it is.
std::chrono::microseconds exact_duration_of(pybind11::handle argument, const char* name);

/// None: as the cache has it. math.inf: no deadline. Else a duration.
Ttl ttl_of(pybind11::handle argument);

/// None: nothing. Else an int from 0.
std::optional<std::uint64_t> count_of(pybind11::handle argument, const char* name);

/// An int of 64 bits, signed.
std::int64_t integer_of(pybind11::handle argument, const char* name);

/// The condition of a put; at most one of them may be asked for.
Condition condition_of(bool if_absent, bool if_present, pybind11::handle if_version);

}  // namespace pannier::python
