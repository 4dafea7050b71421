#include "protocol/writer.h"

#include <limits>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/protocol/hex.h"

namespace pannier::protocol {
namespace {

using namespace std::string_view_literals;

/// What the writer appends, as hexadecimal text.
template <class Write>
std::string written(Write write) {
  std::string out = "before";
  Writer writer(out);
  write(writer);
  EXPECT_TRUE(out.starts_with("before"));
  return to_hex(out.substr(6));
}

std::string integer(std::int64_t value) {
  return written([&](Writer& writer) { writer.integer(value); });
}
std::string unsigned_integer(std::uint64_t value) {
  return written([&](Writer& writer) { writer.unsigned_integer(value); });
}

/// The first bytes, before the body.
std::string head(const std::string& hex, std::size_t bytes) { return hex.substr(0, 3 * bytes - 1); }

TEST(Writer, integers_take_their_shortest_encoding) {
  EXPECT_EQ(integer(0), "00");
  EXPECT_EQ(integer(127), "7f");
  EXPECT_EQ(integer(128), "cc 80");
  EXPECT_EQ(integer(255), "cc ff");
  EXPECT_EQ(integer(256), "cd 01 00");
  EXPECT_EQ(integer(65535), "cd ff ff");
  EXPECT_EQ(integer(65536), "ce 00 01 00 00");
  EXPECT_EQ(integer(4294967295), "ce ff ff ff ff");
  EXPECT_EQ(integer(4294967296), "cf 00 00 00 01 00 00 00 00");
  EXPECT_EQ(integer(-1), "ff");
  EXPECT_EQ(integer(-32), "e0");
  EXPECT_EQ(integer(-33), "d0 df");
  EXPECT_EQ(integer(-128), "d0 80");
  EXPECT_EQ(integer(-129), "d1 ff 7f");
  EXPECT_EQ(integer(-32768), "d1 80 00");
  EXPECT_EQ(integer(-32769), "d2 ff ff 7f ff");
  EXPECT_EQ(integer(std::numeric_limits<std::int32_t>::min()), "d2 80 00 00 00");
  EXPECT_EQ(integer(std::int64_t{std::numeric_limits<std::int32_t>::min()} - 1),
            "d3 ff ff ff ff 7f ff ff ff");
  EXPECT_EQ(integer(std::numeric_limits<std::int64_t>::min()), "d3 80 00 00 00 00 00 00 00");
  EXPECT_EQ(unsigned_integer(UINT64_MAX), "cf ff ff ff ff ff ff ff ff");
  EXPECT_EQ(unsigned_integer(128), "cc 80");
}

TEST(Writer, nil_booleans_and_floats_are_single_forms) {
  EXPECT_EQ(written([](Writer& writer) { writer.nil(); }), "c0");
  EXPECT_EQ(written([](Writer& writer) { writer.boolean(false); }), "c2");
  EXPECT_EQ(written([](Writer& writer) { writer.boolean(true); }), "c3");
  EXPECT_EQ(written([](Writer& writer) { writer.real(1.5); }), "cb 3f f8 00 00 00 00 00 00");
}

TEST(Writer, lengths_take_their_shortest_encoding) {
  const auto string_head = [](std::size_t size, std::size_t bytes) {
    return head(written([&](Writer& writer) { writer.string(std::string(size, 'x')); }), bytes);
  };
  EXPECT_EQ(string_head(0, 1), "a0");
  EXPECT_EQ(string_head(31, 1), "bf");
  EXPECT_EQ(string_head(32, 2), "d9 20");
  EXPECT_EQ(string_head(255, 2), "d9 ff");
  EXPECT_EQ(string_head(256, 3), "da 01 00");
  EXPECT_EQ(string_head(65535, 3), "da ff ff");
  EXPECT_EQ(string_head(65536, 5), "db 00 01 00 00");
  const auto binary_head = [](std::size_t size, std::size_t bytes) {
    return head(written([&](Writer& writer) { writer.binary(std::string(size, 'x')); }), bytes);
  };
  EXPECT_EQ(binary_head(0, 2), "c4 00");
  EXPECT_EQ(binary_head(255, 2), "c4 ff");
  EXPECT_EQ(binary_head(256, 3), "c5 01 00");
  EXPECT_EQ(binary_head(65535, 3), "c5 ff ff");
  EXPECT_EQ(binary_head(65536, 5), "c6 00 01 00 00");
}

TEST(Writer, counts_take_their_shortest_encoding) {
  const auto array = [](std::uint32_t count) {
    return written([&](Writer& writer) { writer.array(count); });
  };
  EXPECT_EQ(array(0), "90");
  EXPECT_EQ(array(15), "9f");
  EXPECT_EQ(array(16), "dc 00 10");
  EXPECT_EQ(array(65535), "dc ff ff");
  EXPECT_EQ(array(65536), "dd 00 01 00 00");
  const auto map = [](std::uint32_t count) { return written([&](Writer& writer) { writer.map(count); }); };
  EXPECT_EQ(map(0), "80");
  EXPECT_EQ(map(15), "8f");
  EXPECT_EQ(map(16), "de 00 10");
  EXPECT_EQ(map(65535), "de ff ff");
  EXPECT_EQ(map(UINT32_MAX), "df ff ff ff ff");
}

TEST(Writer, key_is_str_where_it_is_valid_utf8_and_bin_elsewhere) {
  EXPECT_EQ(written([](Writer& writer) { writer.key("k\xc3\xa4"); }), "a3 6b c3 a4");
  EXPECT_EQ(written([](Writer& writer) { writer.key("k\xc3"); }), "c4 02 6b c3");
}

TEST(Writer, raw_object_goes_in_as_it_is) {
  EXPECT_EQ(written([](Writer& writer) { writer.raw(from_hex("cd 00 05")); }), "cd 00 05");
}

TEST(Writer, messages_start_as_the_contract_says) {
  EXPECT_EQ(written([](Writer& writer) {
              writer.request_start(7, "get");
              writer.array(0);
            }),
            "94 00 07 a3 67 65 74 90");
  EXPECT_EQ(written([](Writer& writer) {
              writer.notification_start("invalidate");
              writer.array(0);
            }),
            "93 02 aa 69 6e 76 61 6c 69 64 61 74 65 90");
  EXPECT_EQ(written([](Writer& writer) {
              writer.response_start(MessageId::from_encoded("\xcd\x00\x05"sv));
              writer.string("pong");
            }),
            "94 01 cd 00 05 c0 a4 70 6f 6e 67");
}

TEST(Writer, error_is_a_whole_response) {
  EXPECT_EQ(written([](Writer& writer) {
              writer.response_error(MessageId::from_integer(5), {ErrorCode::kDenied, "no"});
            }),
            "94 01 05 aa 64 65 6e 69 65 64 3a 20 6e 6f c0");
  EXPECT_EQ(head(written([](Writer& writer) {
                   writer.response_error(MessageId(), {ErrorCode::kStorage, "x"});
                 }),
                 3),
            "94 01 c0");
}

}  // namespace
}  // namespace pannier::protocol
