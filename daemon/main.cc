// pannierd: makes every part of the daemon, wires them, runs the loop, and takes them apart again. Nothing
// else knows all of them.
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/arena_keeper.h"
#include "daemon/check_arena.h"
#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/data_dir.h"
#include "daemon/disk_expiry.h"
#include "daemon/disk_worker.h"
#include "daemon/erasing.h"
#include "daemon/file_limit.h"
#include "daemon/flusher.h"
#include "daemon/heap.h"
#include "daemon/heartbeat.h"
#include "daemon/housekeeper.h"
#include "daemon/huge_pages.h"
#include "daemon/initial_caches.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/quantity.h"
#include "daemon/reconcile.h"
#include "daemon/reload.h"
#include "daemon/repair.h"
#include "daemon/router.h"
#include "daemon/seldom.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/service_manager.h"
#include "daemon/shutdown.h"
#include "daemon/socket_file.h"
#include "daemon/subscriptions.h"
#include "daemon/uv_loop.h"
#include "daemon/uv_signal.h"
#include "daemon/version.h"
#include "daemon/version_keeper.h"
#include "storage/catalog.h"
#include "storage/leveldb_store.h"
#include "storage/takeover.h"

namespace pannier::daemon {
namespace {

// Told by --help.
constexpr int kStopped = 0;
constexpr int kFailed = 1;
constexpr int kWrongConfig = 2;
constexpr int kHurried = 3;

/// Files beside connections: LevelDB's, the log, the loop's own, and some to spare.
constexpr std::uint32_t kOtherFiles = 512;
/// Of the start: what opening a database may take whose log is read again from a slow disk.
constexpr std::uint64_t kOpenMsMax = 600'000;
/// LevelDB's write buffer and a table that is made of it, when it reads its log again.
constexpr std::size_t kOpenHeapBytes = std::size_t{31} << 20;

int fail(Log& log, const std::string& text) {
  log.error(text);
  return kFailed;
}

/// SIGHUP asks for the configuration to be read again: one that comes before that can be done waits.
void hold_hangups(int how) {
  sigset_t hangup;
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  pthread_sigmask(how, &hangup, nullptr);
}

std::string advice_on(const storage::StoreError& error, const Config& config) {
  if (!error.is_damage) return {};
  return ". `pannier repair " + config.data_dir + "` saves what can be read and tells what is lost";
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
  std::uint32_t& of_user = config.limits.user_connections_max;
  of_user = std::max(
      1U, static_cast<std::uint32_t>(std::uint64_t{of_user} * config.limits.connections_max / wanted));
  log.warning("max_connections is " + std::to_string(config.limits.connections_max) + " instead of " +
              std::to_string(wanted) +
              ", because this process may not have more files open: raise its limit (LimitNOFILE= of its "
              "unit, or ulimit -n)");
}

std::string ready_text(const Config& config, const storage::Catalog& catalog, std::size_t caches) {
  return "pannierd " + std::string(program_version()) + " listens on " + config.socket_path + ", data in " +
         config.data_dir + ", memory limit " + size_text(catalog.options().memory_bytes_max) + ", " +
         std::to_string(caches) + " caches";
}

void tell_takeover(Log& log, const storage::Takeover& how, std::uint64_t took_ms, const std::string& place) {
  std::string text = how.text + ": " + std::to_string(how.entries) + " entries, " +
                     std::to_string(how.dirty_entries) + " of them not on disk yet, in " +
                     std::to_string(took_ms) + " ms; memory is kept " + place;
  if (how.lost_entries > 0) text += "; " + std::to_string(how.lost_entries) + " entries were lost";
  const bool is_as_wanted = how.kind != storage::Takeover::Kind::kRepaired &&
                            how.kind != storage::Takeover::Kind::kKeptSize && how.lost_entries == 0;
  is_as_wanted ? log.info(text) : log.warning(text);
}

struct MemoryFault {
  std::string text;
};

struct TakenMemory {
  std::unique_ptr<storage::Catalog> catalog;
  storage::Takeover how;
  std::uint64_t took_ms;
};

/// To prove memory sound or to bring it over takes a few seconds a GiB, a multiple of that on a slow machine.
std::uint64_t takeover_ms_max(std::uint64_t arena_bytes) {
  constexpr std::uint64_t kMsPerGib = 60'000;
  return kMsPerGib * ((arena_bytes >> 30) + 1);
}

/// The memory that an earlier process left, or new; not kept for the next one yet.
std::variant<TakenMemory, MemoryFault> take_memory(const Config& config, const ServiceManager& manager,
                                                   ArenaKeeper& keeper, storage::ChangeListener& listener,
                                                   storage::TimeMs now) {
  const std::uint64_t began_ns = UvLoop::clock_ns();
  auto arena = keeper.take();
  if (const auto* fault = std::get_if<ArenaKeeper::Fault>(&arena)) return MemoryFault{fault->text};
  const bool is_out_of_hand = SharedReads::is_out_of_hand(*std::get<0>(arena), config.access);
  manager.more_time("starting: takes memory over", takeover_ms_max(std::get<0>(arena)->bytes()));
  auto taken = storage::take_over(
      catalog_options(config), listener, std::get<0>(std::move(arena)),
      [&keeper](std::uint64_t bytes) { return keeper.make_fresh(bytes); }, now, is_out_of_hand);
  if (const auto* fault = std::get_if<storage::ArenaFault>(&taken)) return MemoryFault{fault->text};
  auto& took_over = std::get<storage::TookOver>(taken);
  if (!config.durable.is_dirty_bytes_max_set) {
    // Memory may be larger than the limit, and full of what is dirty.
    took_over.catalog->set_dirty_bytes_max(took_over.catalog->options().memory_bytes_max / 4);
  }
  const std::uint64_t took_ms = (UvLoop::clock_ns() - began_ns) / 1'000'000;
  return TakenMemory{std::move(took_over.catalog), std::move(took_over.how), took_ms};
}

void warn(Log& log, const std::vector<std::string>& notes) {
  for (const std::string& note : notes) log.warning(note);
}

/// What the daemon was started with.
struct Start {
  std::vector<std::string> arguments;
  Config config;
};

/// Everything that lives as long as the daemon serves. `config` is what all parts refer to; see Reload.
int serve(const Start& start, Config& config, Log& log, const ServiceManager& manager, ArenaKeeper& keeper,
          SocketFile& socket_file, storage::LevelDbStore& store) {
  UvLoop loop;
  const Clock clock(loop, system_wall_time());
  Server server(loop, clock, log, config.limits, config.spin_us);
  Subscriptions subscriptions(server, config.limits);
  const auto taken = take_memory(config, manager, keeper, subscriptions, clock.now());
  if (const auto* fault = std::get_if<MemoryFault>(&taken)) return fail(log, fault->text);
  const auto& memory = std::get<TakenMemory>(taken);
  storage::Catalog& catalog = *memory.catalog;
  if (SharedReads::is_out_of_hand(catalog.arena(), config.access)) {
    log.error("users who may not read every cache any more may have the memory of the caches mapped");
  }
  DiskLimits disk_limits;
  disk_limits.reads_waiting_max = config.durable.loads_waiting_max;
  DiskWorker disk(loop, store, disk_limits);
  // Of a damaged table many reads may fail: one a second is enough to know which.
  disk.on_read_error([&log, &clock, &config, told = Seldom(1'000)](const storage::StoreError& error) mutable {
    if (!told.told(clock.now())) return;
    log.error("a read from disk failed: " + error.text + advice_on(error, config));
  });
  disk.on_rest_error([&log, &config](const storage::StoreError& error) {
    log.error("the disk failed while nothing was written: " + error.text + advice_on(error, config));
  });

  const auto reconciled = reconcile(catalog, store);
  if (const auto* fault = std::get_if<ReconcileFault>(&reconciled)) return fail(log, fault->text);
  const auto& kept = std::get<Reconciled>(reconciled);
  warn(log, kept.notes);
  const auto initial = open_initial_caches(catalog, store, config, clock.now());
  if (const auto* error = std::get_if<InitialCachesError>(&initial)) return fail(log, error->text);
  warn(log, std::get<InitialCaches>(initial).notes);
  auto started = VersionKeeper::start(loop, store, catalog, disk);
  if (const auto* error = std::get_if<storage::StoreError>(&started)) return fail(log, error->text);
  VersionKeeper& versions = *std::get<std::unique_ptr<VersionKeeper>>(started);
  // Last of all that may fail: until then the next process finds what this one has found.
  if (const auto fault = keeper.keep(catalog.arena())) return fail(log, fault->text);
  tell_takeover(log, memory.how, memory.took_ms, keeper.place_text());

  Flusher flusher(loop, catalog, disk, config.durable, clock, log);
  flusher.advise([&config](const storage::StoreError& error) { return advice_on(error, config); });
  Service service(config, clock, log, server, catalog, disk, flusher, subscriptions);
  Router router(service);
  HugePages huge_pages(loop, catalog.arena(), log);
  Housekeeper housekeeper(loop, service, versions, huge_pages);
  Reload reload(
      loop, log, server, service, config, start.config,
      [&start](const Config& running) { return reread_config(start.arguments, running); },
      [&log](Config& read) { fit_connections(read, log); });
  service.reload = [&reload](ReloadDone done) { reload.ask(std::move(done)); };
  Shutdown shutdown({loop, log, server, router, service, catalog, disk, flusher, versions, huge_pages, reload,
                     manager, keeper.outlives_process()});
  Heartbeat heartbeat(loop, manager, service);
  const UvSignal on_terminate(loop, SIGTERM, [&shutdown] { shutdown.signaled(); });
  const UvSignal on_interrupt(loop, SIGINT, [&shutdown] { shutdown.signaled(); });
  // The log tells what comes of it.
  const UvSignal on_hangup(loop, SIGHUP, [&reload] { reload.ask([](const ReloadOutcome&) {}); });
  hold_hangups(SIG_UNBLOCK);

  DiskExpiry::start(service, config.durable);
  for (const storage::CacheId id : kept.unfinished_drops) resume_disk_drop(service, id);
  catalog.arena().serve_readers(clock.offset_ms());
  server.listen(socket_file.release_socket(), router);
  const std::string ready = ready_text(config, catalog, catalog.caches().size());
  log.info(ready);
  manager.status(ready);
  manager.ready();
  heartbeat.start();
  loop.run();
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) UvSignal::ignore_for_good(number);

  catalog.close_cleanly();
  if (shutdown.unwritten_entries() > 0) return kHurried;
  log.info("stopped: everything is on disk");
  return kStopped;
}

/// Of what nobody here will take.
void warn_of_strangers(const ServiceManager& manager, Log& log) {
  const std::string served(SocketFile::kPassedName);
  for (const std::string& name : manager.left()) {
    if (name == ArenaKeeper::kName || name == ArenaKeeper::kNextName) continue;
    if (name == served) {
      log.warning("the service manager passes more than one " + served +
                  ": nobody answers at any but the first (ListenStream= of its unit)");
    } else {
      std::string what = name;
      what += ", which nothing here uses: a socket to serve is " + served;
      log.warning("the service manager passes " + what + " (FileDescriptorName= of its unit)");
    }
  }
}

/// From the service manager, which may have connections that wait already, or made.
std::variant<SocketFile, SocketFault> take_socket(const Config& config, ServiceManager& manager, Log& log) {
  OwnedFd passed = manager.take(SocketFile::kPassedName);
  // Before a socket of another name can be in the way.
  warn_of_strangers(manager, log);
  if (passed.is_open()) return SocketFile::adopt(std::move(passed), config.socket_path);
  return SocketFile::take(config.socket_path, config.socket_mode, config.socket_group);
}

int run(const Start& start, ServiceManager& manager) {
  Config config = start.config;
  keep_freed_memory();
  Log log(log_level_named(config.log_level).value_or(LogLevel::kInfo));
  if (manager.fault())
    log.warning("the descriptors that the service manager announces cannot be had: " + *manager.fault());
  // A client that is gone and a file that may not grow are errors of the write, not signals.
  for (const int number : {SIGPIPE, SIGXFSZ}) std::signal(number, SIG_IGN);
  fit_connections(config, log);
  auto taken = take_socket(config, manager, log);
  if (const auto* fault = std::get_if<SocketFault>(&taken)) return fail(log, fault->text);
  const auto data_dir = take_data_dir(config.data_dir);
  if (const auto* fault = std::get_if<DataDirFault>(&data_dir)) return fail(log, fault->text);
  manager.more_time("starting: opens the durable tier in " + config.data_dir, kOpenMsMax);
  widen_heap(kOpenHeapBytes);
  auto opened = storage::LevelDbStore::open(std::get<DataDir>(data_dir).database_path, {});
  if (const auto* error = std::get_if<storage::StoreError>(&opened))
    return fail(log, error->text + advice_on(*error, config));
  auto& store = *std::get<std::unique_ptr<storage::LevelDbStore>>(opened);
  for (const std::string& note : store.notes()) log.warning(note);
  auto keeper = ArenaKeeper::make(config.arena_path, config.memory_bytes_max, manager, log);
  if (const auto* fault = std::get_if<ArenaKeeper::Fault>(&keeper)) return fail(log, fault->text);
  return serve(start, config, log, manager, std::get<ArenaKeeper>(keeper), std::get<SocketFile>(taken),
               store);
}

int main_of(const std::vector<std::string>& arguments) {
  // Whatever is made is nobody else's business, but for the socket, whose mode is set.
  umask(S_IRWXG | S_IRWXO);
  hold_hangups(SIG_BLOCK);
  // Before anything is opened: it takes descriptors by their numbers.
  ServiceManager manager = ServiceManager::from_environment();
  auto read = read_config(arguments);
  if (const auto* info = std::get_if<ConfigInfo>(&read)) {
    std::fputs(info->text.c_str(), stdout);
    return kStopped;
  }
  if (const auto* error = std::get_if<ConfigError>(&read)) {
    const auto tell = [](const std::string& text) {
      std::fprintf(stderr, "%spannierd: %s\n", stderr_is_journal() ? SD_ERR : "", text.c_str());
    };
    tell(error->text);
    std::ranges::for_each(error->others, tell);
    return kWrongConfig;
  }
  if (const auto* asked = std::get_if<CheckArena>(&read)) {
    const ArenaReport report = check_arena(*asked);
    std::fputs(report.text.c_str(), stdout);
    return report.is_sound ? kStopped : kFailed;
  }
  if (const auto* asked = std::get_if<RepairAsked>(&read)) {
    const RepairReport report = repair_data_dir(*asked);
    if (report.is_done) {
      std::fputs(report.text.c_str(), stdout);
      return kStopped;
    }
    std::fprintf(stderr, "pannierd: %s\n", report.text.c_str());
    return kFailed;
  }
  return run({arguments, std::get<Config>(std::move(read))}, manager);
}

}  // namespace
}  // namespace pannier::daemon

int main(int argc, char** argv) { return pannier::daemon::main_of({argv + 1, argv + argc}); }
