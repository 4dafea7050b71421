// pannierd: makes every part of the daemon, wires them, runs the loop, and takes them apart again. Nothing
// else knows all of them.
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/data_dir.h"
#include "daemon/disk_worker.h"
#include "daemon/erasing.h"
#include "daemon/file_limit.h"
#include "daemon/flusher.h"
#include "daemon/housekeeper.h"
#include "daemon/initial_caches.h"
#include "daemon/log.h"
#include "daemon/quantity.h"
#include "daemon/router.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/shutdown.h"
#include "daemon/socket_file.h"
#include "daemon/subscriptions.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_signal.h"
#include "daemon/version.h"
#include "daemon/version_keeper.h"
#include "storage/catalog.h"
#include "storage/leveldb_store.h"

namespace pannier::daemon {
namespace {

// Told by --help.
constexpr int kStopped = 0;
constexpr int kFailed = 1;
constexpr int kWrongConfig = 2;
constexpr int kHurried = 3;

/// Files beside connections: LevelDB's, the log, the loop's own, and some to spare.
constexpr std::uint32_t kOtherFiles = 512;

int fail(Log& log, const std::string& text) {
  log.error(text);
  return kFailed;
}

storage::CatalogOptions catalog_options(const Config& config) {
  storage::CatalogOptions options;
  options.memory_bytes_max = config.memory_bytes_max;
  options.dirty_bytes_max = config.durable.dirty_bytes_max.value_or(config.memory_bytes_max / 4);
  options.caches_max = config.caches_max;
  return options;
}

/// Lowers the limit of connections to what the system gives, so that further ones are told instead of left
/// alone.
void fit_connections(Config& config, Log& log) {
  const std::uint32_t wanted = config.limits.connections_max;
  config.limits.connections_max = make_room_for_connections(wanted, kOtherFiles + Server::kRefusedMax);
  if (config.limits.connections_max == wanted) return;
  log.warning("max_connections is " + std::to_string(config.limits.connections_max) + " instead of " +
              std::to_string(wanted) +
              ", because this process may not have more files open: raise its limit (ulimit -n)");
}

std::string ready_text(const Config& config, const storage::Catalog& catalog, std::size_t caches) {
  return "pannierd " + std::string(program_version()) + " listens on " + config.socket_path + ", data in " +
         config.data_dir + ", memory limit " + size_text(catalog.options().memory_bytes_max) + ", " +
         std::to_string(caches) + " caches";
}

/// Everything that lives as long as the daemon serves.
int serve(const Config& config, Log& log, SocketFile& socket_file, storage::LevelDbStore& store) {
  UvLoop loop;
  const Clock clock(loop, system_wall_time());
  Server server(loop, clock, log, config.limits);
  Subscriptions subscriptions(server, config.limits.unsent_bytes_max, config.limits.subscriptions_max);
  storage::Catalog catalog(catalog_options(config), subscriptions);
  DiskLimits disk_limits;
  disk_limits.reads_waiting_max = config.durable.loads_waiting_max;
  DiskWorker disk(loop, store, disk_limits);

  auto started = VersionKeeper::start(loop, store, catalog, disk);
  if (const auto* error = std::get_if<storage::StoreError>(&started)) return fail(log, error->text);
  VersionKeeper& versions = *std::get<std::unique_ptr<VersionKeeper>>(started);
  const auto initial = open_initial_caches(catalog, store, config, clock.now());
  if (const auto* error = std::get_if<InitialCachesError>(&initial)) return fail(log, error->text);

  Flusher flusher(loop, catalog, disk, config.durable, clock, log);
  Service service(config, clock, server, catalog, disk, flusher, subscriptions);
  Router router(service);
  Housekeeper housekeeper(loop, service, versions);
  Shutdown shutdown({loop, log, server, router, service, catalog, disk, flusher, versions});
  const UvSignal on_terminate(loop, SIGTERM, [&shutdown] { shutdown.signaled(); });
  const UvSignal on_interrupt(loop, SIGINT, [&shutdown] { shutdown.signaled(); });

  for (const storage::CacheId id : std::get<InitialCaches>(initial).unfinished_drops)
    resume_disk_drop(service, id);
  server.listen(socket_file.release_socket(), router);
  log.info(ready_text(config, catalog, catalog.caches().size()));
  loop.run();

  if (shutdown.lost_entries() > 0) return kHurried;
  log.info("stopped: everything is on disk");
  return kStopped;
}

int run(Config config) {
  Log log(log_level_named(config.log_level).value_or(LogLevel::kInfo));
  // A client that is gone and a file that may not grow are errors of the write, not signals.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  fit_connections(config, log);
  auto taken = SocketFile::take(config.socket_path, config.socket_mode, config.socket_group);
  if (const auto* fault = std::get_if<SocketFault>(&taken)) return fail(log, fault->text);
  const auto data_dir = take_data_dir(config.data_dir);
  if (const auto* fault = std::get_if<DataDirFault>(&data_dir)) return fail(log, fault->text);
  auto opened = storage::LevelDbStore::open(std::get<DataDir>(data_dir).database_path, {});
  if (const auto* error = std::get_if<storage::StoreError>(&opened)) return fail(log, error->text);
  return serve(config, log, std::get<SocketFile>(taken),
               *std::get<std::unique_ptr<storage::LevelDbStore>>(opened));
}

int main_of(const std::vector<std::string>& arguments) {
  auto read = read_config(arguments);
  if (const auto* info = std::get_if<ConfigInfo>(&read)) {
    std::fputs(info->text.c_str(), stdout);
    return kStopped;
  }
  if (const auto* error = std::get_if<ConfigError>(&read)) {
    std::fprintf(stderr, "pannierd: %s\n", error->text.c_str());
    return kWrongConfig;
  }
  return run(std::get<Config>(std::move(read)));
}

}  // namespace
}  // namespace pannier::daemon

int main(int argc, char** argv) { return pannier::daemon::main_of({argv + 1, argv + argc}); }
