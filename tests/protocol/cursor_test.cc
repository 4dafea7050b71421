#include "protocol/cursor.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "protocol/error.h"
#include "tests/protocol/hex.h"
#include "tests/protocol/samples.h"

namespace pannier::protocol {
namespace {

/// What `read` takes from the object that `hex` spells, and that it takes all of it.
template <class Read>
auto taken(std::string_view hex, Read read) {
  const std::string bytes = from_hex(hex);
  Cursor cursor(bytes);
  auto value = (cursor.*read)();
  EXPECT_TRUE(cursor.at_end()) << hex;
  return value;
}

std::optional<std::int64_t> integer(std::string_view hex) { return taken(hex, &Cursor::read_integer); }
std::optional<std::uint64_t> unsigned_integer(std::string_view hex) {
  return taken(hex, &Cursor::read_unsigned);
}

TEST(Cursor, nil_and_booleans_are_read) {
  EXPECT_TRUE(taken("c0", &Cursor::read_nil));
  EXPECT_EQ(taken("c2", &Cursor::read_bool), false);
  EXPECT_EQ(taken("c3", &Cursor::read_bool), true);
}

TEST(Cursor, integers_are_read_from_every_encoding) {
  EXPECT_EQ(integer("00"), 0);
  EXPECT_EQ(integer("7f"), 127);
  EXPECT_EQ(integer("e0"), -32);
  EXPECT_EQ(integer("ff"), -1);
  EXPECT_EQ(integer("ccff"), 255);
  EXPECT_EQ(integer("cdffff"), 65535);
  EXPECT_EQ(integer("ceffffffff"), 4294967295);
  EXPECT_EQ(integer("cf7fffffffffffffff"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(integer("d080"), -128);
  EXPECT_EQ(integer("d07f"), 127);
  EXPECT_EQ(integer("d18000"), -32768);
  EXPECT_EQ(integer("d280000000"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(integer("d38000000000000000"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(integer("d37fffffffffffffff"), std::numeric_limits<std::int64_t>::max());
}

TEST(Cursor, integers_in_longer_encodings_than_they_need_are_the_same) {
  for (const char* five : {"05", "cc05", "cd0005", "ce00000005", "cf0000000000000005", "d005", "d10005",
                           "d200000005", "d30000000000000005"}) {
    EXPECT_EQ(integer(five), 5) << five;
    EXPECT_EQ(unsigned_integer(five), 5U) << five;
  }
  for (const char* minus_one : {"ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"}) {
    EXPECT_EQ(integer(minus_one), -1) << minus_one;
  }
}

TEST(Cursor, integer_that_does_not_fit_is_left_for_the_other_read) {
  const std::string big = from_hex("cf8000000000000000");
  Cursor cursor(big);
  EXPECT_EQ(cursor.read_integer(), std::nullopt);
  EXPECT_EQ(cursor.read_unsigned(), std::uint64_t{1} << 63);
  for (const char* negative : {"ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"}) {
    const std::string bytes = from_hex(negative);
    Cursor below_zero(bytes);
    EXPECT_EQ(below_zero.read_unsigned(), std::nullopt);
    EXPECT_EQ(below_zero.read_integer(), -1);
  }
}

TEST(Cursor, floats_of_both_widths_are_read) {
  EXPECT_EQ(taken("ca3fc00000", &Cursor::read_float), 1.5);
  EXPECT_EQ(taken("cb3ff8000000000000", &Cursor::read_float), 1.5);
  EXPECT_EQ(taken("cbfff0000000000000", &Cursor::read_float), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(taken("ca7fc00000", &Cursor::read_float).value_or(0)));
  EXPECT_TRUE(std::signbit(taken("cb8000000000000000", &Cursor::read_float).value_or(0)));
}

TEST(Cursor, str_and_bin_of_every_length_form_are_read_alike) {
  for (const char* abc : {"a3", "d903", "da0003", "db00000003", "c403", "c50003", "c600000003"}) {
    EXPECT_EQ(taken(abc + std::string("616263"), &Cursor::read_string)->size(), 3U) << abc;
  }
  const std::string bytes = from_hex("c4 03 61 62 63");
  EXPECT_EQ(Cursor(bytes).read_string()->data(), bytes.data() + 2) << "a view into the frame, no copy";
}

TEST(Cursor, containers_of_every_length_form_announce_their_items) {
  for (const char* head : {"93", "dc0003", "dd00000003"})
    EXPECT_EQ(taken(head, &Cursor::read_array), 3U) << head;
  for (const char* head : {"83", "de0003", "df00000003"})
    EXPECT_EQ(taken(head, &Cursor::read_map), 3U) << head;
  EXPECT_EQ(taken("ddffffffff", &Cursor::read_array), 4294967295U);
  EXPECT_EQ(taken("dfffffffff", &Cursor::read_map), 4294967295U);
}

TEST(Cursor, wrong_type_is_refused_and_left_in_place) {
  for (const std::string& object : sample_objects()) {
    Cursor cursor(object);
    const Type type = cursor.peek().value();
    EXPECT_TRUE(type == Type::kNil || !cursor.read_nil());
    EXPECT_TRUE(type == Type::kBool || !cursor.read_bool());
    EXPECT_TRUE(type == Type::kInteger || !cursor.read_integer());
    EXPECT_TRUE(type == Type::kInteger || !cursor.read_unsigned());
    EXPECT_TRUE(type == Type::kFloat || !cursor.read_float());
    EXPECT_TRUE(type == Type::kString || type == Type::kBinary || !cursor.read_string());
    EXPECT_TRUE(type == Type::kArray || !cursor.read_array());
    EXPECT_TRUE(type == Type::kMap || !cursor.read_map());
    EXPECT_EQ(cursor.rest().size(), object.size()) << to_hex(object.substr(0, 20));
  }
}

TEST(Cursor, object_is_taken_whole_and_no_byte_more) {
  for (const std::string& object : sample_objects()) {
    const std::string bytes = object + from_hex("01 93");
    Cursor cursor(bytes);
    EXPECT_EQ(cursor.read_object(), object) << to_hex(object.substr(0, 20));
    EXPECT_EQ(to_hex(cursor.rest()), "01 93");
  }
}

TEST(Cursor, object_cut_short_is_refused_and_left_in_place) {
  for (const std::string& object : sample_objects()) {
    const std::size_t step = object.size() < 1000 ? 1 : 997;
    for (std::size_t size = 0; size < object.size(); size += step) {
      Cursor cursor(Bytes(object).substr(0, size));
      ASSERT_EQ(cursor.read_object(), std::nullopt) << to_hex(object.substr(0, 20));
      ASSERT_EQ(cursor.rest().size(), size);
    }
  }
}

TEST(Cursor, item_cut_short_is_refused_by_its_own_read) {
  for (const std::string& object : sample_objects()) {
    const std::size_t head = object.size() < 10 ? object.size() : 3;
    for (std::size_t size = 0; size < head; ++size) {
      Cursor cursor(Bytes(object).substr(0, size));
      const bool is_container = cursor.peek() == Type::kArray || cursor.peek() == Type::kMap;
      if (is_container) continue;  // their heads may be whole already
      EXPECT_FALSE(cursor.read_integer() || cursor.read_unsigned() || cursor.read_float() ||
                   cursor.read_string());
      EXPECT_EQ(cursor.rest().size(), size);
    }
  }
}

TEST(Cursor, object_nested_a_million_deep_is_taken_whole) {
  const std::string arrays = nested_arrays(1'000'000);
  EXPECT_EQ(Cursor(arrays).read_object()->size(), arrays.size());
  const std::string maps = nested_maps(1'000'000);
  EXPECT_EQ(Cursor(maps).read_object()->size(), maps.size());
  EXPECT_EQ(Cursor(Bytes(arrays).substr(0, 999'999)).read_object(), std::nullopt);
}

TEST(Cursor, announced_counts_beyond_the_bytes_are_refused) {
  std::string huge;
  for (int level = 0; level < 1000; ++level) huge += from_hex("df ff ff ff ff");
  EXPECT_EQ(Cursor(huge).read_object(), std::nullopt);
  EXPECT_EQ(Cursor(from_hex("dd ff ff ff ff 01")).read_object(), std::nullopt);
  EXPECT_EQ(Cursor(from_hex("c6 ff ff ff ff 01")).read_string(), std::nullopt);
}

TEST(Cursor, nothing_is_read_at_the_end_or_from_the_unused_byte) {
  for (const char* bytes : {"", "\xc1"}) {
    Cursor cursor((Bytes(bytes)));
    EXPECT_EQ(cursor.peek(), std::nullopt);
    EXPECT_FALSE(cursor.read_nil());
    EXPECT_EQ(cursor.read_object(), std::nullopt);
  }
  EXPECT_TRUE(Cursor("").at_end());
}

TEST(Described, every_type_is_named_with_its_content) {
  const std::pair<const char*, const char*> descriptions[] = {
      {"c0", "nil"},
      {"c3", "boolean true"},
      {"c2", "boolean false"},
      {"fb", "integer -5"},
      {"cfffffffffffffffff", "integer 18446744073709551615"},
      {"cb3ff8000000000000", "float 1.5"},
      {"cb7e37e43c8800759c", "float 1e+300"},
      {"ca7f800000", "float inf"},
      {"a3616263", "string \"abc\""},
      {"c40200ff", "binary \"\\x00\\xff\""},
      {"93010203", "array of 3"},
      {"80", "map of 0"},
      {"d6ff5f000001", "ext of type -1 and 4 bytes"},
      {"c70305010203", "ext of type 5 and 3 bytes"},
      {"", "nothing"},
  };
  for (const auto& [bytes, text] : descriptions) EXPECT_EQ(described(from_hex(bytes)), text);
}

TEST(Described, object_cut_short_is_described_as_such) {
  for (const char* bytes : {"cd00", "cb00", "a361", "c4", "dc00", "de", "c9000000", "d4", "cf00"}) {
    EXPECT_TRUE(described(from_hex(bytes)).ends_with(" cut short")) << bytes;
  }
}

TEST(Described, long_strings_are_shortened) {
  EXPECT_LT(described(with_body("db00010000", 65536)).size(), 400U);
  EXPECT_TRUE(described(with_body("db00010000", 65536)).ends_with("...\" (65536 bytes)"));
}

}  // namespace
}  // namespace pannier::protocol
