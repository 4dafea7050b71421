// JSON as text, for what pannierd reports to scripts on standard output.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pannier::daemon {

/// Bytes that are no printable ASCII become \u00NN.
std::string json_string(std::string_view text);
std::string json_word(bool is_true);

/// Name and value, the latter as JSON.
using JsonFields = std::vector<std::pair<std::string_view, std::string>>;
std::string json_object(const JsonFields& fields);

}  // namespace pannier::daemon
