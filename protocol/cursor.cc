#include "protocol/cursor.h"

#include <array>
#include <bit>
#include <charconv>
#include <limits>

#include "protocol/error.h"

namespace pannier::protocol {
namespace {

/// The head of the item that `rest` starts with, if the item is of `type` and its body is there whole.
inline std::optional<ItemHead> head_of_next(Bytes rest, Type type) {
  if (rest.empty()) return std::nullopt;
  const ItemForm form = form_of(rest.front());
  if (form.type != type || !form.is_used || rest.size() <= form.length_bytes) return std::nullopt;
  const ItemHead head = head_of(form, rest);
  if (rest.size() - head.head_bytes < head.body_bytes) return std::nullopt;
  return head;
}

/// The item with this head, taken off `rest`.
inline Bytes take(Bytes& rest, const ItemHead& head) {
  const Bytes item(rest.data(), head.head_bytes + head.body_bytes);
  rest.remove_prefix(item.size());
  return item;
}

struct Integer {
  std::uint64_t bits;  ///< two's complement if negative
  bool is_negative;
};

Integer integer_of(Bytes item) {
  const auto first = static_cast<unsigned char>(item.front());
  const Bytes body = item.substr(1);
  if (body.empty()) return {static_cast<std::uint64_t>(static_cast<std::int8_t>(first)), first >= 0xe0};

  const std::uint64_t bits = big_endian(body);
  const bool is_negative = first >= 0xd0 && (body.front() & 0x80) != 0;
  if (!is_negative) return {bits, false};
  const unsigned sign_bits = 64U - 8U * static_cast<unsigned>(body.size());
  return {static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << sign_bits) >> sign_bits), true};
}

double float_of(Bytes body) {
  const std::uint64_t bits = big_endian(body);
  if (body.size() == sizeof(float)) return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  return std::bit_cast<double>(bits);
}

std::string described_float(double value) {
  std::array<char, 32> text;  // the longest double, shortest form, is 24 characters
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), written.ptr};
}

std::string described_integer(Cursor cursor) {
  if (const auto value = cursor.read_integer()) return std::to_string(*value);
  if (const auto value = cursor.read_unsigned()) return std::to_string(*value);
  return "cut short";
}

std::string described_ext(Bytes object) {
  const ItemForm form = form_of(object.front());
  if (object.size() <= form.length_bytes) return "cut short";
  const ItemHead head = head_of(form, object);
  if (object.size() <= head.head_bytes) return "cut short";
  return "of type " + std::to_string(static_cast<std::int8_t>(object[head.head_bytes])) + " and " +
         std::to_string(head.body_bytes - 1) + " bytes";
}

std::string described_content(Type type, Bytes object) {
  Cursor cursor(object);
  switch (type) {
    case Type::kNil:
      return {};
    case Type::kBool:
      return cursor.read_bool().value_or(false) ? "true" : "false";
    case Type::kInteger:
      return described_integer(cursor);
    case Type::kFloat:
      if (const auto value = cursor.read_float()) return described_float(*value);
      break;
    case Type::kString:
    case Type::kBinary:
      if (const auto value = cursor.read_string()) return quoted(*value);
      break;
    case Type::kArray:
      if (const auto count = cursor.read_array()) return "of " + std::to_string(*count);
      break;
    case Type::kMap:
      if (const auto count = cursor.read_map()) return "of " + std::to_string(*count);
      break;
    case Type::kExt:
      return described_ext(object);
  }
  return "cut short";
}

}  // namespace

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kNil:
      return "nil";
    case Type::kBool:
      return "boolean";
    case Type::kInteger:
      return "integer";
    case Type::kFloat:
      return "float";
    case Type::kString:
      return "string";
    case Type::kBinary:
      return "binary";
    case Type::kArray:
      return "array";
    case Type::kMap:
      return "map";
    case Type::kExt:
      return "ext";
  }
  std::abort();
}

std::optional<Type> Cursor::peek() const {
  if (rest_.empty()) return std::nullopt;
  const ItemForm form = form_of(rest_.front());
  return form.is_used ? std::optional(form.type) : std::nullopt;
}

bool Cursor::read_nil() {
  const auto head = head_of_next(rest_, Type::kNil);
  if (head) take(rest_, *head);
  return head.has_value();
}

std::optional<bool> Cursor::read_bool() {
  const auto head = head_of_next(rest_, Type::kBool);
  if (!head) return std::nullopt;
  return take(rest_, *head).front() == '\xc3';
}

std::optional<std::int64_t> Cursor::read_integer() {
  const auto head = head_of_next(rest_, Type::kInteger);
  if (!head) return std::nullopt;
  const Integer integer = integer_of({rest_.data(), head->head_bytes + head->body_bytes});
  if (!integer.is_negative && integer.bits > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  take(rest_, *head);
  return static_cast<std::int64_t>(integer.bits);
}

std::optional<std::uint64_t> Cursor::read_unsigned() {
  const auto head = head_of_next(rest_, Type::kInteger);
  if (!head) return std::nullopt;
  const Integer integer = integer_of({rest_.data(), head->head_bytes + head->body_bytes});
  if (integer.is_negative) return std::nullopt;
  take(rest_, *head);
  return integer.bits;
}

std::optional<double> Cursor::read_float() {
  const auto head = head_of_next(rest_, Type::kFloat);
  if (!head) return std::nullopt;
  return float_of(take(rest_, *head).substr(head->head_bytes));
}

std::optional<Bytes> Cursor::read_string() {
  auto head = head_of_next(rest_, Type::kString);
  if (!head) head = head_of_next(rest_, Type::kBinary);
  if (!head) return std::nullopt;
  return take(rest_, *head).substr(head->head_bytes);
}

std::optional<std::uint32_t> Cursor::read_array() {
  const auto head = head_of_next(rest_, Type::kArray);
  if (!head) return std::nullopt;
  take(rest_, *head);
  return static_cast<std::uint32_t>(head->children);
}

std::optional<std::uint32_t> Cursor::read_map() {
  const auto head = head_of_next(rest_, Type::kMap);
  if (!head) return std::nullopt;
  take(rest_, *head);
  return static_cast<std::uint32_t>(head->children / 2);
}

std::optional<Bytes> Cursor::read_object() {
  Bytes rest = rest_;
  // How many objects are still to come, whatever container they belong to: enough to find the end without a
  // stack.
  std::uint64_t to_come = 1;
  while (to_come > 0) {
    // An object has a byte at least: more to come than bytes are left means it is cut short. This also keeps
    // the count far from overflow.
    if (to_come > rest.size()) return std::nullopt;
    const auto head = head_of_next(rest, form_of(rest.front()).type);
    if (!head) return std::nullopt;
    take(rest, *head);
    to_come += head->children - 1;
  }
  const Bytes object = rest_.substr(0, rest_.size() - rest.size());
  rest_ = rest;
  return object;
}

std::string described(Bytes object) {
  const auto type = Cursor(object).peek();
  if (!type) return "nothing";
  std::string text(type_name(*type));
  const std::string content = described_content(*type, object);
  if (!content.empty()) text.append(" ").append(content);
  return text;
}

}  // namespace pannier::protocol
