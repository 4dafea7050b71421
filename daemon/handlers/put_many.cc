#include <algorithm>
#include <utility>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/many_call.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Writer;
using Pair = std::pair<std::string_view, std::string_view>;

class PutMany final : public ManyCall {
 public:
  PutMany(Service& service, const Call& call, storage::Cache& cache, const std::vector<Pair>& pairs,
          const storage::PutOptions& options, bool sync)
      : ManyCall(service, call.from, keys_of(pairs), call.params.size()),
        cache_(cache.id()),
        options_(options),
        sync_(sync),
        versions_(pairs.size()) {
    values_.reserve(pairs.size());
    for (const auto& pair : pairs) values_.emplace_back(pair.second);
  }

 private:
  static std::vector<std::string> keys_of(const std::vector<Pair>& pairs) {
    std::vector<std::string> keys;
    keys.reserve(pairs.size());
    for (const auto& pair : pairs) keys.emplace_back(pair.first);
    return keys;
  }

  Part run(storage::Cache& cache, std::size_t index, storage::TimeMs now) override {
    const auto outcome = cache.put(key(index), values_[index], options_, now);
    return std::visit(Match{
                          [&](const storage::Written& written) {
                            versions_[index] = written.version;
                            after_write(service(), cache, key(index), now);
                            return Part::kDone;
                          },
                          [](storage::NotHeld) { return Part::kDone; },
                          [](storage::Cold) { return Part::kCold; },
                          [&](const auto& refused) {
                            fail(error_of(refused));
                            return Part::kDone;
                          },
                      },
                      outcome);
  }

  void answer() override {
    storage::Cache* cache = service().catalog.find(cache_);
    const auto now = service().clock.now();
    std::uint64_t sequence = 0;
    for (std::size_t i = 0; sync_ && cache != nullptr && i < size(); ++i) {
      sequence = std::max(sequence, sequence_to_sync(*cache, key(i), sync_, now));
    }
    reply_when_clean(service(), from(), {cache_}, sequence,
                     [&service = service(), to = from(), versions = versions_] {
                       service.replies.result(to, [&](Writer& writer) {
                         writer.array(static_cast<std::uint32_t>(versions.size()));
                         for (const auto version : versions) writer.unsigned_integer(version);
                       });
                     });
  }

  storage::CacheId cache_;
  storage::PutOptions options_;
  bool sync_;
  std::vector<std::string> values_;
  std::vector<storage::Version> versions_;
};

}  // namespace

Outcome handle_put_many(Service& service, const Call& call) {
  Params params("put_many", call.params, service.limits);
  const auto name = params.cache_name();
  const auto pairs = params.pairs();
  params.options({"ttl_ms", "sync"});
  const storage::PutOptions options{params.ttl(), false, std::nullopt, {}};
  const bool sync = params.flag("sync");
  if (auto fault = params.fault()) return *fault;

  storage::Cache* cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  if (sync && !cache->is_durable()) return not_durable("put_many with sync", *cache);
  if (const auto refused = cache->refusal_of(pairs, options)) {
    return std::visit([](const auto& one) { return error_of(one); }, *refused);
  }
  std::make_shared<PutMany>(service, call, *cache, pairs, options, sync)->start(*cache, call.now);
  return Answered();
}

}  // namespace pannier::daemon
