#include "protocol/scanner.h"

#include <gtest/gtest.h>

#include "tests/protocol/hex.h"
#include "tests/protocol/samples.h"

namespace pannier::protocol {
namespace {

const FrameLimits kDefaults;

/// Each sample as the one item of a message.
std::vector<std::string> sample_messages() {
  std::vector<std::string> messages;
  for (const std::string& object : sample_objects()) messages.push_back('\x91' + object);
  return messages;
}

std::size_t frame_size(const ScanOutcome& outcome) {
  const auto* end = std::get_if<FrameEnd>(&outcome);
  return end ? end->size : 0;
}

std::size_t bytes_min(const ScanOutcome& outcome) {
  const auto* more = std::get_if<NeedMore>(&outcome);
  return more ? more->bytes_min : 0;
}

std::string error_text(const ScanOutcome& outcome) {
  const auto* error = std::get_if<Error>(&outcome);
  return error ? error->wire_text() : "no error";
}

std::string error_of(Bytes bytes, FrameLimits limits = kDefaults) {
  return error_text(FrameScanner(limits).scan(bytes));
}

TEST(Scanner, whole_message_ends_at_its_last_byte) {
  for (const std::string& message : sample_messages()) {
    FrameScanner scanner(kDefaults);
    EXPECT_EQ(frame_size(scanner.scan(message)), message.size()) << to_hex(message.substr(0, 20));
  }
}

TEST(Scanner, message_fed_byte_by_byte_ends_at_its_last_byte) {
  for (const std::string& message : sample_messages()) {
    FrameScanner scanner(kDefaults);
    for (std::size_t size = 0; size < message.size(); ++size) {
      const std::size_t announced = bytes_min(scanner.scan(Bytes(message).substr(0, size)));
      ASSERT_GT(announced, size) << to_hex(message.substr(0, 20));
      ASSERT_LE(announced, message.size()) << to_hex(message.substr(0, 20));
    }
    EXPECT_EQ(frame_size(scanner.scan(message)), message.size()) << to_hex(message.substr(0, 20));
  }
}

TEST(Scanner, message_cut_short_anywhere_needs_more) {
  for (const std::string& message : sample_messages()) {
    const std::size_t step = message.size() < 1000 ? 1 : 997;
    for (std::size_t size = 0; size < message.size(); size += step) {
      FrameScanner scanner(kDefaults);
      ASSERT_GT(bytes_min(scanner.scan(Bytes(message).substr(0, size))), size)
          << to_hex(message.substr(0, 20));
    }
  }
}

TEST(Scanner, bytes_after_a_message_are_left_for_the_next_scan) {
  std::string stream;
  for (const std::string& message : sample_messages()) stream += message;
  FrameScanner scanner(kDefaults);
  Bytes rest = stream;
  for (const std::string& message : sample_messages()) {
    ASSERT_EQ(frame_size(scanner.scan(rest)), message.size());
    rest.remove_prefix(message.size());
  }
  EXPECT_EQ(bytes_min(scanner.scan(rest)), 1U);
}

TEST(Scanner, message_in_pieces_of_any_size_ends_at_its_last_byte) {
  const std::string message =
      from_hex("94 00 cd 12 34 a3 70 75 74 93 a3 6c 72 75 c4 01 00") + with_body("da0200", 512);
  for (std::size_t piece = 1; piece < message.size(); ++piece) {
    FrameScanner scanner(kDefaults);
    std::size_t size = piece;
    for (; size < message.size(); size += piece)
      ASSERT_GT(bytes_min(scanner.scan(Bytes(message).substr(0, size))), size);
    ASSERT_EQ(frame_size(scanner.scan(message)), message.size());
  }
}

TEST(Scanner, announced_lengths_tell_how_many_bytes_are_needed) {
  FrameScanner scanner(kDefaults);
  const std::string start = from_hex("92 c6 00 10 00 00");
  EXPECT_EQ(bytes_min(scanner.scan(Bytes(start).substr(0, 1))), 3U);
  EXPECT_EQ(bytes_min(scanner.scan(Bytes(start).substr(0, 2))), 7U);
  EXPECT_EQ(bytes_min(scanner.scan(start)), start.size() + (1 << 20) + 1);
}

TEST(Scanner, message_that_is_no_array_is_refused_at_its_first_byte) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool is_array = (byte >= 0x90 && byte <= 0x9f) || byte == 0xdc || byte == 0xdd;
    const std::string message(1, static_cast<char>(byte));
    EXPECT_EQ(error_of(message).starts_with("bad_request: a message is an array"), !is_array) << byte;
  }
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\n"),
            "bad_request: a message is an array, but the first byte of this one is \"G\"");
}

TEST(Scanner, unused_byte_is_refused_wherever_it_stands) {
  EXPECT_EQ(error_of(from_hex("92 01 c1")),
            "bad_request: the byte \"\\xc1\" at offset 2 of the message starts no MessagePack object");
  EXPECT_EQ(error_of(from_hex("91 81 c1")),
            "bad_request: the byte \"\\xc1\" at offset 2 of the message starts no MessagePack object");
  FrameScanner scanner(kDefaults);
  EXPECT_EQ(frame_size(scanner.scan(from_hex("91 c4 01 c1"))), 4U) << "in a body it is a byte like any other";
}

TEST(Scanner, gigabyte_announced_is_refused_from_its_head_alone) {
  for (const char* head : {"c6", "db", "c9"}) {
    const std::string start =
        from_hex("94 00 01 a3 70 75 74 93 a1 63 a1 6b") + from_hex(head) + from_hex("40 00 00 00");
    EXPECT_EQ(error_of(start),
              "too_large: a message of at least " +
                  std::to_string(start.size() + (1U << 30) + (head == std::string("c9") ? 1 : 0)) +
                  " bytes is over the limit of 67108864 bytes");
    FrameScanner scanner(kDefaults);
    EXPECT_GT(bytes_min(scanner.scan(Bytes(start).substr(0, start.size() - 1))), 0U);
  }
}

TEST(Scanner, huge_counts_are_refused_from_their_heads_alone) {
  EXPECT_EQ(error_of(from_hex("dd ff ff ff ff")),
            "too_large: a message of at least 4294967300 bytes is over the limit of 67108864 bytes");
  EXPECT_EQ(error_of(from_hex("91 df ff ff ff ff")),
            "too_large: a message of at least 8589934596 bytes is over the limit of 67108864 bytes");
}

TEST(Scanner, lengths_that_are_over_the_limit_only_together_are_refused) {
  const FrameLimits limits{.frame_bytes_max = 1000};
  const std::string start = from_hex("93") + with_body("c50190", 400) + with_body("c50190", 400);
  EXPECT_EQ(error_of(start, limits), "no error");
  EXPECT_TRUE(error_of(start + from_hex("c500c8"), limits).starts_with("too_large: "));
  EXPECT_TRUE(error_of(from_hex("92 dc 01 f4 dc 01 f4"), limits).starts_with("too_large: "));
}

TEST(Scanner, message_of_exactly_the_limit_is_taken_and_one_byte_more_refused) {
  const std::string message = with_body("91c500c8", 200);
  FrameScanner scanner({.frame_bytes_max = message.size()});
  EXPECT_EQ(frame_size(scanner.scan(message)), message.size());
  EXPECT_TRUE(error_of(message, {.frame_bytes_max = message.size() - 1}).starts_with("too_large: "));
}

TEST(Scanner, nesting_up_to_the_limit_is_taken_and_one_level_more_refused) {
  FrameScanner scanner(kDefaults);
  EXPECT_EQ(frame_size(scanner.scan(nested_arrays(128))), 128U);
  EXPECT_EQ(frame_size(scanner.scan('\x91' + nested_maps(127))), 254U);
  const std::string too_deep = "bad_request: arrays and maps are nested deeper than the limit of 128 levels";
  EXPECT_EQ(error_of(nested_arrays(129)), too_deep);
  EXPECT_EQ(error_of('\x91' + nested_maps(128)), too_deep);
}

TEST(Scanner, nesting_of_100000_is_refused_at_the_first_level_too_many) {
  const std::string deep = nested_arrays(100'000);
  EXPECT_EQ(error_of(deep), error_of(Bytes(deep).substr(0, 129)));
  EXPECT_EQ(error_of(Bytes(deep).substr(0, 128)), "no error");
  EXPECT_TRUE(error_of('\x91' + nested_maps(100'000)).starts_with("bad_request: arrays and maps are nested"));
}

TEST(Scanner, containers_side_by_side_are_not_nested) {
  FrameScanner scanner({.depth_max = 2});
  const std::string message = from_hex("dc 03 e8") + std::string(1000, '\x90');
  EXPECT_EQ(frame_size(scanner.scan(message)), message.size());
}

TEST(Scanner, an_object_that_others_took_is_forgotten) {
  FrameScanner scanner(kDefaults);
  EXPECT_TRUE(std::holds_alternative<NeedMore>(scanner.scan(from_hex("92 93 01 c4 05 00"))));
  EXPECT_FALSE(scanner.is_at_start());
  scanner.start_over();
  EXPECT_TRUE(scanner.is_at_start());
  EXPECT_EQ(frame_size(scanner.scan(from_hex("91 01"))), 2U);
}

TEST(Scanner, refusal_is_the_answer_of_every_later_scan) {
  FrameScanner scanner(kDefaults);
  const std::string start = from_hex("93 01 c1");
  const std::string refusal = error_text(scanner.scan(start));
  EXPECT_EQ(error_text(scanner.scan(start)), refusal);
  EXPECT_EQ(error_text(scanner.scan(start + from_hex("01"))), refusal);
}

}  // namespace
}  // namespace pannier::protocol
