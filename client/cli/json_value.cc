#include "client/cli/json_value.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "client/cli/base64.h"
#include "client/cli/session.h"
#include "protocol/cursor.h"
#include "protocol/error.h"
#include "protocol/writer.h"

namespace pannier::cli {

const char* const kJsonFormsHelp =
    R"(JSON has the same types for nil, booleans, numbers, str, arrays and maps. The rest is printed as
  bin                    {"$bin": "BASE64"}
  ext                    {"$ext": [TYPE, "BASE64"]}
  str that is not UTF-8  {"$str": "BASE64"}
  NaN and infinities     {"$float": "nan"}, "inf" or "-inf"
  maps with other keys   {"$map": [[KEY, VALUE], ...]}
and `pannier put --json-value` reads it.
)";

namespace {

using Json = nlohmann::ordered_json;
using protocol::Cursor;
using protocol::Type;
using protocol::Writer;

constexpr int kJsonDepthMax = 1000;

Json next_json(Cursor& cursor);

Json float_json(double value) {
  if (std::isfinite(value)) return value;
  return {{"$float", std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"}};
}

Json string_json(std::string_view bytes) {
  if (protocol::is_utf8(bytes)) return std::string(bytes);
  return {{"$str", to_base64(bytes)}};
}

Json integer_json(Cursor& cursor) {
  if (const auto number = cursor.read_integer()) return *number;
  return cursor.read_unsigned().value_or(0);
}

// The head of an ext is 2 to 6 bytes: its form tells how many give the length; the byte before the data is
// the type.
Json ext_json(std::string_view object) {
  static constexpr std::pair<unsigned char, std::size_t> kHeadBytes[] = {{0xc7, 3}, {0xc8, 4}, {0xc9, 6}};
  std::size_t head_bytes = 2;
  for (const auto& [form, bytes] : kHeadBytes) {
    if (static_cast<unsigned char>(object[0]) == form) head_bytes = bytes;
  }
  const auto type = static_cast<std::int8_t>(object[head_bytes - 1]);
  return {{"$ext", Json::array({type, to_base64(object.substr(head_bytes))})}};
}

Json array_json(Cursor& cursor) {
  auto array = Json::array();
  for (auto left = cursor.read_array().value_or(0); left > 0; --left) array.push_back(next_json(cursor));
  return array;
}

// An object where that is unambiguous.
Json map_json(Cursor& cursor) {
  auto object = Json::object();
  auto pairs = Json::array();
  bool is_object = true;
  for (auto left = cursor.read_map().value_or(0); left > 0; --left) {
    auto key = next_json(cursor);
    auto value = next_json(cursor);
    is_object = is_object && key.is_string() && !object.contains(key.get_ref<const std::string&>());
    if (is_object) object[key.get_ref<const std::string&>()] = value;
    pairs.push_back(Json::array({std::move(key), std::move(value)}));
  }
  if (is_object && object.size() == 1 && object.begin().key().starts_with('$')) is_object = false;
  return is_object ? object : Json{{"$map", std::move(pairs)}};
}

Json next_json(Cursor& cursor) {
  switch (cursor.peek().value_or(Type::kNil)) {
    case Type::kNil:
      cursor.read_nil();
      return nullptr;
    case Type::kBool:
      return cursor.read_bool().value_or(false);
    case Type::kInteger:
      return integer_json(cursor);
    case Type::kFloat:
      return float_json(cursor.read_float().value_or(0));
    case Type::kString:
      return string_json(cursor.read_string().value_or(""));
    case Type::kBinary:
      return {{"$bin", to_base64(cursor.read_string().value_or(""))}};
    case Type::kArray:
      return array_json(cursor);
    case Type::kMap:
      return map_json(cursor);
    case Type::kExt:
      return ext_json(cursor.read_object().value_or("\xc7"));
  }
  return nullptr;
}

[[noreturn]] void throw_bad_form(const Json& value, const std::string& right) {
  throw Failed(ExitCode::kUsage, "the JSON value has " + value.dump() + ", which should be " + right);
}

std::string base64_of(const Json& form, const Json& text) {
  const auto bytes = text.is_string() ? from_base64(text.get_ref<const std::string&>()) : std::nullopt;
  if (!bytes) throw_bad_form(form, "base64, with padding");
  return *bytes;
}

void write(std::string& out, const Json& value, int depth);

void write_float_form(std::string& out, const Json& form, const Json& word) {
  using Limits = std::numeric_limits<double>;
  Writer writer(out);
  if (word == "nan") return writer.real(Limits::quiet_NaN());
  if (word == "inf") return writer.real(Limits::infinity());
  if (word == "-inf") return writer.real(-Limits::infinity());
  throw_bad_form(form, R"({"$float": "nan"}, "inf" or "-inf")");
}

// Everything of an ext before its type: of the shortest form.
void write_ext_head(std::string& out, std::size_t size) {
  if (std::has_single_bit(size) && size <= 16) {
    out.push_back(static_cast<char>(0xd4 + std::countr_zero(size)));
    return;
  }
  const int length_bytes = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
  out.push_back(length_bytes == 1 ? '\xc7' : length_bytes == 2 ? '\xc8' : '\xc9');
  for (int i = length_bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i) & 0xffu));
}

void write_ext_form(std::string& out, const Json& form, const Json& parts) {
  const bool is_pair = parts.is_array() && parts.size() == 2 && parts[0].is_number_integer();
  if (!is_pair || parts[0] < -128 || parts[0] > 127)
    throw_bad_form(form, R"({"$ext": [-128 to 127, "BASE64"]})");
  const auto data = base64_of(form, parts[1]);
  write_ext_head(out, data.size());
  out.push_back(static_cast<char>(parts[0].get<int>()));
  out += data;
}

void write_map_form(std::string& out, const Json& form, const Json& pairs, int depth) {
  if (!pairs.is_array()) throw_bad_form(form, R"({"$map": [[KEY, VALUE], ...]})");
  Writer(out).map(static_cast<std::uint32_t>(pairs.size()));
  for (const auto& pair : pairs) {
    if (!pair.is_array() || pair.size() != 2) throw_bad_form(form, R"({"$map": [[KEY, VALUE], ...]})");
    write(out, pair[0], depth + 1);
    write(out, pair[1], depth + 1);
  }
}

/// Whether `object` is one of the forms for what JSON has no type for; it is written then.
bool write_form(std::string& out, const Json& object, int depth) {
  if (object.size() != 1) return false;
  const auto& name = object.begin().key();
  const auto& content = object.begin().value();
  if (name == "$bin") {
    Writer(out).binary(base64_of(object, content));
  } else if (name == "$str") {
    Writer(out).string(base64_of(object, content));
  } else if (name == "$float") {
    write_float_form(out, object, content);
  } else if (name == "$ext") {
    write_ext_form(out, object, content);
  } else if (name == "$map") {
    write_map_form(out, object, content, depth);
  } else {
    return false;
  }
  return true;
}

void write_object(std::string& out, const Json& object, int depth) {
  if (write_form(out, object, depth)) return;
  Writer(out).map(static_cast<std::uint32_t>(object.size()));
  for (const auto& [key, value] : object.items()) {
    Writer(out).string(key);
    write(out, value, depth + 1);
  }
}

void write_array(std::string& out, const Json& array, int depth) {
  Writer(out).array(static_cast<std::uint32_t>(array.size()));
  for (const auto& value : array) write(out, value, depth + 1);
}

void write(std::string& out, const Json& value, int depth) {
  if (depth > kJsonDepthMax) {
    throw Failed(ExitCode::kUsage,
                 "the JSON value is nested deeper than " + std::to_string(kJsonDepthMax) + " levels");
  }
  Writer writer(out);
  if (value.is_object()) return write_object(out, value, depth);
  if (value.is_array()) return write_array(out, value, depth);
  if (value.is_string()) return writer.string(value.get_ref<const std::string&>());
  if (value.is_boolean()) return writer.boolean(value.get<bool>());
  if (value.is_number_unsigned()) return writer.unsigned_integer(value.get<std::uint64_t>());
  if (value.is_number_integer()) return writer.integer(value.get<std::int64_t>());
  if (value.is_number_float()) return writer.real(value.get<double>());
  writer.nil();
}

}  // namespace

JsonText to_json(std::string_view packed) {
  Cursor cursor(packed);
  return JsonText::as_is(next_json(cursor).dump());
}

JsonText key_json(std::string_view key) {
  if (protocol::is_utf8(key)) return JsonText::string(key);
  return JsonText::object({{"$bin", JsonText::string(to_base64(key))}});
}

std::string from_json_text(std::string_view text) {
  std::string out;
  try {
    write(out, Json::parse(text), 0);
  } catch (const Json::exception& error) {
    throw Failed(ExitCode::kUsage, "the value is no JSON: " + std::string(error.what()));
  }
  return out;
}

}  // namespace pannier::cli
