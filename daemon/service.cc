#include "daemon/service.h"

#include "daemon/methods.h"

namespace pannier::daemon {

Service::Service(const Config& config, const Clock& clock_, Log& log, Outbox& outbox_,
                 storage::Catalog& catalog_, DiskWorker& disk_, Flusher& flusher_,
                 Subscriptions& subscriptions_)
    : limits(config.limits),
      clock(clock_),
      outbox(outbox_),
      catalog(catalog_),
      disk(disk_),
      flusher(flusher_),
      subscriptions(subscriptions_),
      guard(config.access, outbox_, clock_, log),
      waits([this](ConnectionId connection) { return bounded_user(connection); }),
      sight(all_methods().size() + 1, log, clock_, config.slow_request_ms, outbox_),
      replies(outbox_, config.limits, sight),
      leases(config.limits, [this] { return catalog.take_version(); }),
      cold_keys(catalog_, disk_, clock_, config.durable),
      backups(disk_, background, clock_),
      shared_reads(catalog_, config, sight.hot_keys),
      started_at(clock_.now()) {}

std::optional<uid_t> Service::bounded_user(ConnectionId connection) const {
  const Visitor* const visitor = outbox.visitor(connection);
  return visitor != nullptr && visitor->user->is_bounded ? std::optional(visitor->peer.uid) : std::nullopt;
}

}  // namespace pannier::daemon
