// Access: who may do what, as it is configured. Pure: it asks neither the kernel nor the lists of users;
// names are numbers here already (account.h). What a request needs is in the table of methods, and guard.h
// asks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/peer.h"

namespace pannier::daemon {

/// Users and groups; an empty list is nobody. Of each list: root and the daemon's own user always may
/// besides.
struct AccessList {
  bool is_everybody = false;
  std::vector<uid_t> uids;
  std::vector<gid_t> gids;

  static AccessList everybody() { return {true, {}, {}}; }
  bool has(const Peer& peer) const;
  friend bool operator==(const AccessList&, const AccessList&) = default;
};

/// What a section [cache.NAME] says.
struct CacheAccess {
  std::optional<AccessList> readers;
  std::optional<AccessList> writers;
  friend bool operator==(const CacheAccess&, const CacheAccess&) = default;
};

struct Access {
  AccessList admins = AccessList::everybody();   ///< may open, drop, clear and sync what they may write
  AccessList operators;                          ///< may have the configuration read again, and monitor
  AccessList readers = AccessList::everybody();  ///< of caches that name none
  std::optional<AccessList> writers;             ///< the same; nothing: whoever reads
  std::map<std::string, CacheAccess, std::less<>> caches;

  /// Who may read or write a cache, be it there or not. One that names readers and no writers is written by
  /// its readers.
  const AccessList& readers_of(std::string_view cache) const;
  const AccessList& writers_of(std::string_view cache) const;
  /// Reads every cache, those to come too.
  bool reads_all(const Peer& peer) const;

  /// Everybody reads every cache.
  bool is_readable_by_all() const;
  /// Everybody may do everything but what operators may.
  bool is_open() const;
  /// Of who reads_all(): two that differ in it have different digests but for one chance in four billion.
  /// 0 and 1 are none's.
  std::uint32_t readers_digest() const;

  friend bool operator==(const Access&, const Access&) = default;
};

/// The keys of the lists in which they differ: "access.admins", "cache.NAME.readers".
std::vector<std::string> changed_lists(const Access& before, const Access& after);

}  // namespace pannier::daemon
