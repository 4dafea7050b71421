// backup: an image of durable caches as they are at one moment. Happy path: what came before and waits for
// keys runs, the flusher brings disk and memory to a point (flusher.h), there the caches are noted and an
// image of the disk is asked for, and when it is there the caches are told; backup_next reads it. What can
// fail: too many images (overloaded); more is written than the disk takes, so that no such moment comes
// (overloaded); the disk (storage); a cache that was named is dropped meanwhile (unknown_cache).
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/handlers/common.h"
#include "daemon/handlers/handlers.h"
#include "daemon/params.h"

namespace pannier::daemon {

namespace {

using protocol::Error;
using protocol::ErrorCode;
using protocol::Writer;

Error only_durable(const storage::Cache& cache) {
  return {ErrorCode::kUnsupported, "backup: cache " + protocol::quoted(cache.name()) + " of tier " +
                                       std::string(storage::traits_of(cache.settings().tier).name) +
                                       " is not durable: only durable caches are backed up"};
}

class BackupTask : public std::enable_shared_from_this<BackupTask> {
 public:
  BackupTask(Service& service, const Address& to, std::vector<std::string> names)
      : service_(service),
        to_(to),
        names_(std::move(names)),
        ticket_(service.waits.take(to.connection, 0)),
        backup_(service.backups.reserve(to.connection)) {}

  /// Behind all that waits in the durable caches now.
  void start(storage::TimeMs now) {
    const auto behind = [self = shared_from_this()](storage::TimeMs) { self->one_ran(); };
    for (const storage::Cache* cache : service_.catalog.caches()) {
      if (!cache->is_durable()) continue;
      ++left_;
      service_.cold_keys.run_behind(cache->id(), behind, now);
    }
    one_ran();
  }

 private:
  void one_ran() {
    if (--left_ > 0) return;
    service_.flusher.wait_point([self = shared_from_this()](const auto& outcome) {
      std::visit(Match{
                     [&](Flusher::AtPoint) { self->at_point(); },
                     [&](Flusher::NoPoint) {
                       self->fail({ErrorCode::kOverloaded,
                                   "backup: more is being written than the disk takes, so that there is no "
                                   "moment to back up; try again when less is"});
                     },
                     [&](const storage::StoreError& error) {
                       self->fail({ErrorCode::kStorage, error.text});
                     },
                 },
                 outcome);
    });
  }

  void at_point() {
    if (!is_wanted()) return superseded();
    backup_->made_at = service_.clock.now();
    if (auto error = note_caches()) return fail(*error);
    service_.disk.open_image([self = shared_from_this()](auto outcome) {
      if (const auto* error = std::get_if<storage::StoreError>(&outcome))
        return self->fail({ErrorCode::kStorage, error->text});
      self->opened(std::get<DiskWorker::Image>(std::move(outcome)));
    });
  }

  /// The client has not gone, nor begun another one.
  bool is_wanted() const { return service_.backups.is_current(to_.connection, backup_); }
  void superseded() { service_.replies.error(to_, superseded_backup("backup")); }

  std::optional<Error> note_caches() {
    std::vector<const storage::Cache*> caches;
    for (const std::string& name : names_) {
      caches.push_back(service_.catalog.find(name));
      if (caches.back() == nullptr) return unknown_cache(name);
      if (!caches.back()->is_durable()) return only_durable(*caches.back());
    }
    if (names_.empty()) {
      for (const storage::Cache* cache : service_.catalog.caches()) {
        if (cache->is_durable()) caches.push_back(cache);
      }
    }
    for (const storage::Cache* cache : caches) {
      backup_->caches.push_back({cache->id(), std::string(cache->name()), cache->settings(), cache->entries(),
                                 storage::WriteBack::cleared_ranges(*cache)});
    }
    return std::nullopt;
  }

  void opened(DiskWorker::Image image) {
    if (!is_wanted()) {
      service_.disk.close_image(std::move(image));
      return superseded();
    }
    service_.backups.fill(backup_, std::move(image));
    service_.replies.result(to_, [this](Writer& writer) { write_answer(writer); });
  }

  void write_answer(Writer& writer) const {
    writer.map(2);
    writer.string("time_ms");
    writer.integer(backup_->made_at);
    writer.string("caches");
    writer.array(static_cast<std::uint32_t>(backup_->caches.size()));
    for (const BackedUpCache& cache : backup_->caches) {
      writer.map(5);
      writer.string("name");
      writer.string(cache.name);
      writer.string("entries");
      writer.unsigned_integer(cache.entries);
      writer.string("max_age_ms");
      const auto& age_ms_max = cache.settings.age_ms_max;
      age_ms_max ? writer.unsigned_integer(*age_ms_max) : writer.nil();
      writer.string("stale_ms");
      writer.unsigned_integer(cache.settings.stale_ms);
      writer.string("reserved_bytes");
      writer.unsigned_integer(cache.settings.reserved_bytes);
    }
  }

  void fail(const Error& error) {
    if (is_wanted()) service_.backups.end(to_.connection);
    service_.replies.error(to_, error);
  }

  Service& service_;
  Address to_;
  std::vector<std::string> names_;
  std::shared_ptr<Waits::Ticket> ticket_;
  std::shared_ptr<Backup> backup_;
  std::size_t left_ = 1;
};

/// Of all durable caches where none is named: a backup in which some are silently missing would be none.
std::optional<Error> refusal(Service& service, const Call& call, std::vector<std::string> names) {
  if (names.empty()) {
    for (const storage::Cache* cache : service.catalog.caches()) {
      if (cache->is_durable()) names.emplace_back(cache->name());
    }
  }
  for (const std::string& name : names) {
    if (auto denied = service.guard.refusal(call.from.connection, "backup", Right::kRead, name))
      return denied;
  }
  return std::nullopt;
}

}  // namespace

Outcome handle_backup(Service& service, const Call& call) {
  Params params("backup", call.params, service.limits);
  const auto given = params.optional_cache_names();
  params.options({});
  if (auto fault = params.fault()) return *fault;

  const std::set<std::string, std::less<>> unique(given.begin(), given.end());
  std::vector<std::string> names(unique.begin(), unique.end());
  if (auto denied = refusal(service, call, names)) return *denied;
  for (const std::string& name : names) {
    const storage::Cache* cache = service.catalog.find(name);
    if (cache == nullptr) return unknown_cache(name);
    if (!cache->is_durable()) return only_durable(*cache);
  }
  const bool is_bounded = service.bounded_user(call.from.connection).has_value();
  if (service.backups.is_full(is_bounded) && !service.backups.has(call.from.connection)) {
    return Error{ErrorCode::kOverloaded, "backup: " + std::to_string(Backups::places(is_bounded)) +
                                             " backups are being read already, the most there may be; try "
                                             "again later"};
  }
  // An image for nobody would only take space.
  if (call.from.is_notification) return Answered();
  std::make_shared<BackupTask>(service, call.from, std::move(names))->start(call.now);
  return Answered();
}

}  // namespace pannier::daemon
