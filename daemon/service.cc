#include "daemon/service.h"

namespace pannier::daemon {

Service::Service(const Config& config, const Clock& clock_, Outbox& outbox_, storage::Catalog& catalog_,
                 DiskWorker& disk_, Flusher& flusher_, Subscriptions& subscriptions_)
    : limits(config.limits),
      clock(clock_),
      outbox(outbox_),
      catalog(catalog_),
      disk(disk_),
      flusher(flusher_),
      subscriptions(subscriptions_),
      replies(outbox_, config.limits),
      leases(config.limits.leases_max, [this] { return catalog.take_version(); }),
      cold_keys(catalog_, disk_, clock_, config.durable.loads_waiting_max),
      backups(disk_, background, clock_),
      shared_reads(catalog_, config.shared_readers_max),
      started_at(clock_.now()) {}

}  // namespace pannier::daemon
