// Migration brings the entries of one arena, whatever state that is in, into the catalog of another.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "storage/arena.h"
#include "storage/arena_check.h"
#include "storage/catalog.h"

namespace pannier::storage {

class Migration {
 public:
  /// Precondition: `fresh` is empty.
  Migration(Arena& old_arena, Catalog& fresh) : old_(old_arena), check_(old_arena), fresh_(fresh) {}

  void run(TimeMs now);
  /// Whether every cache that the old arena names is in the new one.
  bool has_all_caches() const { return has_all_caches_; }
  /// Entries that were not sound, or had no room.
  std::uint64_t lost() const { return lost_; }
  /// Those among them that are sound, not on disk, and had no room.
  std::uint64_t lost_dirty() const { return lost_dirty_; }

 private:
  struct Found {
    bool is_doubtful;  ///< not where its key says: the key may be damaged, and be that of another entry now
    bool is_dirty;
    std::uint64_t place;
    Ref ref;
  };

  void bring_header();
  void bring_caches();
  std::vector<Found> find_entries();
  void bring(const Found& found, TimeMs now);

  Arena& old_;
  ArenaCheck check_;
  Catalog& fresh_;
  std::unordered_map<std::uint32_t, Cache*> caches_;  ///< by their old ordinals
  bool has_all_caches_ = true;
  std::uint64_t lost_ = 0;
  std::uint64_t lost_dirty_ = 0;
};

}  // namespace pannier::storage
