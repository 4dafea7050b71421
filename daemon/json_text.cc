#include "daemon/json_text.h"

#include <cstdio>

namespace pannier::daemon {

std::string json_string(std::string_view text) {
  std::string json = "\"";
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, code < 0x20 || code > 0x7e ? "\\u%04x" : "%c", code);
    if (byte == '"' || byte == '\\') json.push_back('\\');
    json += escaped;
  }
  return json + "\"";
}

std::string json_word(bool is_true) { return is_true ? "true" : "false"; }

std::string json_object(const JsonFields& fields) {
  std::string json;
  for (const auto& [name, value] : fields)
    json += (json.empty() ? "{" : ", ") + json_string(name) + ": " + value;
  return json + "}";
}

}  // namespace pannier::daemon
