// Bytes as hexadecimal text, so that tests show what stands on the wire.
#pragma once

#include <string>
#include <string_view>

namespace pannier::protocol {

/// The bytes that `text` spells, two digits each; blanks are skipped. Throws std::invalid_argument on
/// anything else.
std::string from_hex(std::string_view text);

/// "93 01 02".
std::string to_hex(std::string_view bytes);

}  // namespace pannier::protocol
