#include "client/cli/json_text.h"

#include <array>
#include <cstdio>

namespace pannier::cli {

namespace {

void append_escaped(std::string& out, char letter) {
  if (letter == '"' || letter == '\\') {
    out += '\\';
    out += letter;
  } else if (static_cast<unsigned char>(letter) < 0x20) {
    std::array<char, 8> escape;
    std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(letter));
    out += escape.data();
  } else {
    out += letter;
  }
}

}  // namespace

JsonText JsonText::string(std::string_view text) {
  JsonText json;
  json.text_ = "\"";
  for (const char letter : text) append_escaped(json.text_, letter);
  json.text_ += '"';
  return json;
}

JsonText JsonText::array(const std::vector<JsonText>& items) {
  JsonText json;
  for (const auto& item : items) json.text_ += (json.text_.empty() ? "" : ",") + item.text_;
  json.text_ = "[" + json.text_ + "]";
  return json;
}

JsonText JsonText::object(const std::vector<std::pair<const char*, JsonText>>& fields) {
  JsonText json;
  for (const auto& [name, value] : fields) {
    json.text_ += (json.text_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value.text_;
  }
  json.text_ = "{" + json.text_ + "}";
  return json;
}

JsonText JsonText::as_is(std::string text) {
  JsonText json;
  json.text_ = std::move(text);
  return json;
}

}  // namespace pannier::cli
