// What the dialects say, in bytes; and that they take a right reply at any length of its start, and no other.
#include "client/load/dialect.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/load/rpc_dialect.h"
#include "tests/bench/text_dialects.h"

namespace pannier::load {
namespace {

using bench::MetaDialect;
using bench::RespDialect;

const Entries kSmall(10, 20);
const std::vector<std::uint32_t> kOne{3};
const std::vector<std::uint32_t> kMany{1, 2, 3};

std::string key(std::uint32_t number) { return std::string(view_of(key_of(number))); }

std::string value(const Entries& entries, std::uint32_t number) {
  std::string bytes;
  entries.append_value(bytes, number);
  return bytes;
}

Asked asked(Kind kind) { return {kind, 0x1234, kind == Kind::kGetMany ? kMany : kOne}; }

std::string request(const Dialect& dialect, Kind kind) {
  std::string out;
  dialect.append_request(out, asked(kind));
  return out;
}

std::string reply(const Dialect& dialect, Kind kind) {
  std::string out;
  dialect.append_reply(out, asked(kind));
  return out;
}

std::vector<std::unique_ptr<Dialect>> dialects() {
  std::vector<std::unique_ptr<Dialect>> all;
  all.push_back(std::make_unique<RpcDialect>(kSmall, "c"));
  all.push_back(std::make_unique<RespDialect>(kSmall));
  all.push_back(std::make_unique<MetaDialect>(kSmall));
  return all;
}

TEST(Dialect, values_tell_which_key_they_are_of) {
  EXPECT_EQ(value(kSmall, 3).size(), 20U);
  EXPECT_TRUE(value(kSmall, 3).starts_with(key(3)));
  EXPECT_NE(value(kSmall, 3), value(kSmall, 4));
  EXPECT_EQ(value(Entries(1, 4), 0), key(0).substr(0, 4));
}

TEST(Dialect, messagepack_requests_are_those_of_the_wire) {
  const RpcDialect dialect(kSmall, "c");
  EXPECT_EQ(request(dialect, Kind::kGet), std::string("\x94\x00\xcd\x12\x34\xa3get\x92\xa1"
                                                      "c\xb0",
                                                      13) +
                                              key(3));
  EXPECT_EQ(request(dialect, Kind::kGetMany), std::string("\x94\x00\xcd\x12\x34\xa8get_many\x92\xa1"
                                                          "c\x93\xb0",
                                                          19) +
                                                  key(1) + '\xb0' + key(2) + '\xb0' + key(3));
  EXPECT_EQ(request(dialect, Kind::kPut), std::string("\x94\x00\xcd\x12\x34\xa3put\x93\xa1"
                                                      "c\xb0",
                                                      13) +
                                              key(3) + "\xc4\x14" + value(kSmall, 3));
  EXPECT_EQ(request(dialect, Kind::kPutTtl), std::string("\x94\x00\xcd\x12\x34\xa3put\x94\xa1"
                                                         "c\xb0",
                                                         13) +
                                                 key(3) + "\xc4\x14" + value(kSmall, 3) +
                                                 "\x81\xa6ttl_ms\xce" + std::string("\x00\x36\xee\x80", 4));
  EXPECT_EQ(reply(dialect, Kind::kGet), "\x94\x01\xcd\x12\x34\xc0\x91\xc4\x14" + value(kSmall, 3));
}

TEST(Dialect, redis_requests_are_arrays_of_bulks) {
  const RespDialect dialect(kSmall);
  EXPECT_EQ(request(dialect, Kind::kGet), "*2\r\n$3\r\nGET\r\n$16\r\n" + key(3) + "\r\n");
  EXPECT_EQ(request(dialect, Kind::kPut),
            "*3\r\n$3\r\nSET\r\n$16\r\n" + key(3) + "\r\n$20\r\n" + value(kSmall, 3) + "\r\n");
  EXPECT_EQ(request(dialect, Kind::kPutTtl), "*5\r\n$3\r\nSET\r\n$16\r\n" + key(3) + "\r\n$20\r\n" +
                                                 value(kSmall, 3) + "\r\n$2\r\nPX\r\n$7\r\n3600000\r\n");
  EXPECT_TRUE(request(dialect, Kind::kGetMany).starts_with("*4\r\n$4\r\nMGET\r\n$16\r\n" + key(1)));
  EXPECT_EQ(reply(dialect, Kind::kGet), "$20\r\n" + value(kSmall, 3) + "\r\n");
}

TEST(Dialect, memcached_requests_are_meta_commands) {
  const MetaDialect dialect(kSmall);
  EXPECT_EQ(request(dialect, Kind::kGet), "mg " + key(3) + " v\r\n");
  EXPECT_EQ(request(dialect, Kind::kPut), "ms " + key(3) + " 20\r\n" + value(kSmall, 3) + "\r\n");
  EXPECT_EQ(request(dialect, Kind::kPutTtl), "ms " + key(3) + " 20 T3600\r\n" + value(kSmall, 3) + "\r\n");
  EXPECT_EQ(request(dialect, Kind::kGetMany),
            "mg " + key(1) + " v\r\nmg " + key(2) + " v\r\nmg " + key(3) + " v\r\n");
  EXPECT_EQ(reply(dialect, Kind::kGet), "VA 20\r\n" + value(kSmall, 3) + "\r\n");
}

TEST(Dialect, a_reply_of_any_length_is_told_from_its_start) {
  for (const auto& dialect : dialects()) {
    for (const Kind kind : {Kind::kGet, Kind::kGetMany}) {
      const std::string whole = reply(*dialect, kind);
      EXPECT_EQ(dialect->reply_bytes(whole, asked(kind)), whole.size());
      EXPECT_EQ(dialect->reply_bytes(whole + whole, asked(kind)), whole.size());
      for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) {
        const auto told = dialect->reply_bytes(std::string_view(whole).substr(0, bytes), asked(kind));
        EXPECT_TRUE(told == 0 || (kind == Kind::kGet && told == whole.size())) << bytes;
      }
    }
  }
}

TEST(Dialect, a_wrong_byte_in_front_of_a_value_is_a_fault) {
  for (const auto& dialect : dialects()) {
    for (const Kind kind : {Kind::kGet, Kind::kGetMany}) {
      const std::string right = reply(*dialect, kind);
      for (std::size_t at = 0; at < right.find(key(asked(kind).numbers.front())); ++at) {
        std::string wrong = right;
        ++wrong[at];
        EXPECT_THROW(dialect->reply_bytes(wrong, asked(kind)), Fault) << at;
      }
    }
  }
}

TEST(Dialect, misses_and_errors_are_faults) {
  const RpcDialect rpc(kSmall, "c");
  EXPECT_THROW(rpc.reply_bytes("\x94\x01\xcd\x12\x34\xc0\xc0", asked(Kind::kGet)), Fault);
  EXPECT_THROW(rpc.reply_bytes("\x94\x01\xcd\x12\x34\xc0\xc0", asked(Kind::kPut)), Fault);
  EXPECT_THROW(rpc.reply_bytes("\x94\x01\xcd\x12\x34\xa5"
                               "storag",
                               asked(Kind::kGet)),
               Fault);
  EXPECT_THROW(rpc.reply_bytes("\x94\x01\xcd\x12\x35", asked(Kind::kGet)), Fault);
  const RespDialect resp(kSmall);
  EXPECT_THROW(resp.reply_bytes("$-1\r\n", asked(Kind::kGet)), Fault);
  EXPECT_THROW(resp.reply_bytes("*3\r\n$-1\r\n", asked(Kind::kGetMany)), Fault);
  EXPECT_THROW(resp.reply_bytes("-OOM", asked(Kind::kPut)), Fault);
  const MetaDialect meta(kSmall);
  EXPECT_THROW(meta.reply_bytes("EN\r\n", asked(Kind::kGet)), Fault);
  EXPECT_THROW(meta.reply_bytes("NS\r\n", asked(Kind::kPut)), Fault);
}

TEST(Dialect, writes_are_confirmed_with_any_version) {
  const RpcDialect rpc(kSmall, "c");
  for (const std::string version :
       {"\x07", "\xcc\x80", "\xcd\x01\x02", "\xce\x01\x02\x03\x04", "\xcf\x01\x02\x03\x04\x05\x06\x07\x08"}) {
    const std::string whole = "\x94\x01\xcd\x12\x34\xc0" + version;
    EXPECT_EQ(rpc.reply_bytes(whole + '\x94', asked(Kind::kPut)), whole.size());
    for (std::size_t bytes = 1; bytes < whole.size(); ++bytes)
      EXPECT_EQ(rpc.reply_bytes(whole.substr(0, bytes), asked(Kind::kPut)), 0U);
  }
  EXPECT_EQ(RespDialect(kSmall).reply_bytes("+OK\r\n", asked(Kind::kPut)), 5U);
  EXPECT_EQ(MetaDialect(kSmall).reply_bytes("HD\r\n", asked(Kind::kPut)), 4U);
}

TEST(Dialect, a_wrong_reply_is_told_readably) {
  EXPECT_STREQ(wrong_reply(std::string_view("-ERR\x01\r\n", 7)).what(),
               "not the expected reply: -ERR\\x01\\x0d\\x0a");
}

}  // namespace
}  // namespace pannier::load
