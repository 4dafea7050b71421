// What becomes of an arena that an earlier process has left. One that was closed cleanly is used as it is, in
// no time. One whose process died is proved first (arena_check.h), which takes a few visits to each entry.
// One that is not sound, or has another size than the memory limit now, is left for a new one, into which
// every entry is brought that is whole in itself: dirty ones first, then the least recently used first, so
// that order, deadlines, versions and counters stay. Both arenas are in memory meanwhile. A sound one stays
// in use at its size, whatever the limit says, where dirty entries do not fit into a smaller one, and where
// the system has no memory for both.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "storage/arena.h"
#include "storage/catalog.h"

namespace pannier::storage {

/// A new arena of so many bytes.
using MakeArena = std::function<Arena::Made(std::uint64_t bytes)>;

struct Takeover {
  enum class Kind : std::uint8_t {
    kFresh,       ///< the arena was new
    kClean,       ///< as its process left it
    kAfterCrash,  ///< its process died, and it was proved sound
    kRepaired,    ///< it was not sound: what was sound of it is in a new arena
    kMigrated,    ///< it had another size, or was to be left: what fits is in a new arena
    kKeptSize,    ///< its size stays: one of the limit's had no room, or the system no memory for it
  } kind = Kind::kFresh;
  std::uint64_t entries = 0;        ///< that are there now
  std::uint64_t dirty_entries = 0;  ///< of them
  std::uint64_t lost_entries = 0;   ///< that were not sound, or had no room
  std::string text;                 ///< a sentence for the log
};

struct TookOver {
  std::unique_ptr<Catalog> catalog;
  Takeover how;
  bool is_new_arena = false;  ///< made by MakeArena
};

/// `arena` is one that was just made or attached. `is_to_be_left`: others may have it mapped who are to see
/// nothing of it from now on, so that even a sound one is left for a new one. A fault is one of `make_fresh`
/// where the arena is not sound, and then that is as it was.
std::variant<TookOver, ArenaFault> take_over(const CatalogOptions& options, ChangeListener& listener,
                                             std::unique_ptr<Arena> arena, const MakeArena& make_fresh,
                                             TimeMs now, bool is_to_be_left = false);

}  // namespace pannier::storage
