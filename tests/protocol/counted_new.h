// A count of every `new` in the program that links counted_new.cc, which replaces the operator.
#pragma once

#include <cstddef>

namespace pannier::protocol {

std::size_t allocations_so_far();

}  // namespace pannier::protocol
