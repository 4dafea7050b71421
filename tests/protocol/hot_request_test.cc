#include "protocol/hot_request.h"

#include <gtest/gtest.h>

#include "tests/protocol/hex.h"

namespace pannier::protocol {
namespace {

/// What is found, in one line.
std::string hot_line(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  const auto hot = read_hot_request(bytes);
  if (!hot) return "not hot";
  const bool is_get = hot->method == HotRequest::Method::kGet;
  return std::string(is_get ? "get " : "put ") + to_hex(hot->id) + " / " + std::string(hot->cache) + " / " +
         to_hex(hot->key) + (is_get ? "" : " / " + to_hex(hot->value)) + " / " + std::to_string(hot->size) +
         (hot->has_ttl ? " ttl " + std::to_string(hot->ttl_ms) : "") + (hot->is_synced ? " sync" : "");
}

TEST(HotRequest, get_and_put_are_taken_apart) {
  EXPECT_EQ(hot_line("94 00 01 a3 676574 92 a1 63 a2 6b6b"), "get 01 / c / 6b 6b / 13");
  EXPECT_EQ(hot_line("94 00 cd 0102 a3 676574 92 a1 63 c4 01 ff"), "get cd 01 02 / c / ff / 15");
  EXPECT_EQ(hot_line("94 00 01 a3 676574 92 d9 01 63 a1 6b"), "get 01 / c / 6b / 13");
  EXPECT_EQ(hot_line("94 00 01 a3 707574 93 a1 63 a1 6b c4 02 0001"), "put 01 / c / 6b / c4 02 00 01 / 16");
  EXPECT_EQ(hot_line("94 00 01 a3 707574 93 a1 63 a1 6b c0"), "put 01 / c / 6b / c0 / 13");
}

TEST(HotRequest, options_of_a_put_are_told) {
  const std::string put = "94 00 01 a3 707574 94 a1 63 a1 6b 07 ";
  const std::string ttl = "a6 74746c5f6d73 ";
  const std::string sync = "a4 73796e63 ";
  const std::string told = "put 01 / c / 6b / 07 / ";
  EXPECT_EQ(hot_line(put + "80"), told + "14");
  EXPECT_EQ(hot_line(put + "81" + ttl + "05"), told + "22 ttl 5");
  EXPECT_EQ(hot_line(put + "81" + ttl + "00"), told + "22 ttl 0");
  EXPECT_EQ(hot_line(put + "81" + ttl + "cd ea60"), told + "24 ttl 60000");
  EXPECT_EQ(hot_line(put + "81" + ttl + "cf 0020000000000000"), told + "30 ttl 9007199254740992");
  EXPECT_EQ(hot_line(put + "81" + sync + "c3"), told + "20 sync");
  EXPECT_EQ(hot_line(put + "81" + sync + "c2"), told + "20");
  EXPECT_EQ(hot_line(put + "82" + sync + "c3" + ttl + "cc ff"), told + "29 ttl 255 sync");
  EXPECT_EQ(hot_line(put + "82" + ttl + "05" + sync + "c2 94"), told + "28 ttl 5")
      << "and what follows is left";
}

TEST(HotRequest, other_options_are_for_others) {
  const std::string put = "94 00 01 a3 707574 94 a1 63 a1 6b 07 ";
  const std::string ttl = "a6 74746c5f6d73 ";
  const std::string sync = "a4 73796e63 ";
  EXPECT_EQ(hot_line(put + "c0"), "not hot") << "nil";
  EXPECT_EQ(hot_line(put + "81 a2 6966 01"), "not hot") << "another name";
  EXPECT_EQ(hot_line(put + "82" + ttl + "05" + ttl + "05"), "not hot") << "twice";
  EXPECT_EQ(hot_line(put + "82" + sync + "c2" + sync + "c3"), "not hot") << "twice";
  EXPECT_EQ(hot_line(put + "81" + ttl + "ff"), "not hot") << "negative";
  EXPECT_EQ(hot_line(put + "81" + ttl + "c0"), "not hot") << "nil: no deadline";
  EXPECT_EQ(hot_line(put + "81" + ttl + "cf 0020000000000001"), "not hot") << "longer than there is";
  EXPECT_EQ(hot_line(put + "81" + sync + "01"), "not hot") << "no boolean";
  EXPECT_EQ(hot_line(put + "81 d9 04 73796e63 c3"), "not hot") << "not the shortest encoding";
  EXPECT_EQ(hot_line(put + "de 0001" + sync + "c3"), "not hot") << "not the shortest encoding";
  const std::string whole = put + "82" + ttl + "cd ea60" + sync + "c3";
  const std::string bytes = from_hex(whole);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(read_hot_request(std::string_view(bytes).substr(0, cut))) << "cut short behind " << cut;
  EXPECT_EQ(hot_line(whole), "put 01 / c / 6b / 07 / 30 ttl 60000 sync");
}

TEST(HotRequest, its_parameters_are_those_of_the_message) {
  const std::string get = from_hex("94 00 01 a3 676574 92 a1 63 a2 6b6b 94");
  EXPECT_EQ(to_hex(read_hot_request(get)->params), "92 a1 63 a2 6b 6b");
  const std::string put = from_hex("94 00 01 a3 707574 94 a1 63 a1 6b 07 80 94");
  EXPECT_EQ(to_hex(read_hot_request(put)->params), "94 a1 63 a1 6b 07 80");
  const std::string start = from_hex("94 00 01 a3 707574 93 a1 63 a1 6b c4 09 01");
  EXPECT_EQ(to_hex(read_hot_put_start(start)->request.params), "93 a1 63 a1 6b");
}

TEST(HotRequest, a_value_may_have_others_in_it) {
  const std::string put = "94 00 01 a3 707574 93 a1 63 a1 6b ";
  const std::string told = "put 01 / c / 6b / ";
  EXPECT_EQ(hot_line(put + "90 94"), told + "90 / 13");
  EXPECT_EQ(hot_line(put + "91 01"), told + "91 01 / 14");
  EXPECT_EQ(hot_line(put + "82 01 92 02 80 a1 78 c0 94"), told + "82 01 92 02 80 a1 78 c0 / 20");
  EXPECT_EQ(hot_line(put + "dc 0002 c4 01 ff de 0001 90 91 90"),
            told + "dc 00 02 c4 01 ff de 00 01 90 91 90 / 24");
  EXPECT_EQ(hot_line(put + "91 91 91 91 91 91 05"), told + "91 91 91 91 91 91 05 / 19");
  EXPECT_EQ(hot_line("94 00 01 a3 707574 94 a1 63 a1 6b 81 01 02 81 a4 73796e63 c3"),
            "put 01 / c / 6b / 81 01 02 / 22 sync");
}

TEST(HotRequest, values_that_are_deep_or_long_are_for_others) {
  const std::string put = "94 00 01 a3 707574 93 a1 63 a1 6b ";
  EXPECT_EQ(hot_line(put + "91 91 91 91 91 91 91 05"), "not hot");
  EXPECT_EQ(hot_line(put + "91 91 91 91 91 91 90"), "not hot");
  EXPECT_EQ(hot_line(put + "92 01 c1"), "not hot");
  const auto array_of = [&](std::size_t items) {
    const std::string bytes =
        from_hex(put + "dc") + static_cast<char>(items >> 8) + static_cast<char>(items & 0xff);
    return read_hot_request(bytes + std::string(items, '\5'));
  };
  EXPECT_TRUE(array_of(4'093));
  EXPECT_FALSE(array_of(4'094)) << "4097 bytes";
  const std::string whole =
      from_hex(put + "82 a1 61 92 cd 1234 c4 03 010203 a1 62 dd 00000001 cb 0102030405060708");
  ASSERT_TRUE(read_hot_request(whole));
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    EXPECT_FALSE(read_hot_request(std::string_view(whole).substr(0, cut))) << "cut short behind " << cut;
  const std::string announced = from_hex(put + "dd ffffffff 01");
  EXPECT_FALSE(read_hot_request(announced));
  EXPECT_FALSE(read_hot_request(from_hex(put + "91 c6 ffffffff 01")));
}

TEST(HotRequest, what_follows_is_left) {
  EXPECT_EQ(hot_line("94 00 01 a3 676574 92 a1 63 a1 6b 94 00"), "get 01 / c / 6b / 12");
}

TEST(HotRequest, all_else_is_for_others) {
  EXPECT_EQ(hot_line(""), "not hot");
  EXPECT_EQ(hot_line("94 00 01 a3 676574 92 a1 63 a2 6b"), "not hot") << "cut short";
  EXPECT_EQ(hot_line("94 00 ff a3 676574 92 a1 63 a1 6b"), "not hot") << "a negative id";
  EXPECT_EQ(hot_line("94 00 01 a3 676574 93 a1 63 a1 6b 80"), "not hot") << "options";
  EXPECT_EQ(hot_line("94 00 01 a3 676574 92 a1 63 a0"), "not hot") << "an empty key";
  EXPECT_EQ(hot_line("94 00 01 a3 676574 92 a0 a1 6b"), "not hot") << "an empty name";
  EXPECT_EQ(hot_line("94 00 01 a3 676574 92 a1 63 05"), "not hot") << "a key that is a number";
  EXPECT_EQ(hot_line("94 00 01 a3 707574 93 a1 63 a1 6b c1"), "not hot") << "no MessagePack";
  EXPECT_EQ(hot_line("93 02 a3 676574 92 a1 63 a1 6b"), "not hot") << "a notification";
  EXPECT_EQ(hot_line("dc 0004 00 01 a3 676574 92 a1 63 a1 6b"), "not hot") << "not the shortest encoding";
}

/// What is found of a put that is not whole, in one line.
std::string start_line(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  const auto put = read_hot_put_start(bytes);
  if (!put) return "no put";
  const HotRequest& hot = put->request;
  return to_hex(hot.id) + " / " + std::string(hot.cache) + " / " + to_hex(hot.key) + " / " +
         to_hex(hot.value) + " of " + std::to_string(put->value_bytes) + " / " + std::to_string(hot.size);
}

TEST(HotRequest, a_put_is_known_from_the_head_of_its_value_on) {
  const std::string before = "94 00 01 a3 707574 93 a1 63 a1 6b ";
  EXPECT_EQ(start_line(before + "c6 00010000"), "01 / c / 6b / c6 00 01 00 00 of 65541 / 65553");
  EXPECT_EQ(start_line(before + "da 0100 7676"), "01 / c / 6b / da 01 00 76 76 of 259 / 271");
  EXPECT_EQ(start_line(before + "c7 02 05 11"), "01 / c / 6b / c7 02 05 11 of 5 / 17");
  EXPECT_EQ(start_line(before + "a2 7676 94 00"), "01 / c / 6b / a2 76 76 of 3 / 15")
      << "whole, and what follows";
  EXPECT_EQ(start_line(before + "c6 000100"), "no put") << "its length is not there";
  EXPECT_EQ(start_line(before), "no put");
  EXPECT_EQ(start_line(before + "dd 00010000"), "no put") << "an array";
  EXPECT_EQ(start_line("94 00 01 a3 707574 94 a1 63 a1 6b c6 00010000"), "no put") << "options";
  EXPECT_EQ(start_line("94 00 01 a3 676574 92 a1 63 a1 6b c6 00010000"), "no put") << "a get";
}

TEST(HotRequest, answers_are_those_of_the_contract) {
  const std::string id = from_hex("cd 0102");
  std::string hit, miss, version;
  append_hit_start(hit, id);
  append_miss(miss, id);
  append_version(version, id, 300);
  EXPECT_EQ(to_hex(hit), "94 01 cd 01 02 c0 91");
  EXPECT_EQ(to_hex(miss), "94 01 cd 01 02 c0 c0");
  EXPECT_EQ(to_hex(version), "94 01 cd 01 02 c0 cd 01 2c");
}

}  // namespace
}  // namespace pannier::protocol
