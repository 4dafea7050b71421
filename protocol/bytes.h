// Views of raw bytes as they stand in a frame. A view never owns anything: it is valid as long as the buffer
// it was taken from stays as it is, which in the daemon is the loop pass that read it.
#pragma once

#include <cstdint>
#include <string_view>

namespace pannier::protocol {

/// Raw bytes; std::string_view because keys, values and method names are all compared and stored as bytes.
using Bytes = std::string_view;

}  // namespace pannier::protocol
