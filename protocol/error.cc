#include "protocol/error.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "protocol/limits.h"

namespace pannier::protocol {
namespace {

bool is_continuation(char byte) { return (byte & 0xc0) == 0x80; }

/// Bytes of the UTF-8 character that `bytes` starts with; 0 if there is none. Precondition: not empty.
std::size_t character_bytes(Bytes bytes) {
  const auto first = static_cast<unsigned char>(bytes.front());
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(bytes[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(bytes[1]);
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_surrogate = first == 0xed && second >= 0xa0;
  const bool is_beyond = first == 0xf4 && second >= 0x90;
  return is_overlong || is_surrogate || is_beyond ? 0 : size;
}

/// Whether eight bytes at `bytes` are all ASCII: keys mostly are, and every key that is answered is looked
/// at.
bool are_eight_ascii(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return (word & 0x8080808080808080U) == 0;
}

bool is_control(Bytes character) {
  if (character.size() == 1) return character[0] < ' ' || character[0] == '\x7f';
  return character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
}

void append_escaped(std::string& text, char byte) {
  static constexpr std::string_view kHexDigits = "0123456789abcdef";
  switch (byte) {
    case '\n':
      text += "\\n";
      return;
    case '\r':
      text += "\\r";
      return;
    case '\t':
      text += "\\t";
      return;
    case '"':
      text += "\\\"";
      return;
    case '\\':
      text += "\\\\";
      return;
    default:
      text += "\\x";
      text += kHexDigits[static_cast<unsigned char>(byte) >> 4];
      text += kHexDigits[byte & 0x0f];
  }
}

void append_quoted(std::string& text, Bytes character) {
  const bool is_plain = !is_control(character) && character != "\"" && character != "\\";
  if (is_plain) {
    text += character;
    return;
  }
  for (const char byte : character) append_escaped(text, byte);
}

}  // namespace

std::string_view code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadRequest:
      return "bad_request";
    case ErrorCode::kUnknownMethod:
      return "unknown_method";
    case ErrorCode::kUnknownCache:
      return "unknown_cache";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kNotANumber:
      return "not_a_number";
    case ErrorCode::kDenied:
      return "denied";
    case ErrorCode::kOverloaded:
      return "overloaded";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kStorage:
      return "storage";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kShuttingDown:
      return "shutting_down";
  }
  std::abort();
}

std::string Error::wire_text() const {
  std::string wire(code_name(code));
  wire.append(": ").append(text);
  return wire;
}

std::string quoted(Bytes bytes) {
  std::string text = "\"";
  std::size_t position = 0;
  while (position < bytes.size() && position < kQuotedBytesMax) {
    const Bytes rest = bytes.substr(position);
    const std::size_t size = character_bytes(rest);
    if (position + size > kQuotedBytesMax) break;
    if (size == 0) {
      append_escaped(text, rest.front());
    } else {
      append_quoted(text, rest.substr(0, size));
    }
    position += size == 0 ? 1 : size;
  }
  if (position == bytes.size()) return text + "\"";
  return text + "...\" (" + std::to_string(bytes.size()) + " bytes)";
}

bool is_utf8(Bytes bytes) {
  std::size_t position = 0;
  while (position < bytes.size()) {
    if (bytes.size() - position >= 8 && are_eight_ascii(bytes.data() + position)) {
      position += 8;
      continue;
    }
    const std::size_t size = character_bytes(bytes.substr(position));
    if (size == 0) return false;
    position += size;
  }
  return true;
}

}  // namespace pannier::protocol
