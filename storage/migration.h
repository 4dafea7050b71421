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

  struct Losses {
    std::uint64_t entries = 0;        ///< that were not sound, or had no room
    std::uint64_t dirty_entries = 0;  ///< of them, those that are sound, not on disk, and had no room
    bool has_all_caches = true;       ///< that the old arena names
    bool had_room_for_caches = true;  ///< for those that are sound

    bool had_room() const { return had_room_for_caches && dirty_entries == 0; }
  };
  /// Call it once.
  Losses run(TimeMs now);

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
  Losses losses_;
};

}  // namespace pannier::storage
