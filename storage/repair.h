// Repair: a durable tier that does not open, or whose records are damaged, made into one that does, from
// whatever can still be read. Nobody may have it open. What cannot be read is gone from it afterwards: the
// caller keeps a copy of what was there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/durable_store.h"

namespace pannier::storage {

struct RepairedCache {
  std::string name;
  /// Its definition was lost: it has a name made of its id, and default settings.
  bool is_renamed = false;
  std::uint64_t saved_entries = 0;
  std::uint64_t damaged_entries = 0;           ///< there, and not what was written: erased
  std::optional<std::uint64_t> noted_entries;  ///< how many it had by its own note, as far as that was saved
};

struct Repaired {
  /// Without those whose drop was under way: it goes on with the next daemon.
  std::vector<RepairedCache> caches;
  std::uint64_t damaged_facts = 0;  ///< of what is no entry: definitions, numbers
};

/// The database in the directory `path`. After a StoreError it may be in any state.
std::variant<Repaired, StoreError> repair_database(const std::string& path);

}  // namespace pannier::storage
