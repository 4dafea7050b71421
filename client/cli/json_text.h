// JSON as text, for results: an object of a few fields needs no more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pannier::cli {

/// One JSON value, printed on one line.
class JsonText {
 public:
  JsonText(std::nullptr_t) : text_("null") {}
  JsonText(bool value) : text_(value ? "true" : "false") {}
  JsonText(std::uint64_t value) : text_(std::to_string(value)) {}
  JsonText(std::int64_t value) : text_(std::to_string(value)) {}
  /// `text` has to be UTF-8.
  static JsonText string(std::string_view text);
  static JsonText array(const std::vector<JsonText>& items);
  /// An object with its fields in this order; names are printed as they are.
  static JsonText object(const std::vector<std::pair<const char*, JsonText>>& fields);
  /// What is JSON already.
  static JsonText as_is(std::string text);

  const std::string& text() const { return text_; }

 private:
  JsonText() = default;
  std::string text_;
};

}  // namespace pannier::cli
