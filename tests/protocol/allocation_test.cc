// What must not allocate. A program of its own, because counted_new.cc replaces the operator for all of it.

#include <gtest/gtest.h>

#include "protocol/message.h"
#include "protocol/scanner.h"
#include "protocol/writer.h"
#include "tests/protocol/counted_new.h"
#include "tests/protocol/samples.h"

namespace pannier::protocol {
namespace {

/// How often `work` allocates.
template <class Work>
std::size_t allocations_of(Work work) {
  const std::size_t before = allocations_so_far();
  work();
  return allocations_so_far() - before;
}

std::string request_frame() {
  std::string frame;
  Writer writer(frame);
  writer.request_start(1'000'000, "put");
  writer.array(4);
  writer.string("lru");
  writer.binary(std::string(300, 'k'));
  writer.raw(nested_maps(50));
  writer.map(1);
  writer.string("ttl_ms");
  writer.integer(60'000);
  return frame;
}

TEST(Allocation, new_is_counted_here) {
  EXPECT_GT(allocations_of([] { delete new std::string(100, 'x'); }), 0U);
}

TEST(Allocation, request_is_taken_apart_without_any) {
  const std::string frame = request_frame();
  std::size_t bytes = 0;
  EXPECT_EQ(allocations_of([&] {
              const Message message = read_message(frame);
              Cursor params(std::get<Request>(message).params);
              params.read_array();
              bytes +=
                  params.read_string()->size() + params.read_string()->size() + params.read_object()->size();
            }),
            0U);
  EXPECT_EQ(bytes, 3 + 300 + nested_maps(50).size());
}

TEST(Allocation, object_is_skipped_without_any_however_deep) {
  const std::string deep = nested_arrays(100'000);
  std::size_t bytes = 0;
  EXPECT_EQ(allocations_of([&] { bytes = Cursor(deep).read_object()->size(); }), 0U);
  EXPECT_EQ(bytes, deep.size());
}

TEST(Allocation, scanner_reuses_its_stack_for_later_messages) {
  const std::string frame = request_frame();
  FrameScanner scanner{FrameLimits()};
  scanner.scan(frame);
  bool is_whole = false;
  EXPECT_EQ(allocations_of([&] { is_whole = std::holds_alternative<FrameEnd>(scanner.scan(frame)); }), 0U);
  EXPECT_TRUE(is_whole);
}

TEST(Allocation, scanner_takes_no_more_memory_for_counts_that_are_announced) {
  FrameScanner scanner{FrameLimits()};
  EXPECT_LE(allocations_of([&] { scanner.scan("\xdc\xff\xff\xdd\x03\xff\x00\x00"); }), 2U);
}

}  // namespace
}  // namespace pannier::protocol
