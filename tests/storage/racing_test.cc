#include "storage/racing.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace pannier::storage {
namespace {

TEST(Racing, bytes_are_equal_where_all_of_them_are) {
  // Behind what is compared, and before it, there is something else.
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string bytes = "<" + std::string(size, 'k') + ">";
    std::string wanted(size, 'k');
    EXPECT_TRUE(equal_racing(bytes.data() + 1, wanted)) << size;
    for (char& byte : wanted) {
      byte = 'K';
      EXPECT_FALSE(equal_racing(bytes.data() + 1, wanted)) << size;
      byte = 'k';
    }
  }
}

TEST(Racing, a_string_becomes_as_long_as_what_is_read_into_it) {
  std::string to;
  for (const std::size_t size : {0, 1, 15, 16, 1'000, 999, 0, 64}) {
    const std::string from(size, static_cast<char>('a' + size % 26));
    read_racing(to, from.data(), size);
    EXPECT_EQ(to, from);
  }
}

TEST(Racing, a_word_may_begin_anywhere) {
  const std::string bytes = "0123456789abcdef";
  for (std::size_t at = 0; at <= 8; ++at) {
    std::uint64_t wanted = 0;
    std::memcpy(&wanted, bytes.data() + at, sizeof wanted);
    EXPECT_EQ(load_racing_at<std::uint64_t>(bytes.data() + at), wanted);
  }
}

}  // namespace
}  // namespace pannier::storage
