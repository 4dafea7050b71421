// Config: everything an operator can set, with its default. Read from the command line and a TOML file (the
// command line wins), then passed by reference to what needs it: where it is read again (reload.h), what they
// refer to changes. Sizes in bytes, durations in milliseconds.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/access.h"
#include "protocol/limits.h"
#include "storage/settings.h"

namespace pannier::daemon {

/// What one client may take of the daemon, and all of them together. `hello` tells them.
struct ClientLimits {
  protocol::FrameLimits frame;                              ///< `max_frame`, `max_depth`
  std::uint64_t key_bytes_max = protocol::kKeyBytesMax;     ///< `max_key`
  std::uint64_t value_bytes_max = std::uint64_t{32} << 20;  ///< `max_value`
  std::uint64_t reply_bytes_max = std::uint64_t{64} << 20;  ///< `max_reply`
  std::uint32_t keys_max = 100'000;       ///< `max_keys`: of one get_many, put_many, delete_many
  std::uint32_t connections_max = 1'024;  ///< `max_connections`
  std::uint64_t unsent_bytes_max = std::uint64_t{1} << 20;  ///< `max_unsent`: replies a client has not read
  std::uint64_t buffer_bytes_max = std::uint64_t{256}
                                   << 20;  ///< `max_buffers`: input and output of all connections
  std::uint32_t waiting_max = 1'024;       ///< `max_waiting`: requests of a connection that wait
  std::uint32_t leases_max = 1'024;        ///< `max_leases`: leases of a connection
  std::uint32_t subscriptions_max = 256;   ///< `max_subscriptions` of a connection
  std::uint64_t lease_ms_max = 3'600'000;  ///< `lease_ms_max`

  // What all connections of one user have together; not of root and the daemon's own user.
  std::uint32_t user_connections_max = 768;                        ///< `max_user_connections`
  std::uint32_t user_waiting_max = 16'384;                         ///< `max_user_waiting`: requests that wait
  std::uint32_t user_leases_max = 16'384;                          ///< `max_user_leases`
  std::uint64_t user_buffer_bytes_max = std::uint64_t{128} << 20;  ///< `max_user_buffers`
};

struct DurableOptions {
  std::uint64_t checkpoint_interval_ms = 5'000;  ///< a dirty entry is written at most this much later
  std::uint64_t checkpoint_dirty_bytes = std::uint64_t{16} << 20;  ///< or as soon as so much is dirty
  std::optional<std::uint64_t> dirty_bytes_max;                    ///< default: a quarter of memory_bytes_max
  bool is_dirty_bytes_max_set = false;         ///< else it is a quarter of what memory there really is
  std::uint64_t expire_interval_ms = 600'000;  ///< between walks for expired entries that are on disk alone
  std::uint32_t loads_waiting_max = 131'072;   ///< cold keys and walks waiting for the disk
};

struct Config {
  std::string file_path;  ///< that it was read from, for people; empty: none
  std::string socket_path = "/run/pannier/pannier.sock";
  mode_t socket_mode = 0660;
  std::string socket_group;  ///< name or number; empty: the process' own
  std::string data_dir = "/var/lib/pannier";
  std::uint64_t memory_bytes_max = std::uint64_t{256} << 20;
  std::string arena_path;  ///< empty: none
  std::uint32_t caches_max = 1'024;
  std::string log_level = "info";
  std::uint64_t slow_request_ms = 100;  ///< requests that take longer are logged; 0: none
  std::uint32_t spin_us = 0;            ///< at most so long the loop spins for the next request; 0: never
  /// How many may map the arena to read it themselves; 0: nobody.
  std::uint32_t shared_readers_max = 1'024;
  Access access;
  ClientLimits limits;
  DurableOptions durable;
  /// Opened at start, beside `lru`, `ttl` and `durable`, which can be set here too.
  std::map<std::string, storage::Settings> caches;
};

/// Where something was set, for error texts: by the path of its key ("limits.max_value", "cache.NAME"), for
/// instance `/etc/pannierd.toml:12: key "limits.max_value"`.
using Origins = std::map<std::string, std::string>;

/// What is wrong, ready to print: `FILE:LINE: key "x": what would be right`.
struct ConfigError {
  std::string text;
  std::vector<std::string> others = {};  ///< of a file with several mistakes: the rest, further down
};
/// --help or --version was asked for: print `text` to standard output and exit with 0.
struct ConfigInfo {
  std::string text;
};

/// --check-arena was asked for, instead of a daemon.
struct CheckArena {
  std::string path;
  bool is_json = false;
};

/// --repair was asked for, instead of a daemon.
struct RepairAsked {
  std::string data_dir;
  bool is_json = false;
};

/// The command line, and the file that --config names.
std::variant<Config, ConfigInfo, CheckArena, RepairAsked, ConfigError> read_config(
    const std::vector<std::string>& arguments);

/// A setting that is another in the file than in the daemon that runs, until that is started again.
struct NeedsRestart {
  std::string key;  ///< "memory_limit"
  std::string now;  ///< as it would be written
  std::string then;
};

/// The configuration, read once more for a daemon that runs.
struct Reread {
  Config config;  ///< what only a restart changes is in it as it is now
  Origins origins;
  std::vector<std::string> changed;  ///< keys of settings that are others than before, caches not included
  std::vector<NeedsRestart> needs_restart;
};
/// `arguments`: those that it was started with. `running`: what it read last.
std::variant<Reread, ConfigError> reread_config(const std::vector<std::string>& arguments,
                                                const Config& running);

}  // namespace pannier::daemon
