#include "daemon/many_call.h"

#include <utility>

namespace pannier::daemon {

using storage::TimeMs;

class ManyCall::KeyPart final : public KeyOperation {
 public:
  KeyPart(std::shared_ptr<ManyCall> whole, storage::CacheId cache, std::size_t index)
      : whole_(std::move(whole)), cache_(cache), index_(index) {}

  bool attempt(TimeMs now) override {
    if (whole_->run(*whole_->service_.catalog.find(cache_), index_, now) == Part::kCold) return false;
    whole_->part_done();
    return true;
  }
  void fail(const protocol::Error& error) override {
    whole_->fail(error);
    whole_->part_done();
  }

 private:
  std::shared_ptr<ManyCall> whole_;
  storage::CacheId cache_;
  std::size_t index_;
};

ManyCall::ManyCall(Service& service, const Address& from, std::vector<std::string> keys,
                   std::uint64_t held_bytes)
    : service_(service),
      from_(from),
      keys_(std::move(keys)),
      ticket_(service.waits.take(from.connection, held_bytes)),
      left_(keys_.size() + 1) {}

void ManyCall::start(storage::Cache& cache, TimeMs now) {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const bool is_waited_for = service_.cold_keys.is_waited_for(cache.id(), keys_[i]);
    if (!is_waited_for && run(cache, i, now) == Part::kDone) {
      part_done();
      continue;
    }
    auto part = std::make_unique<KeyPart>(shared_from_this(), cache.id(), i);
    if (const auto refused = service_.cold_keys.park({cache.id(), keys_[i]}, std::move(part))) {
      fail(*refused);
      part_done();
    }
  }
  part_done();  // the one that kept it from answering before all were started
}

void ManyCall::fail(const protocol::Error& error) {
  if (!error_) error_ = error;
}

void ManyCall::part_done() {
  if (--left_ > 0) return;
  if (error_) return service_.replies.error(from_, *error_);
  answer();
}

}  // namespace pannier::daemon
