#include <utility>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/many_call.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

class DeleteMany final : public ManyCall {
 public:
  DeleteMany(Service& service, const Call& call, std::vector<std::string> keys)
      : ManyCall(service, call.from, std::move(keys), call.params.size()) {}

 private:
  Part run(storage::Cache& cache, std::size_t index, storage::TimeMs now) override {
    const auto outcome = cache.erase(key(index), std::nullopt, now);
    if (std::holds_alternative<storage::Cold>(outcome)) return Part::kCold;
    if (const auto* full = std::get_if<storage::DirtyFull>(&outcome)) {
      fail(error_of(*full));
      return Part::kDone;
    }
    if (std::get<storage::Erased>(outcome).was_live) ++erased_;
    after_erase(service(), cache, key(index), now);
    return Part::kDone;
  }

  void answer() override { service().replies.number(from(), erased_); }

  std::uint64_t erased_ = 0;
};

}  // namespace

Outcome handle_delete_many(Service& service, const Call& call) {
  Params params("delete_many", call.params, service.limits);
  const auto name = params.cache_name();
  const auto keys = params.keys();
  params.options({});
  if (auto fault = params.fault()) return *fault;

  storage::Cache* cache = service.catalog.find(name);
  if (cache == nullptr) return unknown_cache(name);
  std::vector<std::string> own(keys.begin(), keys.end());
  std::make_shared<DeleteMany>(service, call, std::move(own))->start(*cache, call.now);
  return Answered();
}

}  // namespace pannier::daemon
