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

/// The limit waits until what has no room under it is on disk.
TookOver keep_size(CatalogOptions options, ChangeListener& listener, std::unique_ptr<Arena> arena,
                   const Migration& migration) {
  const std::string stays = ": memory stays at " + bytes_text(arena->bytes());
  const std::string why = migration.has_all_caches()
                              ? std::to_string(migration.lost_dirty()) + " entries that are not on disk yet" +
                                    stays + " until the next start, before which they are written"
                              : "all of the caches" + stays + " until it is raised or some are dropped";
  const std::string text =
      "the memory limit of " + bytes_text(options.memory_bytes_max) + " has no room for " + why;
  options.memory_bytes_max = arena->bytes();
  auto catalog = std::make_unique<Catalog>(options, listener, std::move(arena));
  return finish(std::move(catalog), Takeover::Kind::kKeptSize, text);
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
  if (auto* failed = std::get_if<ArenaFault>(&made)) return std::move(*failed);
  const std::uint64_t old_bytes = arena->bytes();
  auto catalog =
      std::make_unique<Catalog>(options, listener, std::get<std::unique_ptr<Arena>>(std::move(made)));
  Migration migration(*arena, *catalog);
  migration.run(now);
  // What a cache without room holds may be known to nobody else.
  if (!fault && (migration.lost_dirty() > 0 || !migration.has_all_caches()))
    return keep_size(options, listener, std::move(arena), migration);
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
