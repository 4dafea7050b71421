#include "client/load/dialect.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace pannier::load {
namespace {

constexpr std::size_t kShownBytes = 100;

/// Whether `in` starts with `head`; false where it is too short to tell. Throws Fault if it does not.
bool starts_with(std::string_view in, std::string_view head) {
  const std::size_t bytes = std::min(in.size(), head.size());
  if (std::memcmp(in.data(), head.data(), bytes) != 0) throw wrong_reply(in);
  return bytes == head.size();
}

}  // namespace

std::size_t Dialect::bytes_of_one(std::string_view in, std::string_view head, std::size_t bytes) {
  return starts_with(in, head) ? bytes : 0;
}

std::size_t Dialect::bytes_of_many(std::string_view in, std::string_view head, std::string_view item_head,
                                   std::size_t item_bytes, std::size_t count) {
  if (!starts_with(in, head)) return 0;
  const std::size_t bytes = head.size() + count * item_bytes;
  for (std::size_t at = head.size(); at < bytes; at += item_bytes) {
    if (at >= in.size() || !starts_with(in.substr(at), item_head)) return 0;
  }
  return bytes <= in.size() ? bytes : 0;
}

Fault wrong_reply(std::string_view in) {
  std::string text = "not the expected reply: ";
  for (const char byte : in.substr(0, kShownBytes)) {
    const auto code = static_cast<unsigned char>(byte);
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", code);
    if (code >= 0x20 && code < 0x7f)
      text += byte;
    else
      text += escaped;
  }
  return Fault(text);
}

}  // namespace pannier::load
