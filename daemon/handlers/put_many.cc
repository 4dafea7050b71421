#include <algorithm>
#include <utility>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/many_call.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;

class PutMany final : public ManyCall {
 public:
  PutMany(Service& service, const Call& call) : ManyCall(service, call, "put_many") {}
  ~PutMany() override { service().catalog.write_back().kept(promised_bytes_); }

 private:
  std::uint32_t read_items(Params& params) override {
    const std::uint32_t count = params.pairs();
    values_.reserve(count);
    versions_.resize(count);
    hold(static_cast<std::int64_t>(count * (sizeof(std::string_view) + sizeof(storage::Version))));
    return count;
  }

  std::string_view read_item(Params& params) override {
    const auto [key, value] = params.next_pair();
    values_.push_back(value);
    return key;
  }

  void read_options(Params& params) override {
    params.options({"ttl_ms", "sync"});
    options_.ttl = params.ttl();
    sync_ = params.flag("sync");
  }

  std::optional<Error> refusal(storage::Cache& cache) override {
    if (sync_ && !cache.is_durable()) return not_durable("put_many with sync", cache);
    storage::EntrySizes sizes;
    for (std::size_t i = 0; i < size(); ++i) sizes.add(charge_of(cache, i));
    if (const auto refused = cache.refusal_of(sizes, options_)) {
      return std::visit([](const auto& one) { return error_of(one); }, *refused);
    }
    if (cache.is_durable()) promised_bytes_ = sizes.charge_bytes;
    service().catalog.write_back().promise(promised_bytes_);
    return std::nullopt;
  }

  std::uint64_t charge_of(const storage::Cache& cache, std::size_t index) const {
    return cache.charge_for(key(index).size(), values_[index].size());
  }

  Part run(storage::Cache& cache, std::size_t index, const storage::HashedKey& key,
           storage::TimeMs now) override {
    const std::uint64_t kept_bytes = std::min(promised_bytes_, charge_of(cache, index));
    service().catalog.write_back().kept(kept_bytes);
    promised_bytes_ -= kept_bytes;
    used(values_[index].size());
    return std::visit(Match{
                          [&](const storage::Written& written) {
                            versions_[index] = written.version;
                            after_write(service(), cache, key.key, now);
                            sequence_ = std::max(sequence_, sequence_to_sync(cache, key.key, sync_, now));
                            return Part::kDone;
                          },
                          [](storage::NotHeld) { return Part::kDone; },
                          [](storage::Cold) { return Part::kCold; },
                          [&](const auto& refused) {
                            fail(error_of(refused));
                            return Part::kDone;
                          },
                      },
                      cache.put(key, values_[index], options_, now));
  }

  bool answer() override {
    const auto versions = std::make_shared<const std::vector<storage::Version>>(std::move(versions_));
    reply_when_clean(service(), from(), cache_id(), sequence_, [&service = service(), to = from(), versions] {
      service.replies.result(to, [&](protocol::Writer& writer) {
        writer.array(static_cast<std::uint32_t>(versions->size()));
        for (const auto version : *versions) writer.unsigned_integer(version);
      });
    });
    return true;
  }

  storage::PutOptions options_;
  bool sync_ = false;
  std::vector<std::string_view> values_;
  std::vector<storage::Version> versions_;
  std::uint64_t promised_bytes_ = 0;  ///< to the other writers of durable entries, of what is not written yet
  std::uint64_t sequence_ = 0;        ///< that must be clean before the answer, with `sync`
};

}  // namespace

Outcome handle_put_many(Service& service, const Call& call) {
  std::make_shared<PutMany>(service, call)->start(call.now);
  return Answered();
}

}  // namespace pannier::daemon
