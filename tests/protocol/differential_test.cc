// Our reading and writing against msgpack-c's: over every sample, every start of the samples, and random
// bytes.

#include <bit>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "protocol/scanner.h"
#include "protocol/writer.h"
#include "tests/protocol/hex.h"
#include "tests/protocol/msgpack_reference.h"
#include "tests/protocol/samples.h"

namespace pannier::protocol {
namespace {

using Result = ReferenceParse::Result;

/// Bytes of which many are heads of small objects, so that random ones often make whole messages.
std::string random_bytes(std::mt19937& random) {
  static constexpr unsigned char kHeads[] = {
      0x90, 0x91, 0x92, 0x93, 0x94, 0x80, 0x81, 0x82, 0xc0, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8,
      0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8,
      0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xa0, 0xa1, 0xa2, 0x00, 0x01, 0x02, 0x03, 0xff};
  std::string bytes(1 + random() % 40, '\x91');
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    const auto choice = random() % 16;
    bytes[i] = choice == 0  ? static_cast<char>(random())
               : choice < 6 ? static_cast<char>(random() % 3)
                            : static_cast<char>(kHeads[random() % sizeof kHeads]);
  }
  return bytes;
}

void expect_same_verdict(const std::string& bytes) {
  const ReferenceParse reference = reference_parse(bytes);
  const ScanOutcome outcome = FrameScanner(FrameLimits()).scan(bytes);
  Cursor cursor(bytes);
  const auto object = cursor.read_object();
  if (const auto* end = std::get_if<FrameEnd>(&outcome)) {
    ASSERT_EQ(reference.result, Result::kWhole) << to_hex(bytes);
    ASSERT_EQ(end->size, reference.size) << to_hex(bytes);
    ASSERT_EQ(object, Bytes(bytes).substr(0, end->size)) << to_hex(bytes);
  } else if (std::holds_alternative<NeedMore>(outcome)) {
    ASSERT_EQ(reference.result, Result::kCutShort) << to_hex(bytes);
    ASSERT_EQ(object, std::nullopt) << to_hex(bytes);
  } else {
    // A length over the limit may stand before what msgpack-c calls malformed.
    ASSERT_NE(reference.result, Result::kWhole) << to_hex(bytes);
    ASSERT_EQ(object, std::nullopt) << to_hex(bytes);
  }
}

void expect_reads_alike(const std::string& object) {
  const msgpack::object_handle handle = msgpack::unpack(object.data(), object.size());
  Cursor cursor(object);
  EXPECT_TRUE(reads_as(cursor, handle.get())) << to_hex(object.substr(0, 40));
  EXPECT_TRUE(cursor.at_end());
}

template <class Write, class Pack>
void expect_written_alike(Write write, Pack pack) {
  std::string ours;
  Writer writer(ours);
  write(writer);
  msgpack::sbuffer theirs;
  msgpack::packer<msgpack::sbuffer> packer(theirs);
  pack(packer);
  ASSERT_EQ(to_hex(ours), to_hex({theirs.data(), theirs.size()}));
}

TEST(Differential, samples_are_whole_for_both) {
  for (const std::string& object : sample_objects()) expect_same_verdict('\x91' + object);
}

TEST(Differential, starts_of_samples_are_cut_short_for_both) {
  for (const std::string& object : sample_objects()) {
    const std::string message = '\x91' + object;
    for (std::size_t size = 1; size < std::min<std::size_t>(message.size(), 64); ++size) {
      expect_same_verdict(message.substr(0, size));
    }
  }
}

TEST(Differential, random_bytes_get_the_same_verdict) {
  std::mt19937 random(20'240'501);
  for (int round = 0; round < 300'000; ++round) {
    expect_same_verdict(random_bytes(random));
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Differential, samples_are_read_alike) {
  for (const std::string& object : sample_objects()) expect_reads_alike(object);
}

TEST(Differential, random_objects_are_read_alike) {
  std::mt19937 random(7);
  int whole = 0;
  while (whole < 20'000) {
    const std::string bytes = random_bytes(random);
    const ReferenceParse reference = reference_parse(bytes);
    if (reference.result != Result::kWhole) continue;
    ++whole;
    expect_reads_alike(bytes.substr(0, reference.size));
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Differential, integers_are_written_alike) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200'000; ++round) {
    const std::uint64_t value = random() >> random() % 64;
    const auto negated = static_cast<std::int64_t>(0 - value);
    expect_written_alike([&](Writer& writer) { writer.unsigned_integer(value); },
                         [&](auto& packer) { packer.pack_uint64(value); });
    expect_written_alike([&](Writer& writer) { writer.integer(negated); },
                         [&](auto& packer) { packer.pack_int64(negated); });
    if (::testing::Test::HasFatalFailure()) return;
  }
}

// msgpack-c packs a float of integral value as an integer; ours keeps the type.
TEST(Differential, floats_with_a_fraction_are_written_alike) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 1'000; ++round) {
    const auto value = std::bit_cast<double>(random());
    if (value == std::trunc(value)) continue;
    expect_written_alike([&](Writer& writer) { writer.real(value); },
                         [&](auto& packer) { packer.pack_double(value); });
  }
}

TEST(Differential, lengths_and_counts_are_written_alike) {
  for (std::uint32_t size = 0; size < 70'000; size += size < 300 ? 1 : 127) {
    const std::string body(size, 'b');
    expect_written_alike([&](Writer& writer) { writer.string(body); },
                         [&](auto& packer) { packer.pack_str(size).pack_str_body(body.data(), size); });
    expect_written_alike([&](Writer& writer) { writer.binary(body); },
                         [&](auto& packer) { packer.pack_bin(size).pack_bin_body(body.data(), size); });
    expect_written_alike([&](Writer& writer) { writer.array(size); },
                         [&](auto& packer) { packer.pack_array(size); });
    expect_written_alike([&](Writer& writer) { writer.map(size); },
                         [&](auto& packer) { packer.pack_map(size); });
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace pannier::protocol
