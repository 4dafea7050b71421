#include "protocol/error.h"

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/protocol/hex.h"

namespace pannier::protocol {
namespace {

/// quoted() of a view: with a std::string, the library's std::quoted would be found too.
std::string shown(Bytes bytes) { return quoted(bytes); }

TEST(ErrorText, code_stands_before_the_words) {
  EXPECT_EQ((Error{ErrorCode::kNotANumber, "it is a map"}).wire_text(), "not_a_number: it is a map");
}

TEST(ErrorText, codes_are_those_of_the_contract) {
  const std::pair<ErrorCode, const char*> codes[] = {
      {ErrorCode::kBadRequest, "bad_request"},
      {ErrorCode::kUnknownMethod, "unknown_method"},
      {ErrorCode::kUnknownCache, "unknown_cache"},
      {ErrorCode::kTooLarge, "too_large"},
      {ErrorCode::kConflict, "conflict"},
      {ErrorCode::kNotANumber, "not_a_number"},
      {ErrorCode::kDenied, "denied"},
      {ErrorCode::kOverloaded, "overloaded"},
      {ErrorCode::kOutOfMemory, "out_of_memory"},
      {ErrorCode::kStorage, "storage"},
      {ErrorCode::kUnsupported, "unsupported"},
      {ErrorCode::kShuttingDown, "shutting_down"},
  };
  for (const auto& [code, name] : codes) EXPECT_EQ(code_name(code), name);
}

TEST(Utf8, every_character_of_the_standard_is_valid) {
  for (unsigned point = 0; point <= 0x10ffff; ++point) {
    std::string text;
    const auto tail = [&](unsigned shift) {
      text.push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3f)));
    };
    if (point < 0x80) {
      text.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
      text.push_back(static_cast<char>(0xc0 | point >> 6)), tail(0);
    } else if (point < 0x10000) {
      text.push_back(static_cast<char>(0xe0 | point >> 12)), tail(6), tail(0);
    } else {
      text.push_back(static_cast<char>(0xf0 | point >> 18)), tail(12), tail(6), tail(0);
    }
    const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
    ASSERT_EQ(is_utf8(text), !is_surrogate) << to_hex(text);
    ASSERT_EQ(is_utf8(Bytes(text).substr(0, text.size() - 1)), text.size() == 1) << to_hex(text);
  }
}

TEST(Utf8, overlong_lone_and_impossible_bytes_are_invalid) {
  for (const char* bytes :
       {"80", "bf", "c0 80", "c1 bf", "e0 80 80", "e0 9f bf", "f0 80 80 80", "f0 8f bf bf", "f4 90 80 80",
        "f5 80 80 80", "fe", "ff", "c3 28", "e2 82 28", "61 61 61 61 61 61 61 61 80"}) {
    EXPECT_FALSE(is_utf8(from_hex(bytes))) << bytes;
  }
}

TEST(Utf8, invalid_byte_is_found_at_every_offset) {
  for (std::size_t offset = 0; offset < 40; ++offset) {
    std::string text(40, 'a');
    text[offset] = '\xff';
    EXPECT_FALSE(is_utf8(text)) << offset;
  }
  EXPECT_TRUE(is_utf8(std::string(40, 'a')));
  EXPECT_TRUE(is_utf8(""));
}

TEST(Quoted, text_stays_as_it_is) {
  EXPECT_EQ(shown("a key: 1/2"), "\"a key: 1/2\"");
  EXPECT_EQ(shown("schöne Grüße, 世界 🎒"), "\"schöne Grüße, 世界 🎒\"");
  EXPECT_EQ(shown(""), "\"\"");
}

TEST(Quoted, what_does_not_print_is_escaped) {
  EXPECT_EQ(shown(Bytes("\0\x1b\x7f", 3)), R"("\x00\x1b\x7f")");
  EXPECT_EQ(shown("a\n\r\t\"\\z"), R"("a\n\r\t\"\\z")");
  EXPECT_EQ(shown("\xff\xc3"), R"("\xff\xc3")");
  EXPECT_EQ(shown("\xc2\x9b\x31m \xc2\xa0"), "\"\\xc2\\x9b1m \xc2\xa0\"");
}

TEST(Quoted, eighty_bytes_are_shown_whole_and_more_are_cut) {
  EXPECT_EQ(shown(std::string(80, 'k')), '"' + std::string(80, 'k') + '"');
  EXPECT_EQ(shown(std::string(81, 'k')), '"' + std::string(80, 'k') + "...\" (81 bytes)");
  EXPECT_EQ(shown(std::string(65535, '\n')).size(),
            1 + 2 * kQuotedBytesMax + 4 + std::string(" (65535 bytes)").size());
}

TEST(Quoted, cut_never_halves_a_character) {
  for (std::size_t before = 76; before <= 80; ++before) {
    const std::string text = std::string(before, 'k') + "🎒" + std::string(20, 'z');
    const std::string cut = shown(text);
    EXPECT_TRUE(is_utf8(cut));
    EXPECT_EQ(cut.find("🎒") != std::string::npos, before + 4 <= kQuotedBytesMax) << cut;
    EXPECT_EQ(cut.find("\\x"), std::string::npos) << cut;
  }
}

TEST(Quoted, character_cut_by_its_sender_is_escaped) {
  EXPECT_EQ(shown("k\xf0\x9f\x8e"), R"("k\xf0\x9f\x8e")");
  const std::string whole(79, 'k');
  EXPECT_EQ(shown(whole + "\xf0\x9f"), "\"" + whole + "\\xf0...\" (81 bytes)");
}

TEST(Quoted, answer_is_valid_utf8_whatever_the_bytes) {
  std::string bytes;
  unsigned state = 1;
  for (int round = 0; round < 20'000; ++round) {
    bytes.clear();
    for (int i = 0; i < 90; ++i) {
      state = state * 1664525U + 1013904223U;
      // Lead and continuation bytes are what goes wrong: a quarter of each, the rest anything.
      const unsigned byte = state >> 24;
      bytes.push_back(static_cast<char>(byte < 64 ? 0x80 | byte : byte < 128 ? 0xc0 | byte : byte));
    }
    ASSERT_TRUE(is_utf8(shown(bytes))) << to_hex(bytes);
  }
}

}  // namespace
}  // namespace pannier::protocol
