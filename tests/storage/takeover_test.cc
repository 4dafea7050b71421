#include "storage/takeover.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string_view>

#include "storage/check.h"
#include "tests/storage/filled_arena.h"

namespace pannier::storage {
namespace {

class TakeoverTest : public testing::Test, public ChangeListener {
 protected:
  static constexpr TimeMs kNow = FilledArena::kNow;

  void changed(const Cache&, std::string_view, Change) override {}

  /// Takes over a file with these bytes.
  TookOver take_over_image(std::string_view image, std::uint64_t bytes_max) {
    return take_over_arena(arena_of(Arena::attach(file_with(image))), bytes_max);
  }

  TookOver take_over_arena(std::unique_ptr<Arena> arena, std::uint64_t bytes_max,
                           bool is_to_be_left = false) {
    CatalogOptions options;
    options.memory_bytes_max = bytes_max;
    auto taken = take_over(options, *this, std::move(arena), Arena::create, kNow, is_to_be_left);
    EXPECT_TRUE(std::holds_alternative<TookOver>(taken));
    auto took = std::get<TookOver>(std::move(taken));
    took.catalog->set_versions(1, kVersionMax);
    EXPECT_EQ(Check::fault_of(*took.catalog), std::nullopt);
    return took;
  }

  static std::string value(Catalog& catalog, const std::string& cache, const std::string& key) {
    Cache* const found = catalog.find(cache);
    if (found == nullptr) return "(no cache)";
    const Lookup lookup = found->find(key, kNow);
    const auto* hit = std::get_if<Hit>(&lookup);
    return hit == nullptr ? "(none)" : hit->entry.value.str();
  }

  /// All that was live is answered as it was, and nothing else.
  void expect_all(Catalog& catalog) {
    for (const auto& [cache, key] : filled_.keys()) {
      ASSERT_EQ(value(catalog, cache, key), filled_.value(cache, key)) << cache << " " << key;
    }
  }

  FilledArena filled_;
};

TEST_F(TakeoverTest, a_new_arena_is_fresh) {
  const TookOver took = take_over_arena(arena_of(Arena::create(kFilledBytes)), kFilledBytes);
  EXPECT_EQ(took.how.kind, Takeover::Kind::kFresh);
  EXPECT_EQ(took.how.text, "the arena is new");
  EXPECT_EQ(took.how.entries, 0U);
}

TEST_F(TakeoverTest, one_that_was_closed_cleanly_is_used_as_it_is) {
  const std::uint64_t dirty = filled_.catalog().write_back().totals().entries;
  filled_.catalog().close_cleanly();
  const TookOver took = take_over_image(filled_.image(), kFilledBytes);
  EXPECT_EQ(took.how.kind, Takeover::Kind::kClean);
  EXPECT_FALSE(took.is_new_arena);
  EXPECT_EQ(took.how.dirty_entries, dirty);
  EXPECT_EQ(took.how.lost_entries, 0U);
  expect_all(*took.catalog);
}

TEST_F(TakeoverTest, one_whose_process_died_is_used_once_it_is_proved) {
  const std::uint64_t dirty = filled_.catalog().write_back().totals().entries;
  const TookOver took = take_over_image(filled_.image(), kFilledBytes);
  EXPECT_EQ(took.how.kind, Takeover::Kind::kAfterCrash) << took.how.text;
  EXPECT_FALSE(took.is_new_arena);
  EXPECT_EQ(took.how.dirty_entries, dirty);
  expect_all(*took.catalog);
}

TEST_F(TakeoverTest, counters_and_definitions_stay) {
  Cache& before = *filled_.catalog().find("lru");
  const CacheStats stats = before.stats();
  for (const std::uint64_t bytes : {kFilledBytes, 2 * kFilledBytes}) {
    const TookOver took = take_over_image(filled_.image(), bytes);
    Cache& cache = *took.catalog->find("lru");
    EXPECT_EQ(cache.id(), before.id());
    EXPECT_EQ(cache.settings(), before.settings());
    EXPECT_EQ(cache.stats().puts, stats.puts);
    EXPECT_EQ(cache.stats().evictions, stats.evictions);
    EXPECT_GE(took.catalog->version_last(), filled_.catalog().version_last());
    EXPECT_EQ(took.catalog->find("dropped"), nullptr);
  }
}

TEST_F(TakeoverTest, a_larger_one_takes_everything_in) {
  const TookOver took = take_over_image(filled_.image(), 3 * kFilledBytes);
  EXPECT_EQ(took.how.kind, Takeover::Kind::kMigrated);
  EXPECT_TRUE(took.is_new_arena);
  EXPECT_EQ(took.how.lost_entries, 0U) << took.how.text;
  EXPECT_EQ(took.how.dirty_entries, filled_.catalog().write_back().totals().entries);
  expect_all(*took.catalog);
}

TEST_F(TakeoverTest, what_was_migrated_goes_in_the_old_order) {
  const TookOver took = take_over_image(filled_.image(), 3 * kFilledBytes);
  Cache& cache = *took.catalog->find("fifo");
  const std::uint64_t before = cache.entries();
  Settings settings = cache.settings();
  settings.entries_max = before / 2;
  took.catalog->open("fifo", settings, true, kNow);
  while (took.catalog->step(kNow, 100)) {
  }
  EXPECT_EQ(cache.entries(), before / 2);
  std::uint64_t gone = 0;
  bool has_stayed = false;
  for (int i = 0; i < FilledArena::kFifoEntries; ++i) {
    const bool is_there = value(*took.catalog, "fifo", "fifo" + std::to_string(i)) != "(none)";
    EXPECT_FALSE(has_stayed && !is_there) << i;
    has_stayed = has_stayed || is_there;
    if (!is_there) ++gone;
  }
  EXPECT_EQ(gone, before - before / 2);
}

TEST_F(TakeoverTest, in_a_smaller_one_what_is_dirty_and_what_was_used_last_stays) {
  // Twice as large, and nearly full of clean entries.
  FilledArena large(2 * kFilledBytes);
  Cache& cache = *large.catalog().find("lru");
  const std::string filler(500, 'f');
  for (int i = 0; i < 2'000; ++i) std::ignore = cache.put("filler" + std::to_string(i), filler, {}, kNow);
  const std::uint64_t dirty = large.catalog().write_back().totals().entries;
  const TookOver took = take_over_image(large.image(), kFilledBytes);
  EXPECT_EQ(took.how.kind, Takeover::Kind::kMigrated);
  // What was ahead of the disk has to be written before it can go.
  EXPECT_GE(took.how.dirty_entries, dirty);
  for (const auto& [key, place] : large.dirty_places())
    EXPECT_EQ(value(*took.catalog, "durable", key), large.value("durable", key)) << key;
  EXPECT_EQ(value(*took.catalog, "lru", "filler1999"), filler);
  EXPECT_EQ(value(*took.catalog, "lru", "filler0"), "(none)");
  bool has_stayed = false;
  for (int i = 0; i < 2'000; ++i) {
    const bool is_there = value(*took.catalog, "lru", "filler" + std::to_string(i)) != "(none)";
    ASSERT_FALSE(has_stayed && !is_there) << i;
    has_stayed = has_stayed || is_there;
  }
}

/// Writes entries that stay dirty until there is no room for more, or there are so many.
std::uint64_t fill_with_dirty(Catalog& catalog, std::size_t value_bytes, std::uint64_t entries_max) {
  Cache& cache = *catalog.find("durable");
  const std::string value(value_bytes, 'd');
  for (std::uint64_t i = 0; i < entries_max; ++i) {
    const PutOutcome outcome = cache.put("dirty" + std::to_string(i), value, {}, FilledArena::kNow);
    if (!std::holds_alternative<Written>(outcome)) return i;
  }
  return entries_max;
}

/// The same, but for a count: it is not sound, and every entry is whole.
std::string with_wrong_count(std::string image) {
  image[offsetof(ArenaHeader, free_pages)] = static_cast<char>(image[offsetof(ArenaHeader, free_pages)] ^ 1);
  return image;
}

TEST_F(TakeoverTest, a_limit_without_room_for_what_is_dirty_waits) {
  FilledArena large(4 * kFilledBytes);
  ASSERT_EQ(fill_with_dirty(large.catalog(), 900, 1'500), 1'500U);
  const std::uint64_t dirty = large.catalog().write_back().totals().entries;
  for (const bool is_sound : {true, false}) {
    const std::string image = is_sound ? large.image() : with_wrong_count(large.image());
    const TookOver took = take_over_image(image, kFilledBytes);
    EXPECT_EQ(took.how.kind, Takeover::Kind::kKeptSize);
    EXPECT_EQ(took.is_new_arena, !is_sound);
    EXPECT_EQ(took.how.lost_entries, 0U);
    EXPECT_EQ(took.how.dirty_entries, dirty);
    EXPECT_EQ(took.catalog->options().memory_bytes_max, 4 * kFilledBytes);
    EXPECT_EQ(took.catalog->arena().bytes(), 4 * kFilledBytes);
    const std::string& text = took.how.text;
    EXPECT_EQ(text.starts_with("the arena was not sound ("), !is_sound) << text;
    EXPECT_NE(text.find("the memory limit of 1048576 bytes has no room for "), std::string::npos) << text;
    EXPECT_NE(text.find("memory stays at 4194304 bytes"), std::string::npos) << text;
    for (int i = 0; i < 1'500; ++i)
      ASSERT_EQ(value(*took.catalog, "durable", "dirty" + std::to_string(i)), std::string(900, 'd')) << i;
  }
}

TEST_F(TakeoverTest, of_an_unsound_one_that_is_full_to_the_brim_no_dirty_entry_is_lost) {
  for (const std::size_t value_bytes : {std::size_t{60}, std::size_t{900}, std::size_t{9'000}}) {
    FilledArena full;
    const std::uint64_t written = fill_with_dirty(full.catalog(), value_bytes, UINT64_MAX);
    const TookOver took = take_over_image(with_wrong_count(full.image()), kFilledBytes);
    EXPECT_TRUE(took.is_new_arena);
    const std::string wanted(value_bytes, 'd');
    for (std::uint64_t i = 0; i < written; ++i)
      ASSERT_EQ(value(*took.catalog, "durable", "dirty" + std::to_string(i)), wanted) << took.how.text;
  }
}

TEST_F(TakeoverTest, one_that_is_to_be_left_is_left_with_all_that_is_in_it_brought_over) {
  const std::uint64_t dirty = filled_.catalog().write_back().totals().entries;
  filled_.catalog().arena().note_readers(1'000);
  for (const bool was_closed : {false, true}) {
    if (was_closed) filled_.catalog().close_cleanly();
    const TookOver took =
        take_over_arena(arena_of(Arena::attach(file_with(filled_.image()))), kFilledBytes, true);
    EXPECT_EQ(took.how.kind, Takeover::Kind::kMigrated) << took.how.text;
    EXPECT_TRUE(took.is_new_arena);
    EXPECT_EQ(took.how.dirty_entries, dirty);
    EXPECT_EQ(took.how.lost_entries, 0U);
    EXPECT_EQ(took.catalog->arena().header().read_by, kReadByNobody);
    expect_all(*took.catalog);
  }
}

TEST_F(TakeoverTest, one_without_room_to_spare_that_is_to_be_left_loses_nothing_that_is_dirty) {
  FilledArena full;
  const std::uint64_t written = fill_with_dirty(full.catalog(), 900, UINT64_MAX);
  const TookOver took = take_over_arena(arena_of(Arena::attach(file_with(full.image()))), kFilledBytes, true);
  EXPECT_TRUE(took.is_new_arena) << took.how.text;
  for (std::uint64_t i = 0; i < written; ++i)
    ASSERT_EQ(value(*took.catalog, "durable", "dirty" + std::to_string(i)), std::string(900, 'd'));
}

TEST_F(TakeoverTest, what_has_no_room_at_the_size_it_had_gets_more) {
  FilledArena large(2 * kFilledBytes);
  const std::uint64_t written = fill_with_dirty(large.catalog(), 900, UINT64_MAX);
  CatalogOptions options;
  options.memory_bytes_max = 2 * kFilledBytes;
  // As if the same entries took more when they are brought over.
  const auto make = [](std::uint64_t bytes) { return Arena::create(bytes - bytes / 8); };
  const std::string image = with_wrong_count(large.image());
  auto taken = take_over(options, *this, arena_of(Arena::attach(file_with(image))), make, kNow);
  auto& took = std::get<TookOver>(taken);
  EXPECT_EQ(took.how.kind, Takeover::Kind::kKeptSize);
  EXPECT_EQ(took.how.lost_entries, 0U) << took.how.text;
  for (std::uint64_t i = 0; i < written; ++i)
    ASSERT_EQ(value(*took.catalog, "durable", "dirty" + std::to_string(i)), std::string(900, 'd'));
}

TEST_F(TakeoverTest, a_limit_without_room_for_all_caches_waits) {
  FilledArena large(8 * kFilledBytes);
  Settings settings;
  settings.tier = Tier::kDurable;
  for (int i = 0; i < 400; ++i) {
    large.catalog().open("c" + std::to_string(i), settings, false, kNow);
    std::ignore = large.catalog().find("c" + std::to_string(i))->put("k", "v", {}, kNow);
  }
  for (const std::string& image : {large.image(), with_wrong_count(large.image())}) {
    const TookOver took = take_over_image(image, kFilledBytes);
    EXPECT_EQ(took.how.kind, Takeover::Kind::kKeptSize);
    for (int i = 0; i < 400; ++i) ASSERT_EQ(value(*took.catalog, "c" + std::to_string(i), "k"), "v") << i;
  }
}

/// Behind its end a file has no memory, as one has none that a full file system has no room for.
Arena::Made made_cut_short(std::uint64_t bytes) {
  auto arena = arena_of(Arena::create_in(file_with(""), bytes));
  EXPECT_EQ(ftruncate(arena->fd(), 256 << 10), 0);
  return arena;
}

TEST_F(TakeoverTest, a_limit_that_the_system_has_no_memory_for_waits) {
  for (const std::uint64_t bytes_max : {kFilledBytes, 3 * kFilledBytes}) {
    for (const bool is_made : {false, true}) {
      FilledArena filled(2 * kFilledBytes);
      CatalogOptions options;
      options.memory_bytes_max = bytes_max;
      auto taken = take_over(
          options, *this, arena_of(Arena::attach(file_with(filled.image()))),
          [&](std::uint64_t bytes) -> Arena::Made {
            if (is_made) return made_cut_short(bytes);
            return ArenaFault{ArenaFault::Kind::kSystem, "there is no more"};
          },
          kNow);
      ASSERT_TRUE(std::holds_alternative<TookOver>(taken));
      const auto& took = std::get<TookOver>(taken);
      EXPECT_EQ(took.how.kind, Takeover::Kind::kKeptSize);
      EXPECT_FALSE(took.is_new_arena);
      EXPECT_EQ(took.how.lost_entries, 0U);
      EXPECT_EQ(took.catalog->options().memory_bytes_max, 2 * kFilledBytes);
      const std::string why = is_made ? "the system has no memory for all that is in it" : "there is no more";
      EXPECT_EQ(took.how.text, "the memory limit is " + std::to_string(bytes_max) +
                                   " bytes now, but no arena for it can be made beside the one that is there "
                                   "(" +
                                   why + "): memory stays at 2097152 bytes until a start that can");
      for (const auto& [cache, key] : filled.keys())
        ASSERT_EQ(value(*took.catalog, cache, key), filled.value(cache, key)) << cache << " " << key;
    }
  }
}

TEST_F(TakeoverTest, an_unsound_one_stays_as_it_is_if_no_other_can_be_made) {
  const auto fault_of = [this](const std::string& image, const MakeArena& make_fresh) {
    const int fd = file_with(image);
    CatalogOptions options;
    options.memory_bytes_max = image.size();
    const auto taken = take_over(options, *this, arena_of(Arena::attach(dup(fd))), make_fresh, kNow);
    EXPECT_EQ(image_of(fd, image.size()), image);
    close(fd);
    const auto* const fault = std::get_if<ArenaFault>(&taken);
    return fault == nullptr ? "" : fault->text;
  };
  FilledArena full;
  fill_with_dirty(full.catalog(), 900, UINT64_MAX);
  const std::string image = with_wrong_count(full.image());
  const std::string text = fault_of(image, [](std::uint64_t) {
    return ArenaFault{ArenaFault::Kind::kSystem, "there is no more"};
  });
  EXPECT_TRUE(text.starts_with("the arena is not sound (")) << text;
  EXPECT_TRUE(text.ends_with("none can be made to bring over what is whole: there is no more")) << text;
  EXPECT_TRUE(fault_of(image, made_cut_short).ends_with("the system has no memory for all that is in it"));
}

TEST_F(TakeoverTest, entries_that_were_held_for_a_load_can_be_migrated) {
  Cache& cache = *filled_.catalog().find("durable");
  for (int i = 0; i < 20; ++i)
    cache.loaded("held" + std::to_string(i), Record{"loaded", static_cast<Version>(i + 1), kNever, 0}, kNow);
  const TookOver took = take_over_image(filled_.image(), 2 * kFilledBytes);
  EXPECT_EQ(took.how.kind, Takeover::Kind::kMigrated);
  EXPECT_EQ(value(*took.catalog, "durable", "held7"), "loaded");
}

TEST_F(TakeoverTest, what_a_clear_may_have_erased_on_disk_does_not_live_on_in_memory) {
  const std::uint64_t dirty = filled_.catalog().write_back().totals().entries;
  filled_.catalog().find("durable")->clear_begin("durable", kNow);
  const std::string image = filled_.image();
  for (const std::uint64_t bytes_max : {kFilledBytes, 2 * kFilledBytes}) {
    const TookOver took = take_over_image(image, bytes_max);
    Cache& cache = *took.catalog->find("durable");
    EXPECT_TRUE(std::holds_alternative<Cold>(cache.find("durable35", kNow))) << "clean";
    EXPECT_EQ(value(*took.catalog, "durable", "durable100"), filled_.value("durable", "durable100"))
        << "dirty";
    EXPECT_EQ(value(*took.catalog, "durable", "durable25"), filled_.value("durable", "durable25")) << "ahead";
    EXPECT_NE(cache.dirty_sequence("durable25"), 0U) << "the disk may not have it any more";
    EXPECT_EQ(took.catalog->write_back().totals().entries, dirty + 10) << "and all others that were ahead";
    EXPECT_EQ(took.how.lost_entries, 0U);
  }
}

TEST_F(TakeoverTest, a_clear_that_was_under_way_is_not_under_way_any_more) {
  Cache& cache = *filled_.catalog().find("durable");
  cache.clear_begin("none of them", kNow);
  const TookOver took = take_over_image(filled_.image(), 2 * kFilledBytes);
  const std::string image = image_of(took.catalog->arena().fd(), took.catalog->arena().bytes());
  Cache& fresh = *took.catalog->find("durable");
  const ClearId clear = fresh.clear_begin("nor of these", kNow);
  while (fresh.clear_step(clear, 100)) {
  }
  EXPECT_EQ(fresh.clear_end(clear, 0, kNow), 0U);
  // The next clean close finds no clear that it would have to distrust the disk for.
  const Arena& arena = took.catalog->arena();
  for (std::uint32_t ordinal = 0; ordinal < 8; ++ordinal) {
    if (arena.cache_ref(ordinal) == kNoRef) continue;
    EXPECT_EQ(arena.at<CacheRecord>(arena.cache_ref(ordinal)).clears, 0U);
  }
}

TEST_F(TakeoverTest, counters_of_the_header_that_are_damaged_do_no_harm) {
  const std::string image = filled_.image();
  for (const std::size_t offset : {offsetof(ArenaHeader, stamp), offsetof(ArenaHeader, sequence_last),
                                   offsetof(ArenaHeader, id_last), offsetof(ArenaHeader, fresh_page),
                                   offsetof(ArenaHeader, hash_seed), offsetof(ArenaHeader, evacuated_page),
                                   offsetof(ArenaHeader, populated_end), offsetof(ArenaHeader, free_pages)}) {
    for (const std::uint32_t word : {0U, 1U, 77U, 0x8000'0000U, 0xffff'ffffU}) {
      SCOPED_TRACE(std::to_string(offset) + " is " + std::to_string(word));
      std::string damaged = image;
      std::memcpy(damaged.data() + offset, &word, sizeof word);
      const TookOver took = take_over_image(damaged, kFilledBytes);
      ASSERT_NO_FATAL_FAILURE(expect_all(*took.catalog));
      PutOptions options;
      EXPECT_TRUE(
          std::holds_alternative<Written>(took.catalog->find("lru")->put("another", "value", options, kNow)));
      EXPECT_TRUE(std::holds_alternative<Opened>(took.catalog->open("another", Settings{}, false, kNow)));
      EXPECT_EQ(Check::fault_of(*took.catalog), std::nullopt);
    }
  }
}

/// Whatever bytes are damaged: it ends, what comes out is sound, an entry whose slots are as they were is
/// answered with a value that was written for its key, and a dirty one is there. Where the damage was in an
/// entry's own slots it may be answered wrongly, or under a key that no entry has: nothing in it says what
/// its bytes were.
TEST_F(TakeoverTest, a_damaged_one_gives_back_what_is_whole) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string image = filled_.image();
  std::map<Takeover::Kind, int> kinds;
  int faults = 0;
  // Most of the time goes into new memory.
  const char* const given = std::getenv("PANNIER_LONG");
  const int rounds = given != nullptr && std::string_view(given) == "1" ? 10'000 : 300;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::string damaged = image;
    filled_.damage(damaged, random);
    Arena::Made made = Arena::attach(file_with(damaged));
    if (std::holds_alternative<ArenaFault>(made)) {
      ++faults;
      continue;
    }
    auto arena = std::get<std::unique_ptr<Arena>>(std::move(made));
    // What was put back from a damaged journal is damage as well.
    damaged = image_of(arena->fd(), arena->bytes());
    TookOver took = take_over_arena(std::move(arena), kFilledBytes);
    ++kinds[took.how.kind];
    for (const auto& [key, places] : filled_.dirty_places()) {
      if (FilledArena::is_touched(places, image, damaged)) continue;
      ASSERT_EQ(value(*took.catalog, "durable", key), filled_.value("durable", key)) << took.how.text;
    }
    for (const auto& [cache, key] : filled_.keys()) {
      const std::string answered = value(*took.catalog, cache, key);
      if (answered == "(none)" || answered == "(no cache)" || filled_.was_written(cache, key, answered))
        continue;
      ASSERT_TRUE(filled_.is_touched(cache, key, image, damaged) ||
                  filled_.is_stray(cache, key, image, damaged))
          << cache << " " << key << " " << took.how.text;
    }
    while (took.catalog->step(kNow + 1'000'000, 1'000)) {
    }
    ASSERT_EQ(Check::fault_of(*took.catalog), std::nullopt) << took.how.text;
  }
  EXPECT_GT(kinds[Takeover::Kind::kRepaired], rounds / 6);
  EXPECT_GT(kinds[Takeover::Kind::kAfterCrash], rounds / 20);
  EXPECT_LT(faults, rounds / 3);
}

}  // namespace
}  // namespace pannier::storage
