// Base64 with padding (RFC 4648, section 4): how bytes that are no text stand in JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pannier::cli {

std::string to_base64(std::string_view bytes);
/// Nothing: `text` is no base64, or its padding is wrong.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace pannier::cli
