#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/many_call.h"

namespace pannier::daemon {

namespace {

class DeleteMany final : public ManyCall {
 public:
  DeleteMany(Service& service, const Call& call) : ManyCall(service, call, "delete_many") {}

 private:
  Part run(storage::Cache& cache, std::size_t, const storage::HashedKey& key, storage::TimeMs now) override {
    const auto outcome = cache.erase(key, std::nullopt, now);
    if (std::holds_alternative<storage::Cold>(outcome)) return Part::kCold;
    if (const auto* full = std::get_if<storage::DirtyFull>(&outcome)) {
      fail(error_of(*full));
      return Part::kDone;
    }
    if (std::get<storage::Erased>(outcome).was_live) ++erased_;
    after_erase(service(), cache, key.key, now);
    return Part::kDone;
  }

  bool answer() override {
    service().replies.number(from(), erased_);
    return true;
  }

  std::uint64_t erased_ = 0;
};

}  // namespace

Outcome handle_delete_many(Service& service, const Call& call) {
  std::make_shared<DeleteMany>(service, call)->start(call.now);
  return Answered();
}

}  // namespace pannier::daemon
