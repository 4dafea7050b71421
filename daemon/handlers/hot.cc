// hot: the keys that are used most, which the sample of all hits tells at once, and the largest entries, for
// which all that are in memory are looked at, step by step in the background. What can fail: the cache is
// dropped meanwhile (unknown_cache).
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Writer;
using storage::TimeMs;

constexpr std::uint64_t kLimitDefault = 10;
constexpr std::uint64_t kLimitMax = 100;
constexpr std::uint64_t kWalkedAtOnce = 32;
/// Each holds up to kLimitMax keys, 6.5 MiB if they are as long as they may be.
constexpr std::uint32_t kWalksMax = 4;
/// Those of them that no user who is bounded takes.
constexpr std::uint32_t kKeptWalks = 1;

struct Sized {
  std::string key;
  std::uint64_t bytes;  ///< of the value
};

class HotTask final : public BackgroundTask {
 public:
  HotTask(Service& service, const Address& to, const storage::Cache& cache, std::size_t limit)
      : service_(service),
        to_(to),
        cache_(cache.id()),
        limit_(limit),
        ticket_(service.waits.take(to.connection, 0)) {
    ++service_.hot_walks;
  }
  ~HotTask() override { --service_.hot_walks; }
  HotTask(const HotTask&) = delete;
  HotTask& operator=(const HotTask&) = delete;

  TimeMs step(TimeMs now) override {
    storage::Cache* const cache = service_.catalog.find(cache_);
    if (cache == nullptr) {
      service_.replies.error(to_, dropped_meanwhile());
      return storage::kNever;
    }
    for (std::uint64_t visits = 0; place_ && visits < kVisitsPerStep;) visits += look(*cache, now);
    if (place_) return now;
    answer(*cache, now);
    return storage::kNever;
  }

 private:
  /// How many were looked at.
  std::uint64_t look(storage::Cache& cache, TimeMs now) {
    std::vector<std::string> keys;
    const auto walked =
        cache.walk(*place_, "", kWalkedAtOnce, kWalkedAtOnce, now, keys, storage::WalkOf::kInMemory);
    for (auto& key : keys) {
      const auto found = cache.find(key, now);
      if (const auto* hit = std::get_if<storage::Hit>(&found)) add(std::move(key), hit->entry.value.size());
    }
    place_ = walked.next;
    return walked.visited;
  }

  /// Into a heap whose smallest is on top. A walk may meet a key twice.
  void add(std::string key, std::uint64_t bytes) {
    if (largest_.size() == limit_ && bytes <= largest_.front().bytes) return;
    if (std::ranges::find(largest_, key, &Sized::key) != largest_.end()) return;
    if (largest_.size() == limit_) {
      std::ranges::pop_heap(largest_, std::ranges::greater(), &Sized::bytes);
      largest_.pop_back();
    }
    largest_.push_back({std::move(key), bytes});
    std::ranges::push_heap(largest_, std::ranges::greater(), &Sized::bytes);
  }

  void answer(storage::Cache& cache, TimeMs now) {
    service_.shared_reads.gather(now);
    const auto used = service_.sight.hot_keys.most_used(cache_, limit_);
    std::ranges::sort_heap(largest_, std::ranges::greater(), &Sized::bytes);
    service_.replies.result(to_, [&](Writer& writer) {
      writer.map(2);
      writer.string("most_used");
      writer.array(static_cast<std::uint32_t>(used.size()));
      for (const auto& one : used) write_used(writer, one, cache, now);
      writer.string("largest");
      writer.array(static_cast<std::uint32_t>(largest_.size()));
      for (const auto& one : largest_) {
        writer.map(2);
        writer.string("key");
        writer.key(one.key);
        writer.string("value_bytes");
        writer.unsigned_integer(one.bytes);
      }
    });
  }

  static void write_used(Writer& writer, const HotKeys::Used& used, storage::Cache& cache, TimeMs now) {
    const auto found = cache.find(used.key, now);
    const auto* hit = std::get_if<storage::Hit>(&found);
    writer.map(4);
    writer.string("key");
    writer.key(used.key);
    writer.string("hits");
    writer.unsigned_integer(used.hits);
    writer.string("hits_min");
    writer.unsigned_integer(used.hits_min);
    writer.string("value_bytes");
    hit == nullptr ? writer.nil() : writer.unsigned_integer(hit->entry.value.size());
  }

  Service& service_;
  Address to_;
  storage::CacheId cache_;
  std::size_t limit_;
  std::shared_ptr<Waits::Ticket> ticket_;
  std::optional<storage::WalkPosition> place_ = storage::WalkPosition{};
  std::vector<Sized> largest_;
};

}  // namespace

Outcome handle_hot(Service& service, const Call& call) {
  Params params("hot", call.params, service.limits);
  const auto name = params.cache_name();
  params.options({"limit"});
  const auto limit = params.number("limit", 1, kLimitMax).value_or(kLimitDefault);
  if (auto fault = params.fault()) return *fault;

  const storage::Cache* const cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  const std::uint32_t most = kWalksMax - (service.bounded_user(call.from.connection) ? kKeptWalks : 0);
  if (service.hot_walks >= most) {
    return protocol::Error{
        protocol::ErrorCode::kOverloaded,
        "hot: " + std::to_string(most) +
            " requests look through caches already, the most there may be; try again later"};
  }
  const auto task = std::make_shared<HotTask>(service, call.from, *cache, limit);
  const TimeMs again = task->step(call.now);
  if (again != storage::kNever) service.background.add(again, task);
  return Answered();
}

}  // namespace pannier::daemon
