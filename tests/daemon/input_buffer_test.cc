#include "daemon/input_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

namespace pannier::daemon {
namespace {

void fill(InputBuffer& buffer, std::string_view bytes, std::size_t wanted) {
  while (!bytes.empty()) {
    const std::span<char> room = buffer.room(wanted);
    const std::size_t size = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), size, room.begin());
    buffer.filled(size);
    bytes.remove_prefix(size);
  }
}

TEST(InputBuffer, costs_nothing_when_it_is_empty) {
  InputBuffer buffer;
  EXPECT_EQ(buffer.capacity_bytes(), 0U);
  fill(buffer, "abc", 1);
  EXPECT_GT(buffer.capacity_bytes(), 0U);
  buffer.consume(3);
  EXPECT_TRUE(buffer.is_empty());
  EXPECT_EQ(buffer.capacity_bytes(), 0U);
}

TEST(InputBuffer, gives_no_more_room_for_a_large_announcement_than_doubles_it) {
  InputBuffer buffer;
  EXPECT_EQ(buffer.room(std::size_t{1} << 30).size(),
            InputBuffer::kStepBytes + InputBuffer::kAroundValueBytes);
  fill(buffer, std::string(1'000'000, 'x'), std::size_t{1} << 30);
  EXPECT_LE(buffer.capacity_bytes(), std::size_t{2'000'000} + InputBuffer::kStepBytes);
}

TEST(InputBuffer, gives_as_much_room_as_the_message_lacks) {
  InputBuffer buffer;
  fill(buffer, std::string(500'000, 'x'), 500'000);
  const std::size_t held = buffer.bytes().size();
  buffer.consume(1);
  EXPECT_EQ(buffer.room(100'000).size() + held - 1, std::max(buffer.capacity_bytes(), held - 1 + 100'000));
}

TEST(InputBuffer, a_value_of_a_round_size_fits_where_it_has_doubled) {
  InputBuffer buffer;
  const std::size_t message_bytes = (std::size_t{256} << 10) + 40;
  buffer.append(std::string(InputBuffer::kStepBytes, 'x'));
  int rooms = 0;
  for (; buffer.bytes().size() < message_bytes; ++rooms) {
    const std::size_t lacking = message_bytes - buffer.bytes().size();
    buffer.filled(std::min(buffer.room(lacking).size(), lacking));
  }
  EXPECT_EQ(rooms, 2);
}

TEST(InputBuffer, shrinks_when_a_small_rest_is_filled_again) {
  InputBuffer buffer;
  fill(buffer, std::string(4'000'000, 'x'), 4'000'000);
  buffer.consume(3'999'990);
  fill(buffer, "yz", 2);
  EXPECT_EQ(buffer.bytes(), "xxxxxxxxxxyz");
  EXPECT_LE(buffer.capacity_bytes(), 4 * (InputBuffer::kStepBytes + 12));
}

TEST(InputBuffer, keeps_the_bytes_of_any_stream_in_order) {
  std::mt19937 random(7);
  InputBuffer buffer;
  std::string expected;
  for (int i = 0; i < 2'000; ++i) {
    const std::string piece(random() % 3'000, static_cast<char>('a' + i % 26));
    expected += piece;
    if (random() % 2 == 0) {
      buffer.append(piece);
    } else {
      fill(buffer, piece, random() % 10'000);
    }
    const std::size_t size = random() % (expected.size() + 1);
    buffer.consume(size);
    expected.erase(0, size);
    ASSERT_EQ(buffer.bytes(), expected);
  }
}

TEST(InputBuffer, what_is_held_stays_as_it_was_whatever_becomes_of_the_buffer) {
  const std::string message(300'000, 'm');
  InputBuffer buffer;
  fill(buffer, message + "rest", 300'000);
  const protocol::Bytes held_bytes = buffer.bytes().substr(0, message.size());
  const std::shared_ptr<const void> held = buffer.hold(held_bytes);
  ASSERT_NE(held, nullptr);
  buffer.consume(message.size());
  EXPECT_EQ(buffer.bytes(), "rest");
  EXPECT_LE(buffer.capacity_bytes(), 4U);
  fill(buffer, std::string(600'000, 'n'), 600'000);
  buffer.clear();
  EXPECT_EQ(held_bytes, message);
}

TEST(InputBuffer, a_buffer_that_is_held_whole_and_taken_whole_begins_anew) {
  InputBuffer buffer;
  fill(buffer, "abc", 3);
  const protocol::Bytes held_bytes = buffer.bytes();
  const std::shared_ptr<const void> held = buffer.hold(held_bytes);
  fill(buffer, "def", 3);
  buffer.consume(6);
  fill(buffer, "ghi", 3);
  EXPECT_EQ(held_bytes, "abc");
  EXPECT_EQ(buffer.bytes(), "ghi");
}

TEST(InputBuffer, what_others_took_from_its_end_is_followed_by_what_comes_back) {
  InputBuffer buffer;
  fill(buffer, "xabcdef", 7);
  buffer.consume(1);
  buffer.keep(2);
  EXPECT_EQ(buffer.bytes(), "ab");
  buffer.append("CDEFGH");
  EXPECT_EQ(buffer.bytes(), "abCDEFGH");
}

TEST(InputBuffer, bytes_that_are_not_its_own_cannot_be_held) {
  InputBuffer buffer;
  const std::string elsewhere = "elsewhere";
  EXPECT_EQ(buffer.hold(elsewhere), nullptr);
  fill(buffer, "abc", 3);
  EXPECT_EQ(buffer.hold(elsewhere), nullptr);
  EXPECT_EQ(buffer.hold(protocol::Bytes(buffer.bytes().data(), 4)), nullptr);
}

}  // namespace
}  // namespace pannier::daemon
