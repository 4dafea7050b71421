// C++ types as MessagePack and back.
#include "pannier/value.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace pannier::test {
namespace {

struct Point {
  int x = 0;
  std::string label;
  MSGPACK_DEFINE(x, label)
};

template <class T>
T round_trip(const T& value) {
  return unpack<T>(pack(value));
}

TEST(Value, types_come_back_as_they_were) {
  EXPECT_EQ(round_trip(true), true);
  EXPECT_EQ(round_trip(std::numeric_limits<std::int64_t>::min()), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(round_trip(std::numeric_limits<std::uint64_t>::max()), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(round_trip(-0.5), -0.5);
  EXPECT_EQ(round_trip(std::string("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_EQ(round_trip(std::vector<int>{1, -2, 300}), (std::vector<int>{1, -2, 300}));
  EXPECT_EQ(round_trip(std::vector<char>{'\xff', 0}), (std::vector<char>{'\xff', 0}));
  const std::map<std::string, std::vector<double>> map = {{"a", {1.5}}, {"b", {}}};
  EXPECT_EQ(round_trip(map), map);
  EXPECT_EQ(round_trip(std::make_tuple(1, std::string("two"))), std::make_tuple(1, std::string("two")));
  EXPECT_EQ(round_trip(std::optional<int>()), std::optional<int>());
  EXPECT_EQ(round_trip(Point{3, "here"}).label, "here");
}

TEST(Value, text_is_packed_as_str_and_bytes_as_bin) {
  EXPECT_EQ(pack("ab"),
            "\xa2"
            "ab");
  EXPECT_EQ(pack(std::string("ab")),
            "\xa2"
            "ab");
  EXPECT_EQ(pack(std::string_view("ab")),
            "\xa2"
            "ab");
  EXPECT_EQ(pack(std::vector<char>{'a', 'b'}), std::string("\xc4\x02"
                                                           "ab"));
  EXPECT_EQ(pack(nullptr), "\xc0");
}

TEST(Value, any_value_unpacks_as_a_tree) {
  const auto tree = unpack<msgpack::object_handle>(
      "\x92\x01\xa1"
      "a");
  ASSERT_EQ(tree->type, msgpack::type::ARRAY);
  EXPECT_EQ(tree->via.array.size, 2u);
}

// What unpack<> refuses at compile time, because it would view bytes that are gone.
static_assert(detail::is_view<std::string_view>() && detail::is_view<const char*>());
static_assert(detail::is_view<std::vector<std::string_view>>() &&
              detail::is_view<std::optional<msgpack::object>>());
static_assert(detail::is_view<std::map<std::string_view, int>>() &&
              detail::is_view<std::tuple<int, std::string_view>>());
static_assert(!detail::is_view<std::map<std::string, std::vector<std::tuple<int, std::string>>>>());
static_assert(!detail::is_view<Point>() && !detail::is_view<msgpack::object_handle>());

TEST(Value, value_of_another_type_does_not_unpack) {
  EXPECT_THROW(unpack<int>(pack("text")), UnpackError);
  EXPECT_THROW(unpack<std::string>(pack(1)), UnpackError);
  EXPECT_THROW(unpack<std::vector<int>>(pack(1)), UnpackError);
}

TEST(Value, number_out_of_range_does_not_unpack) {
  EXPECT_THROW(unpack<std::int8_t>(pack(128)), UnpackError);
  EXPECT_THROW(unpack<std::uint64_t>(pack(-1)), UnpackError);
}

TEST(Value, bytes_that_are_not_one_object_do_not_unpack) {
  EXPECT_THROW(unpack<int>(""), UnpackError);
  EXPECT_THROW(unpack<int>("\x01\x02"), UnpackError);
  EXPECT_THROW(unpack<std::string>("\xa5"
                                   "abc"),
               UnpackError);
  EXPECT_THROW(unpack<int>("\xc1"), UnpackError);
}

TEST(Value, unpack_error_names_value_and_type) {
  try {
    unpack<int>(pack("text"));
    FAIL() << "unpacked";
  } catch (const UnpackError& error) {
    EXPECT_STREQ(error.what(), "the value is string \"text\", which does not fit the type int");
    EXPECT_EQ(error.code(), ErrorCode::kUnpack);
  }
}

}  // namespace
}  // namespace pannier::test
