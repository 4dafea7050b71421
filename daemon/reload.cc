#include "daemon/reload.h"

#include <optional>
#include <string>
#include <utility>

#include "daemon/defining.h"
#include "daemon/uv_work.h"
#include "protocol/error.h"

namespace pannier::daemon {

using protocol::Error;
using protocol::ErrorCode;
using storage::StoreError;

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Error unchanged(ErrorCode code, const std::string& why) { return {code, why + ". Nothing was changed"}; }

/// For the log, where an event is a line: the first mistake, and how many more there are.
std::string mistakes_in_one_line(const ConfigError& error) {
  if (error.others.empty()) return error.text;
  return error.text + "; " + std::to_string(error.others.size()) +
         " more of what is wrong: `pannierd --config FILE --check-config` tells all of it";
}

Error unfit(const UnfitCache& cache, const Origins& origins) {
  const auto origin = origins.find("cache." + cache.name);
  return unchanged(ErrorCode::kBadRequest,
                   (origin == origins.end() ? "cache " + protocol::quoted(cache.name) : origin->second) +
                       ": " + cache.text);
}

/// Caches that had a section and have none any more.
std::vector<std::string> notes_on_removed(const Config& before, const Config& after) {
  std::vector<std::string> notes;
  for (const auto& [name, settings] : before.caches) {
    if (after.caches.contains(name)) continue;
    std::string note =
        "cache " + protocol::quoted(name) +
        " stays as it is, though the file has no section for it any more: `pannier drop` removes "
        "one, `pannier open --alter` changes it";
    if (before.access.caches.contains(name)) note += ". Who may use it is what [access] says now";
    notes.push_back(std::move(note));
  }
  return notes;
}

void tell_log(Log& log, const ReloadOutcome& outcome) {
  if (const auto* error = std::get_if<Error>(&outcome)) {
    const std::string text = "reload: " + error->text;
    // As when a terminal is closed, which sends SIGHUP too.
    return error->code == ErrorCode::kUnsupported ? log.info(text) : log.error(text);
  }
  const auto& reloaded = std::get<Reloaded>(outcome);
  log.info("reload: the configuration is in force" +
           (reloaded.applied.empty() ? std::string(", nothing is new") : ": " + joined(reloaded.applied)));
  for (const NeedsRestart& one : reloaded.needs_restart) {
    log.warning("reload: " + one.key + " is " + protocol::quoted(one.now) +
                " until the daemon is restarted, and then " + protocol::quoted(one.then));
  }
  for (const std::string& note : reloaded.notes) log.warning("reload: " + note);
}

}  // namespace

Reload::Reload(UvLoop& loop, Log& log, Server& server, Service& service, Config& live, Config read_first,
               Read read, Fit fit)
    : loop_(loop),
      log_(log),
      server_(server),
      service_(service),
      live_(live),
      read_last_(std::move(read_first)),
      read_(std::move(read)),
      fit_(std::move(fit)) {}

void Reload::ask(ReloadDone done) {
  waiting_.push_back(std::move(done));
  if (is_idle()) begin();
}

void Reload::begin() {
  answered_.swap(waiting_);
  run_in_pool(
      loop_, [read = read_, running = read_last_] { return read(running); },
      [this](std::variant<Reread, ConfigError> read) { have_read(std::move(read)); });
}

void Reload::have_read(std::variant<Reread, ConfigError> read) {
  if (service_.is_stopping) return end(unchanged(ErrorCode::kShuttingDown, "the daemon is stopping"));
  if (const auto* error = std::get_if<ConfigError>(&read)) {
    return end(unchanged(ErrorCode::kBadRequest, mistakes_in_one_line(*error)));
  }
  auto& again = std::get<Reread>(read);
  if (again.config.file_path.empty()) {
    return end(unchanged(ErrorCode::kUnsupported,
                         "the daemon was started without --config: there is no file to read, and what its "
                         "command line says takes a restart"));
  }
  apply(std::move(again));
}

void Reload::apply(Reread again) {
  // What may be refused comes first.
  service_.catalog.set_caches_max(again.config.caches_max);
  const auto opened = open_configured_caches(service_.catalog, again.config.caches, service_.clock.now());
  if (const auto* fault = std::get_if<UnfitCache>(&opened)) {
    service_.catalog.set_caches_max(live_.caches_max);
    return end(unfit(*fault, again.origins));
  }
  const auto& changed = std::get<std::vector<ConfiguredCache>>(opened);
  Reloaded outcome{std::move(again.changed), std::move(again.needs_restart),
                   notes_on_removed(read_last_, again.config)};
  for (const ConfiguredCache& cache : changed) {
    outcome.applied.push_back("cache." + std::string(service_.catalog.find(cache.id)->name()));
  }
  const bool is_access_new = live_.access != again.config.access;
  read_last_ = again.config;
  live_ = std::move(again.config);
  fit_(live_);
  tell_parts();
  if (is_access_new) access_changed(outcome);
  end_when_defined(changed, std::move(outcome));
}

void Reload::tell_parts() {
  log_.leave_out_below(log_level_named(live_.log_level).value_or(LogLevel::kInfo));
  storage::Catalog& catalog = service_.catalog;
  // Memory may be larger than the limit.
  catalog.set_dirty_bytes_max(live_.durable.is_dirty_bytes_max_set ? *live_.durable.dirty_bytes_max
                                                                   : catalog.options().memory_bytes_max / 4);
  service_.disk.set_reads_waiting_max(live_.durable.loads_waiting_max);
  service_.flusher.reschedule();
  server_.limits_changed(live_.spin_us);
}

void Reload::access_changed(Reloaded& outcome) {
  Guard& guard = service_.guard;
  guard.access_changed();
  service_.shared_reads.access_changed();
  const auto may_read = [&guard](ConnectionId connection, std::string_view cache) {
    return guard.may(connection, Right::kRead, cache);
  };
  // A copy that is kept by what is told must not go on without knowing.
  for (const ConnectionId connection : service_.subscriptions.without_right(may_read)) {
    dismiss(connection,
            "the configuration does not let this user read a cache any more to which the connection has "
            "subscribed");
  }
  const auto may_operate = [&guard](ConnectionId connection) { return guard.may_operate(connection); };
  for (const ConnectionId connection : service_.sight.monitors.without_right(may_operate)) {
    dismiss(connection, "the configuration does not let this user monitor any more");
  }
  if (SharedReads::is_out_of_hand(service_.catalog.arena(), live_.access)) {
    outcome.needs_restart.push_back({"access",
                                     "as it says for requests; memory that readers have mapped is theirs",
                                     "as it says for mapped memory too"});
  }
}

void Reload::dismiss(ConnectionId connection, const std::string& why) {
  server_.dismiss(connection, {ErrorCode::kDenied, why});
  // That is the last that it is told.
  service_.subscriptions.closed(connection);
  service_.sight.monitors.stop(connection);
}

void Reload::end_when_defined(const std::vector<ConfiguredCache>& changed, Reloaded outcome) {
  struct Defining {
    std::size_t left = 1;
    std::string failures;
    Reloaded outcome;
  };
  const auto defining = std::make_shared<Defining>();
  defining->outcome = std::move(outcome);
  const auto one_is_done = [this, defining] {
    if (--defining->left > 0) return;
    if (defining->failures.empty()) return end(defining->outcome);
    end(Error{ErrorCode::kStorage, "all is in force but that the disk did not take the definition of" +
                                       defining->failures +
                                       ": what was altered is so in memory alone, and what "
                                       "was new is not there"});
  };
  for (const ConfiguredCache& one : changed) {
    const storage::Cache& cache = *service_.catalog.find(one.id);
    if (!cache.is_durable()) continue;
    ++defining->left;
    define_cache(
        service_, cache, one.created,
        [defining, one_is_done, name = std::string(cache.name())](const std::optional<StoreError>& error) {
          if (error) defining->failures += " cache " + protocol::quoted(name) + " (" + error->text + ")";
          one_is_done();
        });
  }
  one_is_done();
}

void Reload::end(const ReloadOutcome& outcome) {
  tell_log(log_, outcome);
  for (const ReloadDone& done : answered_) done(outcome);
  answered_.clear();
  if (!waiting_.empty()) begin();
}

}  // namespace pannier::daemon
