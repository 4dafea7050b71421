#include "client/load/conversation.h"

#include <algorithm>
#include <bit>

namespace pannier::load {
namespace {

/// One of so many replies is compared with the expected one byte by byte.
constexpr std::uint32_t kCompareOneOf = 64;

}  // namespace

Conversation::Conversation(const Dialect& dialect, const Tape& tape, std::uint32_t depth,
                           std::uint32_t number)
    : dialect_(dialect), tape_(tape), batches_(std::bit_ceil(std::size_t{depth})), replies_(number) {}

void Conversation::asked(Slice slice, std::int64_t now_ns) {
  batches_[last_++ & (batches_.size() - 1)] = {slice, now_ns};
}

std::uint32_t Conversation::take(std::string_view bytes, std::int64_t now_ns,
                                 protocol::Histogram& latencies) {
  const std::uint32_t before = replies_;
  if (kept_.empty()) {
    kept_ = take_whole(bytes, now_ns, latencies);
  } else {
    kept_ += bytes;
    kept_.erase(0, kept_.size() - take_whole(kept_, now_ns, latencies).size());
  }
  return replies_ - before;
}

std::string_view Conversation::take_whole(std::string_view in, std::int64_t now_ns,
                                          protocol::Histogram& latencies) {
  while (!in.empty()) {
    if (first_ == last_) throw Fault("more than was asked for: " + std::string(wrong_reply(in).what()));
    Batch& batch = batches_[first_ & (batches_.size() - 1)];
    std::uint32_t whole = 0;
    while (whole < batch.slice.count && !in.empty()) {
      const std::size_t bytes = take_one(in, batch.slice.first + whole);
      in.remove_prefix(bytes);
      if (bytes == 0 || owed_bytes_ > 0) break;
      ++replies_;
      ++whole;
    }
    if (whole > 0) latencies.add(static_cast<std::uint64_t>(now_ns - batch.sent_ns), whole);
    batch.slice.first += whole;
    batch.slice.count -= whole;
    if (batch.slice.count > 0) break;
    ++first_;
  }
  return in;
}

std::size_t Conversation::take_one(std::string_view in, std::uint32_t index) {
  if (owed_bytes_ > 0) {
    const std::size_t bytes = std::min(owed_bytes_, in.size());
    owed_bytes_ -= bytes;
    return bytes;
  }
  const Asked asked = tape_.asked(index);
  const std::size_t bytes = dialect_.reply_bytes(in, asked);
  if (bytes == 0) return 0;
  const bool is_compared = replies_ % kCompareOneOf == 0;
  if (bytes > in.size()) {
    if (is_compared) return 0;
    owed_bytes_ = bytes - in.size();
    return in.size();
  }
  if (is_compared) compare(in.substr(0, bytes), asked);
  return bytes;
}

void Conversation::compare(std::string_view reply, const Asked& asked) const {
  std::string expected;
  dialect_.append_reply(expected, asked);
  if (!expected.empty() && expected != reply) throw wrong_reply(reply);
}

}  // namespace pannier::load
