// A catalog on a small arena with something of everything in it, and what it must answer: caches of all
// tiers, entries in several pieces, deadlines, stale, dirty, clean and erased durable ones, some in flight,
// garbage, drafts, a cache that was dropped and is still there in part.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog.h"
#include "tests/storage/arena_fixture.h"

namespace pannier::storage {

inline constexpr std::uint64_t kFilledBytes = std::uint64_t{1} << 20;

class FilledArena : public ChangeListener, private DraftOwner {
 public:
  static constexpr TimeMs kNow = 1'700'000'000'000;
  static constexpr int kFifoEntries = 150;

  /// From an offset, so many bytes.
  using Places = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  using Key = std::pair<std::string, std::string>;  ///< cache, key

  explicit FilledArena(std::uint64_t bytes = kFilledBytes) {
    CatalogOptions options;
    options.memory_bytes_max = bytes;
    catalog_ = std::make_unique<Catalog>(options, *this);
    catalog_->set_versions(1, kVersionMax);
    fill_lru();
    fill_ttl();
    fill_fifo();
    fill_durable();
    begin_drafts();
    drop_one();
    find_places();
  }

  void changed(const Cache&, std::string_view, Change) override {}
  void gave_up(const BytesView&) override {}

  Catalog& catalog() { return *catalog_; }
  std::string image() const { return image_of(catalog_->arena().fd(), catalog_->arena().bytes()); }

  /// All that were ever written.
  std::set<Key> keys() const {
    std::set<Key> keys;
    for (const auto& [key, values] : written_) keys.insert(key);
    return keys;
  }
  /// What a find() answers; "(none)" for nothing.
  std::string value(const std::string& cache, const std::string& key) const {
    const auto found = live_.find({cache, key});
    return found == live_.end() ? "(none)" : found->second;
  }
  bool was_written(const std::string& cache, const std::string& key, const std::string& value) const {
    const auto found = written_.find({cache, key});
    return found != written_.end() && found->second.contains(value);
  }

  /// Dirty entries that have a value, and where they are: their slots, and what says that these are slots of
  /// a cache.
  const std::map<std::string, Places>& dirty_places() const { return dirty_places_; }
  static bool is_touched(const Places& places, std::string_view before, std::string_view after) {
    for (const auto& [offset, bytes] : places) {
      if (before.substr(offset, bytes) != after.substr(offset, bytes)) return true;
    }
    return false;
  }
  /// Whether the damage was in the entry's own bytes.
  bool is_touched(const std::string& cache, const std::string& key, std::string_view before,
                  std::string_view after) const {
    const auto found = places_.find({cache, key});
    return found != places_.end() && is_touched(found->second, before, after);
  }

  /// Whether no entry has this key, and one whose own bytes were damaged may seem to.
  bool is_stray(const std::string& cache, const std::string& key, std::string_view before,
                std::string_view after) const {
    return !live_.contains({cache, key}) && std::ranges::any_of(places_, [&](const auto& row) {
      return is_touched(row.second, before, after);
    });
  }

  /// One to eight places: a bit, a byte, a word that could be a ref, or a random one; half of the time in the
  /// head of the arena or the pages of index and records.
  void damage(std::string& image, std::mt19937_64& random) const {
    const Arena& arena = catalog_->arena();
    const std::uint64_t head = std::uint64_t{arena.first_page()} << arena.page_shift();
    const std::uint64_t used = std::uint64_t{arena.header().fresh_page} << arena.page_shift();
    for (std::uint64_t left = 1 + random() % 8; left > 0; --left) {
      std::uint64_t offset = random() % used;
      if (random() % 4 == 0) offset = random() % head;
      if (random() % 4 == 0 && !internal_pages_.empty())
        offset = internal_pages_[random() % internal_pages_.size()] + random() % arena.page_bytes();
      const auto ref = ref_of(static_cast<std::uint32_t>(random() % arena.pages()),
                              static_cast<std::uint32_t>(random() % 16));
      const std::uint64_t kind = random() % 4;
      if (kind == 0) image[offset] = static_cast<char>(image[offset] ^ 1 << random() % 8);
      if (kind == 1) image[offset] = static_cast<char>(random());
      const auto word = kind == 2 ? ref : static_cast<std::uint32_t>(random());
      if (kind >= 2) std::memcpy(image.data() + offset / 4 * 4, &word, sizeof word);
    }
  }

 private:
  Cache& open(const std::string& name, const Settings& settings) {
    return std::get<Opened>(catalog_->open(name, settings, false, kNow)).cache;
  }

  void put(Cache& cache, const std::string& key, const std::string& value, const PutOptions& options = {},
           TimeMs now = kNow) {
    EXPECT_TRUE(std::holds_alternative<Written>(cache.put(key, value, options, now)));
    written_[{cache.name(), key}].insert(value);
    live_[{cache.name(), key}] = value;
  }

  void erase(Cache& cache, const std::string& key) {
    cache.erase(key, std::nullopt, kNow);
    live_.erase({cache.name(), key});
  }

  static std::string text(int salt, std::size_t bytes) {
    std::string value = std::to_string(salt) + ":";
    while (value.size() < bytes)
      value += static_cast<char>('a' + (value.size() * 7 + static_cast<std::size_t>(salt)) % 26);
    return value.substr(0, bytes);
  }

  void fill_lru() {
    Cache& cache = open("lru", {});
    for (int i = 0; i < 400; ++i)
      put(cache, "lru" + std::to_string(i), text(i, static_cast<std::size_t>(5 + i % 90)));
    for (int i = 0; i < 12; ++i)
      put(cache, "big" + std::to_string(i), text(i, 900 + 777 * static_cast<std::size_t>(i)));
    for (int i = 0; i < 400; i += 3) erase(cache, "lru" + std::to_string(i));
    for (int i = 1; i < 400; i += 5) put(cache, "lru" + std::to_string(i), text(i + 1'000, 70));
    for (int i = 2; i < 400; i += 7) std::ignore = cache.get("lru" + std::to_string(i), kNow);
    // Garbage, of which not all is freed at once.
    erase(cache, "big11");
    erase(cache, "big4");
  }

  /// Of which one has no piece yet, and the others are in the middle.
  void begin_drafts() {
    for (const std::uint64_t written : {0U, 700U, 3'000U}) {
      drafts_.push_back(catalog_->find("lru")->draft("draft", 5'000, *this, kNow));
      for (std::uint64_t left = written; left > 0;) {
        const std::span<char> part = drafts_.back()->room(kNow).front();
        const std::uint64_t here = std::min<std::uint64_t>(left, part.size());
        std::memset(part.data(), 'd', here);
        drafts_.back()->written(here);
        left -= here;
      }
    }
  }

  void fill_ttl() {
    Settings settings;
    settings.tier = Tier::kTtl;
    settings.age_ms_max = 100'000;
    Cache& cache = open("ttl", settings);
    PutOptions options;
    for (int i = 0; i < 200; ++i) {
      options.ttl = {Ttl::Kind::kGiven, static_cast<std::uint64_t>(1'000 + i * i * 37)};
      options.stale_ms = i % 3 == 0 ? 50'000 : 0;
      put(cache, "ttl" + std::to_string(i), text(i, static_cast<std::size_t>(i % 120)), options);
    }
    // Stale ones, and one that goes.
    for (int i = 0; i < 10; ++i) {
      options.ttl = {Ttl::Kind::kGiven, 1};
      options.stale_ms = 50'000;
      put(cache, "stale" + std::to_string(i), text(i, 30), options, kNow - 100);
      std::ignore = cache.get("stale" + std::to_string(i), kNow);
      live_.erase({"ttl", "stale" + std::to_string(i)});
    }
  }

  void fill_fifo() {
    Settings settings;
    settings.policy = PolicyKind::kFifo;
    settings.entries_max = 1'000;
    Cache& cache = open("fifo", settings);
    for (int i = 0; i < kFifoEntries; ++i) put(cache, "fifo" + std::to_string(i), text(i, 40));
  }

  void fill_durable() {
    Settings settings;
    settings.tier = Tier::kDurable;
    Cache& cache = open("durable", settings);
    const auto fill = [&](int from, int to) {
      for (int i = from; i < to; ++i)
        put(cache, "durable" + std::to_string(i),
            text(i, static_cast<std::size_t>(i % 10 == 0 ? 1'300 : 25 + i % 50)));
    };
    fill(0, 60);
    // These are on disk, and the next are on their way.
    const auto batch = catalog_->write_back().take_batch({});
    Wrote wrote;
    wrote.counts.push_back({cache.id(), 60});
    catalog_->write_back().batch_done(*batch, wrote);
    fill(60, 90);
    std::ignore = catalog_->write_back().take_batch({});
    fill(80, 160);
    for (int i = 0; i < 20; ++i) erase(cache, "durable" + std::to_string(i));
    // The same again is ahead of the disk by its version.
    for (int i = 20; i < 30; ++i)
      put(cache, "durable" + std::to_string(i), live_[{"durable", "durable" + std::to_string(i)}]);
  }

  void drop_one() {
    Cache& cache = open("dropped", {});
    for (int i = 0; i < 50; ++i)
      EXPECT_TRUE(std::holds_alternative<Written>(cache.put(std::to_string(i), "v", {}, kNow)));
    catalog_->drop("dropped");
  }

  void find_places() {
    Arena& arena = catalog_->arena();
    const auto offset_of = [&](const void* place) {
      return static_cast<std::uint64_t>(static_cast<const char*>(place) -
                                        reinterpret_cast<const char*>(&arena.header()));
    };
    for (std::uint32_t page = arena.first_page(); page < arena.header().fresh_page; ++page) {
      const std::uint8_t number = arena.class_of_page(page);
      if (number == kBlockClass || number == kBucketClass)
        internal_pages_.push_back(std::uint64_t{page} << arena.page_shift());
      if (number < kFirstEntryClass) continue;
      for (std::uint32_t slot = 0; slot < (arena.page(page).free_and_fresh & 0xffff); ++slot) {
        const EntryAt entry = entry_at(arena, ref_of(page, slot));
        const bool is_entry =
            entry->kind() == Entry::Kind::kRecord || entry->kind() == Entry::Kind::kTombstone;
        if (!is_entry) continue;
        const auto& record = arena.at<CacheRecord>(arena.cache_ref(entry->ordinal()));
        Places places;
        const auto add_slot = [&](Ref ref) {
          const std::uint32_t in_page = page_of(ref);
          places.emplace_back(offset_of(arena.slot(ref)),
                              arena.classes().slot_bytes(arena.class_of_page(in_page)));
          places.emplace_back(offset_of(&arena.class_cell(in_page)), 1);
          places.emplace_back(offset_of(&arena.page(in_page).free_and_fresh), 4);
        };
        add_slot(entry.ref);
        if (entry->has(Entry::kHasPieces)) {
          for (Ref ref = entry->first_piece(); ref != kNoRef; ref = arena.at<Piece>(ref).next) add_slot(ref);
        }
        const std::string key = key_of(arena, entry).str();
        places_[{std::string(record.name.data(), record.name_bytes), key}] = places;
        if (!entry->is_unwritten() || !entry->has_value() || record.state != CacheRecord::kOpen) continue;
        places.emplace_back(offset_of(&arena.cache_ref(entry->ordinal())), sizeof(Ref));
        places.emplace_back(offset_of(&record), offsetof(CacheRecord, used_bytes));
        places.emplace_back(offset_of(&record.name_bytes), sizeof record.name_bytes);
        places.emplace_back(offset_of(&record.name), record.name_bytes);
        // What says that the record is in a slot.
        const std::uint32_t page_of_record = page_of(arena.cache_ref(entry->ordinal()));
        places.emplace_back(offset_of(&arena.class_cell(page_of_record)), 1);
        places.emplace_back(offset_of(&arena.page(page_of_record).free_and_fresh), 4);
        dirty_places_[key] = places;
      }
    }
  }

  std::unique_ptr<Catalog> catalog_;
  std::vector<std::unique_ptr<Draft>> drafts_;
  std::map<Key, std::set<std::string>> written_;
  std::map<Key, std::string> live_;
  std::map<Key, Places> places_;
  std::map<std::string, Places> dirty_places_;
  std::vector<std::uint64_t> internal_pages_;
};

}  // namespace pannier::storage
