// The table of methods: a new method is a file under handlers/ and a row here, which says what right it
// takes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "daemon/call.h"

namespace pannier::daemon {

/// The method of that name; null if there is none.
const Method* method_named(std::string_view name);
/// All of them, by name.
std::span<const Method> all_methods();
/// Its row in the meter. Precondition: it is one of all_methods().
std::uint8_t row_of(const Method& method);
/// The name of the method of a row; "unknown" for Meter::kNoMethod.
std::string_view name_of_row(std::uint8_t row);

}  // namespace pannier::daemon
