// What the daemon tells: about itself, its caches, and what a request did. Plain values, owned by the caller.
// Counters count since the daemon started or the cache was opened; a field that a daemon does not tell is 0
// or empty.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pannier/options.h"

namespace pannier {

/// Answer of Client::hello.
struct ServerHello {
  std::string server;   ///< the daemon's name
  std::string version;  ///< its release
  std::uint64_t protocol = 0;
  std::uint64_t pid = 0;
  /// By name, e.g. "max_value" (bytes), "lease_ms_max"; limits that are no integers are left out.
  std::map<std::string, std::uint64_t> limits;
};

/// A live entry with what the daemon knows about it.
template <class T>
struct Entry {
  T value;
  Version version;
  /// Until its deadline. Nothing: it has none.
  std::optional<std::chrono::milliseconds> ttl;
};

/// One page of a walk through the keys of a cache.
struct KeysPage {
  /// For KeysOptions::cursor; opaque. Nothing: this page was the last.
  std::optional<std::string> next;
  std::vector<std::string> keys;
};

/// What a sync wrote.
struct SyncResult {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::chrono::milliseconds duration = {};
};

/// Only for a cache of tier durable.
struct DurableInfo {
  std::uint64_t dirty_entries = 0;
  std::uint64_t dirty_bytes = 0;
  /// Milliseconds since 1970 (UTC). Nothing: never.
  std::optional<std::uint64_t> last_sync_ms;
  std::uint64_t sync_errors = 0;
  /// For how long the oldest dirty entry waits. Nothing: nothing is dirty.
  std::optional<std::uint64_t> oldest_dirty_ms;
  /// Of the last write to disk. Nothing: there was none.
  std::optional<std::uint64_t> last_sync_duration_ms;
  /// Why the last write to disk failed; empty if it succeeded.
  std::string last_error;
};

struct CacheInfo {
  std::string name;
  std::string tier;    ///< "lru", "ttl", "durable"
  std::string policy;  ///< "lru", "fifo"; empty where the tier has none
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t shared_hits = 0;  ///< those of `hits` that clients read out of the daemon's memory
  /// Most entries it may hold. Nothing: not bounded by number.
  std::optional<std::uint64_t> maxsize;
  std::uint64_t currsize = 0;  ///< entries
  std::optional<std::uint64_t> max_bytes;
  std::uint64_t used_bytes = 0;  ///< keys, values and the entries' own overhead
  std::optional<std::uint64_t> max_age_ms;
  std::uint64_t puts = 0;
  std::uint64_t deletes = 0;
  std::uint64_t evictions = 0;    ///< went for space
  std::uint64_t expirations = 0;  ///< went for time
  std::optional<DurableInfo> durable;
};

struct ServerInfo {
  std::string version;
  std::uint64_t pid = 0;
  std::uint64_t uptime_ms = 0;
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t memory_limit = 0;  ///< bytes
  std::uint64_t memory_used = 0;   ///< bytes
  std::uint64_t expiry_lag_ms = 0;
  std::uint64_t shared_readers = 0;  ///< clients that do that
  std::uint64_t read_errors = 0;     ///< reads from disk that failed or had to leave something out
  std::string last_read_error;       ///< what was wrong with the last of them; empty for some users
  std::uint64_t denied = 0;          ///< requests that the configuration did not allow
  /// Somebody may have the daemon's memory mapped who may not read every cache any more.
  bool access_needs_restart = false;
};

struct Info {
  ServerInfo server;
  std::map<std::string, CacheInfo> caches;  ///< by name
};

}  // namespace pannier
