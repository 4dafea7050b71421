#include "storage/record.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <variant>

namespace pannier::storage {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
    text += digits;
  }
  return text;
}

std::string unhex(std::string_view digits) {
  std::string bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16)));
  }
  return bytes;
}

const std::string kIdentity = "0123456789abcdef0123456789abcdef";

Record full_record() { return {"value", 0x0102, 1'700'000'000'000, 60'000}; }

Settings full_settings() {
  Settings settings;
  settings.tier = Tier::kDurable;
  settings.policy = PolicyKind::kFifo;
  settings.entries_max = 1;
  settings.bytes_max = 2;
  settings.age_ms_max = 3;
  settings.stale_ms = 4;
  settings.reserved_bytes = 5;
  return settings;
}

TEST(Record, keys_sort_by_cache_and_then_by_key) {
  EXPECT_EQ(hex(record_key(7, "k")), "000000076b");
  EXPECT_EQ(key_of_record(record_key(7, "k")), "k");
  EXPECT_LT(record_key(1, "b"), record_key(2, "a"));
  EXPECT_LT(record_key(255, "\xff\xff"), record_key(256, "a"));
  EXPECT_LT(record_key(1, "a"), record_key(1, std::string("a\0", 2)));
}

TEST(Record, what_is_no_entry_sorts_before_all_entries) {
  for (const std::string& key :
       {format_key(), versions_key(), fact_key(CacheFact::kDefinition, 0xffffffff),
        fact_key(CacheFact::kCount, 1), fact_key(CacheFact::kDrop, 1), identity_key()}) {
    EXPECT_LT(key, record_key(1, ""));
  }
}

TEST(Record, keys_of_facts_are_these_bytes) {
  EXPECT_EQ(hex(format_key()), "0000000001");
  EXPECT_EQ(hex(fact_key(CacheFact::kDefinition, 7)), "000000000200000007");
  EXPECT_EQ(hex(fact_key(CacheFact::kCount, 7)), "000000000300000007");
  EXPECT_EQ(hex(fact_key(CacheFact::kDrop, 7)), "000000000400000007");
  EXPECT_EQ(hex(versions_key()), "0000000005");
  EXPECT_EQ(hex(identity_key()), "0000000006");
}

TEST(Record, a_fact_tells_its_cache) {
  EXPECT_EQ(cache_of_fact(fact_key(CacheFact::kDrop, 0x01020304)), CacheId{0x01020304});
  EXPECT_EQ(cache_of_fact(format_key()), std::nullopt);
}

TEST(Record, a_full_record_is_these_bytes) {
  EXPECT_EQ(hex(encode_record(record_key(7, "k"), full_record())),
            "010300000000000001020000018bcfe56800000000000000ea6076616c7565a128d3c354f75b97");
}

TEST(Record, a_record_without_deadline_and_stale_window_is_these_bytes) {
  EXPECT_EQ(hex(encode_record(record_key(7, "k"), {"\xc0", 1, kNever, 0})),
            "01000000000000000001c046e9fa4e1c1f7e00");
}

TEST(Record, a_definition_is_these_bytes) {
  const std::string at = fact_key(CacheFact::kDefinition, 7);
  EXPECT_EQ(hex(encode_definition(at, "sessions", full_settings())),
            "010302070000000000000001000000000000000200000000000000030000000000000004000000000000000573657373"
            "696f6e7303657352a32e815b");
}

TEST(Record, a_number_is_these_bytes) {
  EXPECT_EQ(hex(encode_number(versions_key(), 1 << 28)), "010000000010000000049991145d920298");
}

TEST(Record, an_identity_is_these_bytes) {
  EXPECT_EQ(hex(encode_identity(identity_key(), kIdentity)),
            "01303132333435363738396162636465663031323334353637383961626364656638baead1b127faf9");
  EXPECT_EQ(
      std::get<std::string>(decode_identity(identity_key(), encode_identity(identity_key(), kIdentity))),
      kIdentity);
}

TEST(Record, a_record_reads_back_as_it_was) {
  const std::string at = record_key(7, "k");
  for (const Record& record : {full_record(), Record{"", kVersionMax, kNever, 0}, Record{"v", 1, -5, 0},
                               Record{std::string(100'000, 'x'), 2, kNever, 1}}) {
    const std::string bytes = encode_record(at, record);
    const auto decoded = decode_record(at, bytes);
    ASSERT_TRUE(std::holds_alternative<RecordView>(decoded)) << std::get<Damage>(decoded).text;
    const auto& view = std::get<RecordView>(decoded);
    EXPECT_EQ(view.value, record.value);
    EXPECT_EQ(view.version, record.version);
    EXPECT_EQ(view.deadline, record.deadline);
    EXPECT_EQ(view.stale_ms, record.stale_ms);
  }
}

TEST(Record, a_definition_reads_back_as_it_was) {
  const std::string at = fact_key(CacheFact::kDefinition, 7);
  Settings plain;
  plain.tier = Tier::kDurable;
  for (const Settings& settings : {full_settings(), plain}) {
    const auto decoded = decode_definition(at, encode_definition(at, "sessions", settings));
    ASSERT_TRUE(std::holds_alternative<NamedSettings>(decoded));
    EXPECT_EQ(std::get<NamedSettings>(decoded).name, "sessions");
    EXPECT_EQ(std::get<NamedSettings>(decoded).settings, settings);
  }
}

/// Whether a decoder answers Damage for every truncation and every flipped bit of `bytes`, and one byte more.
template <typename Decode>
void expect_refuses_all_damage(const std::string& bytes, Decode decode) {
  const auto is_refused = [&](std::string_view damaged) {
    return std::holds_alternative<Damage>(decode(damaged));
  };
  ASSERT_FALSE(is_refused(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(is_refused(bytes.substr(0, size))) << size;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(is_refused(flipped)) << "bit " << bit;
  }
  EXPECT_TRUE(is_refused(bytes + '\0'));
}

TEST(Record, every_truncation_and_flipped_bit_of_a_record_is_refused) {
  const std::string at = record_key(7, "k");
  expect_refuses_all_damage(encode_record(at, full_record()),
                            [&](std::string_view bytes) { return decode_record(at, bytes); });
  Record large = full_record();
  large.value = std::string(1'000, 'x');
  expect_refuses_all_damage(encode_record(at, large),
                            [&](std::string_view bytes) { return decode_record(at, bytes); });
}

TEST(Record, every_truncation_and_flipped_bit_of_a_definition_is_refused) {
  const std::string at = fact_key(CacheFact::kDefinition, 7);
  expect_refuses_all_damage(encode_definition(at, "sessions", full_settings()),
                            [&](std::string_view bytes) { return decode_definition(at, bytes); });
}

TEST(Record, every_truncation_and_flipped_bit_of_a_number_is_refused) {
  expect_refuses_all_damage(encode_number(versions_key(), 12345),
                            [&](std::string_view bytes) { return decode_number(versions_key(), bytes); });
}

TEST(Record, every_truncation_and_flipped_bit_of_an_identity_is_refused) {
  expect_refuses_all_damage(encode_identity(identity_key(), kIdentity),
                            [&](std::string_view bytes) { return decode_identity(identity_key(), bytes); });
}

TEST(Record, a_record_under_another_key_is_refused) {
  const std::string bytes = encode_record(record_key(7, "k"), full_record());
  EXPECT_TRUE(std::holds_alternative<Damage>(decode_record(record_key(7, "l"), bytes)));
  EXPECT_TRUE(std::holds_alternative<Damage>(decode_record(record_key(8, "k"), bytes)));
}

TEST(Record, damage_is_told_apart_from_a_newer_format) {
  const std::string at = record_key(7, "k");
  EXPECT_EQ(std::get<Damage>(decode_record(at, "12345678")).text, "is cut short: 8 bytes");
  EXPECT_EQ(std::get<Damage>(decode_record(at, "123456789")).text, "does not match its checksum");
  EXPECT_EQ(std::get<Damage>(decode_record(at, unhex("020000000000000000017680d0c9762ae43876"))).text,
            "has format 2, this program reads 1");
  EXPECT_EQ(std::get<Damage>(decode_record(at, encode_number(at, 1))).text,
            "is malformed though its checksum is right");
}

}  // namespace
}  // namespace pannier::storage
