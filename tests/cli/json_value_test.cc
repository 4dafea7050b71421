// Values between MessagePack and JSON.
#include "client/cli/json_value.h"

#include <gtest/gtest.h>

#include <string>

#include "client/cli/base64.h"
#include "client/cli/session.h"

namespace pannier::cli {
namespace {

std::string json_of(std::string_view packed) { return to_json(packed).text(); }

/// JSON and MessagePack that stand for each other in both directions.
struct Pair {
  std::string json;
  std::string packed;
};
const Pair kPairs[] = {
    {"null", "\xc0"},
    {"true", "\xc3"},
    {"-1", "\xff"},
    {"18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
    {"-9223372036854775808", std::string("\xd3\x80\0\0\0\0\0\0\0", 9)},
    {"1.5", std::string("\xcb\x3f\xf8\0\0\0\0\0\0", 9)},
    {R"("a\"\n")",
     "\xa3"
     "a\"\n"},
    {"[]", "\x90"},
    {R"([1,"a",[null]])",
     "\x93\x01\xa1"
     "a\x91\xc0"},
    {"{}", "\x80"},
    {R"({"b":1,"a":{"c":2}})", std::string("\x82\xa1"
                                           "b\x01\xa1"
                                           "a\x81\xa1"
                                           "c\x02")},
    {R"({"$bin":"/wA="})", std::string("\xc4\x02\xff\0", 4)},
    {R"({"$bin":""})", std::string("\xc4\0", 2)},
    {R"({"$str":"/w=="})", "\xa1\xff"},
    {R"({"$ext":[-1,"AAAAAQ=="]})", std::string("\xd6\xff\0\0\0\1", 6)},
    {R"({"$ext":[5,"AQID"]})", std::string("\xc7\x03\x05\x01\x02\x03", 6)},
    {R"({"$ext":[127,""]})", std::string("\xc7\0\x7f", 3)},
    {R"({"$float":"inf"})", std::string("\xcb\x7f\xf0\0\0\0\0\0\0", 9)},
    {R"({"$float":"-inf"})", std::string("\xcb\xff\xf0\0\0\0\0\0\0", 9)},
    {R"({"$map":[[1,2]]})", "\x81\x01\x02"},
    {R"({"$map":[["a",1],["a",2]]})",
     "\x82\xa1"
     "a\x01\xa1"
     "a\x02"},
    {R"({"$map":[["$bin","x"]]})", "\x81\xa4$bin\xa1x"},
    {R"({"$map":[[{"$str":"/w=="},1]]})", "\x81\xa1\xff\x01"},
    {R"({"$bin":1,"other":2})", "\x82\xa4$bin\x01\xa5other\x02"},
};

TEST(JsonValue, every_type_has_one_form) {
  for (const auto& pair : kPairs) EXPECT_EQ(json_of(pair.packed), pair.json);
}

TEST(JsonValue, every_form_is_read) {
  for (const auto& pair : kPairs) EXPECT_EQ(from_json_text(pair.json), pair.packed) << pair.json;
}

TEST(JsonValue, long_ext_comes_back) {
  for (const std::size_t size : {16u, 255u, 256u, 65'536u}) {
    const auto json = R"({"$ext":[1,")" + to_base64(std::string(size, 'x')) + "\"]}";
    EXPECT_EQ(json_of(from_json_text(json)), json) << size;
  }
}

TEST(JsonValue, not_a_number_comes_back) {
  EXPECT_EQ(json_of(from_json_text(R"({"$float":"nan"})")), R"({"$float":"nan"})");
}

TEST(JsonValue, wrong_forms_are_usage_errors) {
  const char* const wrong[] = {"",
                               "{",
                               "[1,]",
                               "1e999",
                               R"({"$bin":"x"})",
                               R"({"$bin":5})",
                               R"({"$ext":[128,""]})",
                               R"({"$ext":["a",""]})",
                               R"({"$ext":[1]})",
                               R"({"$float":"one"})",
                               R"({"$map":{}})",
                               R"({"$map":[[1]]})"};
  for (const auto* text : wrong) {
    try {
      from_json_text(text);
      ADD_FAILURE() << text << " was read";
    } catch (const Failed& failed) {
      EXPECT_EQ(failed.code(), ExitCode::kUsage);
    }
  }
}

TEST(JsonValue, nesting_has_a_limit) {
  EXPECT_EQ(from_json_text(std::string(1000, '[') + std::string(1000, ']')).size(), 1000u);
  EXPECT_THROW(from_json_text(std::string(100'000, '[') + std::string(100'000, ']')), Failed);
}

TEST(JsonValue, key_that_is_no_text_is_a_bin) {
  EXPECT_EQ(key_json("k\n").text(), R"("k\u000a")");
  EXPECT_EQ(key_json("\xff").text(), R"({"$bin":"/w=="})");
}

TEST(Base64, bytes_come_back) {
  for (const std::string bytes : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"}) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
  EXPECT_EQ(to_base64("ab"), "YWI=");
}

TEST(Base64, text_that_nothing_encodes_to_is_refused) {
  for (const char* text : {"a", "ab", "abc", "ab==x", "a===", "YWJ=", "YW J", "====", "Y=WI"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pannier::cli
