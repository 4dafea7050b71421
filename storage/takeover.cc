#include "storage/takeover.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

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

/// Another arena with what is whole in the old one.
struct Copy {
  std::unique_ptr<Catalog> catalog;
  Migration::Losses losses;
};

/// What becomes of an arena that cannot be used as it is.
class Replacement {
 public:
  Replacement(const CatalogOptions& options, ChangeListener& listener, std::unique_ptr<Arena> old_arena,
              const MakeArena& make_fresh, TimeMs now)
      : options_(options),
        listener_(listener),
        old_(std::move(old_arena)),
        make_fresh_(make_fresh),
        now_(now) {}

  /// Of a sound one of another size.
  TookOver resize() {
    auto made = copy(options_.memory_bytes_max);
    if (const auto* failed = std::get_if<ArenaFault>(&made)) return keep_size(no_memory_text(failed->text));
    auto& found = std::get<Copy>(made);
    if (found.catalog->arena().has_lacked_memory()) return keep_size(no_memory_text(kNoMemoryForAll));
    // What a cache without room holds may be known to nobody else.
    if (!found.losses.had_room() || !found.losses.has_all_caches)
      return keep_size(no_room_text(found.losses, old_->bytes()));
    return finish_new(std::move(found), Takeover::Kind::kMigrated,
                      "the arena had " + bytes_text(old_->bytes()) + ", and the memory limit says " +
                          bytes_text(options_.memory_bytes_max) + kBrought);
  }

  /// Of a sound one that others may have mapped: the same entries may take more room in the new one.
  TookOver leave() {
    const std::string why = "the arena was given to readers who may not read all of it any more";
    for (const std::uint64_t bytes : sizes()) {
      auto made = copy(bytes);
      if (const auto* failed = std::get_if<ArenaFault>(&made))
        return keep_size(cannot_leave_text(why, failed->text));
      auto& found = std::get<Copy>(made);
      if (found.catalog->arena().has_lacked_memory())
        return keep_size(cannot_leave_text(why, kNoMemoryForAll));
      if (found.losses.had_room() && found.losses.has_all_caches)
        return finish_new(std::move(found), Takeover::Kind::kMigrated, why + kBrought);
    }
    return keep_size(cannot_leave_text(why, "it has no room for all that is in it"));
  }

  /// Of one that is not sound.
  std::variant<TookOver, ArenaFault> repair(const std::string& fault) {
    std::optional<Copy> found;
    std::optional<Migration::Losses> without_room;
    for (const std::uint64_t bytes : sizes()) {
      // Its memory first.
      found.reset();
      auto made = copy(bytes);
      if (const auto* failed = std::get_if<ArenaFault>(&made)) return no_repair(fault, failed->text);
      found = std::get<Copy>(std::move(made));
      if (found->losses.had_room()) break;
      if (found->catalog->arena().has_lacked_memory()) return no_repair(fault, kNoMemoryForAll);
      if (!without_room) without_room = found->losses;
    }
    // A durable cache that is missing in it must not look as if it had been dropped.
    found->catalog->arena().header().store_identity = {};
    std::string text = "the arena was not sound (" + fault + ")" + kBrought;
    if (without_room) text += "; " + no_room_text(*without_room, found->catalog->arena().bytes());
    const auto kind = without_room ? Takeover::Kind::kKeptSize : Takeover::Kind::kRepaired;
    return finish_new(*std::move(found), kind, std::move(text));
  }

 private:
  static constexpr const char* kBrought = ": what is whole was brought into a new one";
  static constexpr const char* kNoMemoryForAll = "the system has no memory for all that is in it";

  std::variant<Copy, ArenaFault> copy(std::uint64_t bytes) {
    Arena::Made made = make_fresh_(bytes);
    if (auto* failed = std::get_if<ArenaFault>(&made)) return std::move(*failed);
    CatalogOptions options = options_;
    options.memory_bytes_max = bytes;
    auto catalog =
        std::make_unique<Catalog>(options, listener_, std::get<std::unique_ptr<Arena>>(std::move(made)));
    const Migration::Losses losses = Migration(*old_, *catalog).run(now_);
    return Copy{std::move(catalog), losses};
  }

  /// The limit's; if that has no room, the one that was enough; at last somewhat more, because the same
  /// entries may lie less densely.
  std::vector<std::uint64_t> sizes() const {
    std::vector<std::uint64_t> sizes = {options_.memory_bytes_max};
    if (old_->bytes() > sizes.back()) sizes.push_back(old_->bytes());
    sizes.push_back(std::min(sizes.back() / 4 * 5, Arena::kBytesMax));
    return sizes;
  }

  TookOver keep_size(std::string why) {
    CatalogOptions options = options_;
    options.memory_bytes_max = old_->bytes();
    auto catalog = std::make_unique<Catalog>(options, listener_, std::move(old_));
    return finish(std::move(catalog), Takeover::Kind::kKeptSize, std::move(why));
  }

  static TookOver finish_new(Copy copy, Takeover::Kind kind, std::string text) {
    TookOver took = finish(std::move(copy.catalog), kind, std::move(text));
    took.how.lost_entries = copy.losses.entries;
    took.is_new_arena = true;
    return took;
  }

  static ArenaFault no_repair(const std::string& fault, const std::string& why) {
    return {ArenaFault::Kind::kSystem, "the arena is not sound (" + fault +
                                           "), and none can be made to bring over what is whole: " + why};
  }

  std::string no_room_text(const Migration::Losses& losses, std::uint64_t bytes) const {
    const std::string limit = "the memory limit of " + bytes_text(options_.memory_bytes_max);
    const std::string stays = ": memory stays at " + bytes_text(bytes) + " until ";
    if (losses.dirty_entries == 0)
      return limit + " has no room for all of the caches" + stays + "it is raised or some are dropped";
    return limit + " has no room for " + std::to_string(losses.dirty_entries) +
           " entries that are not on disk yet" + stays + "a start that finds them on disk";
  }

  static std::string cannot_leave_text(const std::string& why, const std::string& obstacle) {
    return why + ", but no other can be had (" + obstacle + "): it is used until a start that can";
  }

  std::string no_memory_text(const std::string& why) const {
    return "the memory limit is " + bytes_text(options_.memory_bytes_max) +
           " now, but no arena for it can be made beside the one that is there (" + why +
           "): memory stays at " + bytes_text(old_->bytes()) + " until a start that can";
  }

  const CatalogOptions& options_;
  ChangeListener& listener_;
  std::unique_ptr<Arena> old_;
  const MakeArena& make_fresh_;
  TimeMs now_;
};

}  // namespace

std::variant<TookOver, ArenaFault> take_over(const CatalogOptions& options, ChangeListener& listener,
                                             std::unique_ptr<Arena> arena, const MakeArena& make_fresh,
                                             TimeMs now, bool is_to_be_left) {
  const bool was_attached = arena->is_attached();
  const bool was_clean = arena->was_closed_cleanly();
  const std::uint64_t rolled_back = arena->words_rolled_back();
  ArenaCheck::Fault fault;
  if (was_attached && !was_clean) fault = ArenaCheck(*arena, options.charge).fault();
  if (fault || is_to_be_left || !has_size(*arena, options.memory_bytes_max)) {
    Replacement replacement(options, listener, std::move(arena), make_fresh, now);
    if (fault) return replacement.repair(*fault);
    return is_to_be_left ? replacement.leave() : replacement.resize();
  }
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

}  // namespace pannier::storage
