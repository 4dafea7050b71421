#include "tests/protocol/hex.h"

#include <cctype>
#include <stdexcept>

namespace pannier::protocol {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

char digit_of(char letter) {
  const std::size_t digit = kDigits.find(letter);
  if (digit == std::string_view::npos)
    throw std::invalid_argument(std::string("no hexadecimal digit: ") + letter);
  return static_cast<char>(digit);
}

}  // namespace

std::string from_hex(std::string_view text) {
  std::string digits;
  for (const char letter : text) {
    if (letter != ' ' && letter != '\n') digits.push_back(digit_of(letter));
  }
  if (digits.size() % 2 != 0) throw std::invalid_argument("half a byte: " + std::string(text));
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(digits[i] << 4 | digits[i + 1]));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    if (!text.empty()) text.push_back(' ');
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(kDigits[byte & 0x0f]);
  }
  return text;
}

}  // namespace pannier::protocol
