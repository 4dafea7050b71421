// The examples of PROTOCOL.md: blocks of kind `wire`, in which a frame is a line that begins with the
// direction and bytes, maybe more lines of bytes, and a line that says what they mean. They are decoded,
// compared with the words, and written again; tests/system plays them to a daemon.

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/scanner.h"
#include "protocol/writer.h"
#include "tests/protocol/hex.h"

namespace pannier::protocol {
namespace {

struct Example {
  std::string bytes;
  std::string meaning;
};

std::string document() {
  std::ifstream file(PANNIER_PROTOCOL_DOCUMENT);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<Example> examples() {
  std::vector<Example> examples;
  std::istringstream lines(document());
  std::string bytes;
  bool is_in_block = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      is_in_block = line == "```wire";
    } else if (is_in_block) {
      const std::string content = line.substr(line.find_first_not_of("B<> "));
      if (content.starts_with('[')) {
        examples.push_back({std::exchange(bytes, {}), content});
      } else {
        bytes += from_hex(content);
      }
    }
  }
  return examples;
}

std::string escaped(Bytes text) {
  std::string shown = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') shown.push_back('\\');
    shown.push_back(letter);
  }
  return shown + '"';
}

std::string hex_of(Bytes bytes) {
  std::string hex = to_hex(bytes);
  std::erase(hex, ' ');
  return "h'" + hex + '\'';
}

std::string float_text(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

/// The next object in the words of the document, taken from `cursor`, and written to `writer`. Calls itself.
std::string told(Cursor& cursor, Writer& writer);

std::string told_array(Cursor& cursor, Writer& writer) {
  const std::uint32_t count = cursor.read_array().value();
  writer.array(count);
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + told(cursor, writer);
  return '[' + text + ']';
}

std::string told_map(Cursor& cursor, Writer& writer) {
  const std::uint32_t count = cursor.read_map().value();
  writer.map(count);
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string key = told(cursor, writer);
    text += (i > 0 ? ", " : "") + key + ": " + told(cursor, writer);
  }
  return '{' + text + '}';
}

std::string told_ext(Cursor& cursor, Writer& writer) {
  const Bytes object = cursor.read_object().value();
  writer.raw(object);
  const Bytes type_and_data = object.substr(head_of(form_of(object.front()), object).head_bytes);
  return "ext(" + std::to_string(type_and_data.front()) + ", " + hex_of(type_and_data.substr(1)) + ')';
}

std::string told(Cursor& cursor, Writer& writer) {
  switch (cursor.peek().value()) {
    case Type::kNil:
      cursor.read_nil();
      writer.nil();
      return "nil";
    case Type::kBool: {
      const bool value = cursor.read_bool().value();
      writer.boolean(value);
      return value ? "true" : "false";
    }
    case Type::kInteger: {
      const std::int64_t value = cursor.read_integer().value();
      writer.integer(value);
      return std::to_string(value);
    }
    case Type::kFloat: {
      const double value = cursor.read_float().value();
      writer.real(value);
      return float_text(value);
    }
    case Type::kString: {
      const Bytes text = cursor.read_string().value();
      writer.string(text);
      return escaped(text);
    }
    case Type::kBinary: {
      const Bytes bytes = cursor.read_string().value();
      writer.binary(bytes);
      return hex_of(bytes);
    }
    case Type::kArray:
      return told_array(cursor, writer);
    case Type::kMap:
      return told_map(cursor, writer);
    case Type::kExt:
      return told_ext(cursor, writer);
  }
  return {};
}

TEST(ProtocolDocument, holds_examples_of_every_kind_of_message) {
  std::array<int, 3> kinds{};
  for (const Example& example : examples()) {
    const Message message = read_message(example.bytes, Sender::kServer);
    kinds[0] += std::holds_alternative<Request>(message);
    kinds[1] += std::holds_alternative<Response>(message);
    kinds[2] += std::holds_alternative<Notification>(message);
  }
  EXPECT_GE(kinds[0], 20);
  EXPECT_GE(kinds[1], 20);
  EXPECT_GE(kinds[2], 2);
}

TEST(ProtocolDocument, examples_are_single_whole_objects) {
  for (const Example& example : examples()) {
    const ScanOutcome outcome = FrameScanner(FrameLimits()).scan(example.bytes);
    const auto* end = std::get_if<FrameEnd>(&outcome);
    ASSERT_NE(end, nullptr) << example.meaning;
    EXPECT_EQ(end->size, example.bytes.size()) << example.meaning;
  }
}

TEST(ProtocolDocument, bytes_of_examples_are_what_the_words_say) {
  for (const Example& example : examples()) {
    Cursor cursor(example.bytes);
    std::string written;
    Writer writer(written);
    EXPECT_EQ(told(cursor, writer), example.meaning);
    EXPECT_EQ(to_hex(written), to_hex(example.bytes)) << "the writer's bytes for " << example.meaning;
  }
}

TEST(ProtocolDocument, every_error_code_is_explained) {
  const std::string text = document();
  for (int code = 0; code <= static_cast<int>(ErrorCode::kShuttingDown); ++code) {
    const std::string name(code_name(static_cast<ErrorCode>(code)));
    EXPECT_NE(text.find("| `" + name + "` |"), std::string::npos) << name;
  }
}

TEST(ProtocolDocument, limits_are_those_of_the_code) {
  const std::string text = document();
  const auto row = [&](const char* name, std::size_t limit) {
    std::string digits = std::to_string(limit);
    for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
    EXPECT_NE(text.find("| `" + std::string(name) + "` | " + digits), std::string::npos)
        << name << ' ' << digits;
  };
  row("max_key", kKeyBytesMax);
  row("max_cache_name", kCacheNameBytesMax);
  row("max_frame", FrameLimits().frame_bytes_max);
  row("max_depth", FrameLimits().depth_max);
}

}  // namespace
}  // namespace pannier::protocol
