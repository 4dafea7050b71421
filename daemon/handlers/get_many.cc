#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <span>
#include <utility>
#include <vector>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/large_memory.h"
#include "daemon/many_call.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Writer;

constexpr std::string_view kMethod = "get_many";
/// What one step copies of an answer that is put together from pieces.
constexpr std::size_t kJoinedPerStep = std::size_t{1} << 20;
/// From how many keys on the size of an answer is foreseen, so that it need not be copied as it grows.
constexpr std::size_t kForeseeingKeys = 256;

std::size_t append_found(std::string& to, const storage::Lookup& found, storage::TimeMs now) {
  Writer writer(to);
  const auto* hit = std::get_if<storage::Hit>(&found);
  if (hit == nullptr) {
    writer.nil();
    return 0;
  }
  write_entry(writer, hit->entry, false, now);
  return hit->entry.value.size();
}

void note_hit(Service& service, const storage::Cache& cache, const storage::HashedKey& key,
              const storage::Lookup& found) {
  if (std::holds_alternative<storage::Hit>(found)) service.sight.hot_keys.hit(cache.id(), key.key);
}

/// What there is of an answer: the first keys'.
struct Begun {
  std::string response;
  std::size_t keys = 0;
};

/// The answer is written as the keys have their turns. What comes later, of a key that was cold, is kept
/// until it is put in its place.
class GetMany final : public ManyCall {
 public:
  GetMany(Service& service, const Call& call, Begun begun = {})
      : ManyCall(service, call, kMethod, begun.keys), text_(std::move(begun.response)), passed_(begun.keys) {}

 private:
  struct Gap {
    std::size_t index;
    std::size_t offset;  ///< in the text
    std::string text;
  };

  std::optional<protocol::Error> refusal(storage::Cache& cache) override {
    told_ = service().subscriptions.sequence(from().connection, cache.name());
    std::string head;
    start_response(head);
    head_bytes_ = head.size();
    if (text_.empty()) text_ = std::move(head);
    return std::nullopt;
  }

  void start_response(std::string& to) const {
    Writer writer(to);
    writer.response_start(from().id);
    writer.array(static_cast<std::uint32_t>(size()));
  }

  Part run(storage::Cache& cache, std::size_t index, const storage::HashedKey& key,
           storage::TimeMs now) override {
    const auto found = cache.get(key, now);
    if (std::holds_alternative<storage::Cold>(found)) return Part::kCold;
    note_hit(service(), cache, key, found);
    const bool is_late = index < passed_;
    if (!is_late) passed_ = index + 1;
    if (has_failed()) return Part::kDone;
    if (is_late) {
      std::string& text = gap_of(index).text;
      append_found(text, found, now);
      late_bytes_ += text.size();
      hold(static_cast<std::int64_t>(text.size()));
    } else {
      if (const auto* hit = std::get_if<storage::Hit>(&found)) make_room(hit->entry.value.size());
      used(append_found(text_, found, now));
    }
    if (text_.size() - head_bytes_ + late_bytes_ > service().limits.reply_bytes_max) {
      fail(reply_too_large(kMethod, service().limits.reply_bytes_max));
    }
    if (has_failed()) forget();
    return Part::kDone;
  }

  void postponed(std::size_t index) override {
    passed_ = index + 1;
    gaps_.push_back({index, text_.size(), {}});
  }

  Gap& gap_of(std::size_t index) {
    return *std::ranges::lower_bound(gaps_, index, {}, [](const Gap& gap) { return gap.index; });
  }

  /// For a value of so many bytes, and those that may be expected to follow.
  void make_room(std::size_t value_bytes) {
    const std::size_t needed = text_.size() + value_bytes + 1;
    if (needed <= text_.capacity()) return;
    const std::size_t expected = passed_ < kForeseeingKeys ? 0 : (needed / passed_ + 1) * size();
    const auto before = static_cast<std::int64_t>(text_.capacity());
    text_.reserve(std::max(needed, std::min(expected, std::size_t{service().limits.reply_bytes_max})));
    hold(static_cast<std::int64_t>(text_.capacity()) - before);
    expect_filling({text_.data(), text_.capacity()});
    fail_if_too_much_is_held();
  }

  /// Nothing of the answer need be kept till the end.
  void forget() {
    std::string().swap(text_);
    gaps_.clear();
  }

  bool answer() override {
    if (!join_some()) return false;
    // What the connection was told to forget meanwhile may be in the answer that follows now.
    if (told_ != service().subscriptions.sequence(from().connection, name())) write_anew();
    if (text_.size() < text_.capacity() / 2) text_.shrink_to_fit();
    service().replies.whole(from(), std::move(text_));
    return true;
  }

  /// Puts the gaps' texts in their places. False: there is more to do.
  bool join_some() {
    if (gaps_.empty()) return true;
    if (joined_.empty()) {
      joined_.reserve(text_.size() + late_bytes_);
      hold(static_cast<std::int64_t>(joined_.capacity()));
    }
    for (std::size_t left = kJoinedPerStep; joined_from_ < text_.size() || gaps_joined_ < gaps_.size();) {
      if (left == 0) return false;
      left -= std::min(left, join_one(left));
    }
    text_ = std::move(joined_);
    gaps_.clear();
    return true;
  }

  /// How many bytes that were.
  std::size_t join_one(std::size_t bytes_max) {
    const bool has_gap = gaps_joined_ < gaps_.size();
    const std::size_t until = has_gap ? gaps_[gaps_joined_].offset : text_.size();
    if (joined_from_ == until) {
      const std::string& text = gaps_[gaps_joined_++].text;
      joined_.append(text);
      return text.size();
    }
    const std::size_t bytes = std::min(bytes_max, until - joined_from_);
    joined_.append(text_, joined_from_, bytes);
    joined_from_ += bytes;
    return bytes;
  }

  /// All of the answer as it is now, in one step; unless some of it is on disk alone.
  void write_anew() {
    if (cache() == nullptr) return;
    const storage::TimeMs now = service().clock.now();
    std::string anew;
    anew.reserve(text_.size());
    start_response(anew);
    for (std::size_t i = 0; i < size(); ++i) {
      const auto found = cache()->find(key(i), now);
      if (std::holds_alternative<storage::Cold>(found)) return;
      append_found(anew, found, now);
    }
    text_ = std::move(anew);
  }

  std::string text_;  ///< the response, but for the gaps
  std::size_t head_bytes_ = 0;
  std::size_t passed_;  ///< keys that have had their turn
  std::vector<Gap> gaps_;
  std::size_t late_bytes_ = 0;  ///< of their texts
  std::string joined_;
  std::size_t joined_from_ = 0;  ///< what was joined of the text
  std::size_t gaps_joined_ = 0;
  std::uint64_t told_ = 0;  ///< of invalidations, when it began
};

/// A few keys of a cache in memory: straight into the output.
Outcome answer_at_once(Service& service, const Call& call, Params& params, std::size_t count,
                       storage::Cache& cache) {
  alignas(FetchedKey) std::array<std::byte, kVisitsPerStep * sizeof(FetchedKey)> space;
  std::pmr::monotonic_buffer_resource memory(space.data(), space.size());
  std::pmr::vector<FetchedKey> keys(&memory);
  keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) keys.push_back(FetchedKey::of(cache, params.next_key()));
  params.options({});
  if (auto fault = params.fault()) return *fault;

  std::string* const output = service.replies.start(call.from);
  if (output == nullptr) return Answered();
  const std::size_t before = output->size();
  Writer writer(*output);
  writer.response_start(call.from.id);
  const std::size_t result_start = output->size();
  writer.array(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    if (i % ManyCall::kTogether == 0)
      storage::prefetch_all(std::span(keys).subspan(i, std::min(ManyCall::kTogether, count - i)));
    const auto found = cache.get(keys[i].key, call.now);
    note_hit(service, cache, keys[i].key, found);
    append_found(*output, found, call.now);
    if (output->size() - before > ManyCall::kBytesPerStep && i + 1 < count) {
      Begun begun{output->substr(before), i + 1};
      output->resize(before);
      std::make_shared<GetMany>(service, call, std::move(begun))->start(call.now);
      return Answered();
    }
  }
  service.replies.finish(call.from, *output, before, output->size() - result_start);
  return Answered();
}

}  // namespace

Outcome handle_get_many(Service& service, const Call& call) {
  Params params(kMethod, call.params, service.limits);
  storage::Cache* const cache = service.catalog.find(params.cache_name());
  const std::uint32_t count = params.keys();
  if (cache != nullptr && !cache->is_durable() && count <= kVisitsPerStep) {
    return answer_at_once(service, call, params, count, *cache);
  }
  std::make_shared<GetMany>(service, call)->start(call.now);
  return Answered();
}

}  // namespace pannier::daemon
