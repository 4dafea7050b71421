#include <utility>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/many_call.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Writer;

void write_found(Writer& writer, const storage::Lookup& found, storage::TimeMs now) {
  const auto* hit = std::get_if<storage::Hit>(&found);
  if (hit == nullptr) return writer.nil();
  write_entry(writer, hit->entry, false, now);
}

/// Of a durable cache: each key's answer is kept as of the key's turn.
class GetMany final : public ManyCall {
 public:
  GetMany(Service& service, const Call& call, std::vector<std::string> keys)
      : ManyCall(service, call.from, std::move(keys), call.params.size()), answers_(size()) {}

 private:
  Part run(storage::Cache& cache, std::size_t index, storage::TimeMs now) override {
    const auto found = cache.get(key(index), now);
    if (std::holds_alternative<storage::Cold>(found)) return Part::kCold;
    if (bytes_ > service().limits.reply_bytes_max) return Part::kDone;
    Writer writer(answers_[index]);
    write_found(writer, found, now);
    bytes_ += answers_[index].size();
    hold(static_cast<std::int64_t>(answers_[index].size()));
    if (bytes_ > service().limits.reply_bytes_max) give_up();
    return Part::kDone;
  }

  /// The answer is too large already: what there is of it need not be kept till the end.
  void give_up() {
    fail(reply_too_large("get_many", service().limits.reply_bytes_max));
    hold(-static_cast<std::int64_t>(bytes_));
    answers_ = std::vector<std::string>(size());
  }

  void answer() override {
    service().replies.result(from(), [&](Writer& writer) {
      writer.array(static_cast<std::uint32_t>(size()));
      for (const auto& one : answers_) writer.raw(one);
    });
  }

  std::vector<std::string> answers_;
  std::uint64_t bytes_ = 0;
};

/// How many keys are fetched into the processor's cache together: more than it fetches at a time.
constexpr std::size_t kTogether = 16;

std::vector<storage::HashedKey> fetched(const storage::Cache& cache,
                                        const std::vector<std::string_view>& keys) {
  std::vector<storage::HashedKey> hashed;
  hashed.reserve(keys.size());
  for (const auto key : keys) {
    hashed.push_back(cache.hashed(key));
    cache.prefetch_bucket(hashed.back());
  }
  return hashed;
}

/// Whether the values together are more than a reply may have: then none need be copied.
bool is_too_large(const Service& service, storage::Cache& cache, const std::vector<storage::HashedKey>& keys,
                  storage::TimeMs now) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + kTogether < keys.size()) cache.prefetch_entry(keys[i + kTogether]);
    const auto found = cache.find(keys[i], now);
    if (const auto* hit = std::get_if<storage::Hit>(&found)) bytes += hit->entry.value.size();
    if (bytes > service.limits.reply_bytes_max) return true;
  }
  return false;
}

Outcome answer_from_memory(Service& service, const Call& call, storage::Cache& cache,
                           const std::vector<std::string_view>& keys) {
  const auto hashed = fetched(cache, keys);
  if (is_too_large(service, cache, hashed, call.now)) {
    return reply_too_large("get_many", service.limits.reply_bytes_max);
  }
  service.replies.result(call.from, [&](Writer& writer) {
    writer.array(static_cast<std::uint32_t>(keys.size()));
    for (const auto& key : hashed) write_found(writer, cache.get(key, call.now), call.now);
  });
  return Answered();
}

}  // namespace

Outcome handle_get_many(Service& service, const Call& call) {
  Params params("get_many", call.params, service.limits);
  const auto name = params.cache_name();
  const auto keys = params.keys();
  params.options({});
  if (auto fault = params.fault()) return *fault;

  storage::Cache* cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  if (!cache->is_durable()) return answer_from_memory(service, call, *cache, keys);
  std::vector<std::string> own(keys.begin(), keys.end());
  std::make_shared<GetMany>(service, call, std::move(own))->start(*cache, call.now);
  return Answered();
}

}  // namespace pannier::daemon
