#include "storage/takeover.h"

#include "storage/arena_check.h"
#include "storage/migration.h"

namespace pannier::storage {
namespace {

TookOver finish(std::unique_ptr<Catalog> catalog, Takeover::Kind kind, std::string text) {
  Takeover how;
  how.kind = kind;
  how.entries = catalog->entries_in_memory();
  how.dirty_entries = catalog->write_back().totals().entries;
  how.text = std::move(text);
  return {std::move(catalog), std::move(how)};
}

bool has_size(const Arena& arena, std::uint64_t bytes) {
  return arena.bytes() == bytes >> arena.page_shift() << arena.page_shift();
}

std::string bytes_text(std::uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

std::string stays_text(const Arena& arena) { return "memory stays at " + bytes_text(arena.bytes()); }

std::string no_room_text(const CatalogOptions& options, const Arena& arena, const Migration& migration) {
  const std::string limit = "the memory limit of " + bytes_text(options.memory_bytes_max);
  const std::string stays = ": " + stays_text(arena) + " until ";
  if (!migration.has_all_caches())
    return limit + " has no room for all of the caches" + stays + "it is raised or some are dropped";
  return limit + " has no room for " + std::to_string(migration.lost_dirty()) +
         " entries that are not on disk yet" + stays + "the next start, before which they are written";
}

std::string no_memory_text(const CatalogOptions& options, const Arena& arena, const std::string& why) {
  return "the memory limit is " + bytes_text(options.memory_bytes_max) +
         " now, but no arena for it can be made beside the one that is there (" + why +
         "): " + stays_text(arena) + " until a start that can";
}

/// The limit waits: what is in memory would not all be in an arena of its size.
TookOver keep_size(CatalogOptions options, ChangeListener& listener, std::unique_ptr<Arena> arena,
                   std::string why) {
  options.memory_bytes_max = arena->bytes();
  auto catalog = std::make_unique<Catalog>(options, listener, std::move(arena));
  return finish(std::move(catalog), Takeover::Kind::kKeptSize, std::move(why));
}

}  // namespace

std::variant<TookOver, ArenaFault> take_over(const CatalogOptions& options, ChangeListener& listener,
                                             std::unique_ptr<Arena> arena, const MakeArena& make_fresh,
                                             TimeMs now) {
  const bool was_attached = arena->is_attached();
  const bool was_clean = arena->was_closed_cleanly();
  const std::uint64_t rolled_back = arena->words_rolled_back();
  ArenaCheck::Fault fault;
  if (was_attached && !was_clean) fault = ArenaCheck(*arena, options.charge).fault();
  if (!fault && has_size(*arena, options.memory_bytes_max)) {
    auto catalog = std::make_unique<Catalog>(options, listener, std::move(arena));
    if (!was_attached) return finish(std::move(catalog), Takeover::Kind::kFresh, "the arena is new");
    if (was_clean) {
      return finish(std::move(catalog), Takeover::Kind::kClean,
                    "the arena was taken over as the last process left it");
    }
    return finish(std::move(catalog), Takeover::Kind::kAfterCrash,
                  "the arena was taken over from a process that died: it is sound, after " +
                      std::to_string(rolled_back) + " words of an unfinished change were put back");
  }
  Arena::Made made = make_fresh();
  if (const auto* failed = std::get_if<ArenaFault>(&made)) {
    if (!fault) {
      std::string why = no_memory_text(options, *arena, failed->text);
      return keep_size(options, listener, std::move(arena), std::move(why));
    }
    return ArenaFault{failed->kind,
                      "the arena is not sound (" + *fault +
                          "), and none can be made to bring over what is whole: " + failed->text};
  }
  const std::uint64_t old_bytes = arena->bytes();
  auto catalog =
      std::make_unique<Catalog>(options, listener, std::get<std::unique_ptr<Arena>>(std::move(made)));
  Migration migration(*arena, *catalog);
  migration.run(now);
  if (!fault && catalog->arena().has_lacked_memory()) {
    std::string why = no_memory_text(options, *arena, "the system has no memory for all that is in it");
    return keep_size(options, listener, std::move(arena), std::move(why));
  }
  // What a cache without room holds may be known to nobody else.
  if (!fault && (migration.lost_dirty() > 0 || !migration.has_all_caches())) {
    std::string why = no_room_text(options, *arena, migration);
    return keep_size(options, listener, std::move(arena), std::move(why));
  }
  // A durable cache that is missing in it must not look as if it had been dropped.
  if (fault || !migration.has_all_caches()) catalog->arena().header().store_identity = {};
  const auto kind = fault ? Takeover::Kind::kRepaired : Takeover::Kind::kMigrated;
  const std::string why = fault ? "the arena was not sound (" + *fault + ")"
                                : "the arena had " + bytes_text(old_bytes) + ", and the memory limit says " +
                                      bytes_text(options.memory_bytes_max);
  TookOver took = finish(std::move(catalog), kind, why + ": what is whole was brought into a new one");
  took.how.lost_entries = migration.lost();
  took.is_new_arena = true;
  return took;
}

}  // namespace pannier::storage
