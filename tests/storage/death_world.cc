#include "tests/storage/death_world.h"

#include <array>

#include "storage/broken.h"
#include "storage/hash.h"
#include "tests/model/dice.h"

namespace pannier::storage {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"lru",     "bound", "fifo",  "ttl",
                                                    "durable", "small", "narrow"};
constexpr std::size_t kKeys = 304;
constexpr std::size_t kFilledKeys = 300;

std::string some_value(Dice& dice) {
  const std::uint64_t kind = dice.below(10);
  if (kind < 6) return dice.value(5, 200);
  return kind < 9 ? dice.value(200, 400) : dice.value(600, 4'000);
}

Content::Seen seen_of(Cache& cache, std::string_view key) {
  const Lookup lookup = cache.find(key, kDeathNow);
  if (std::holds_alternative<Miss>(lookup)) return {};
  if (std::holds_alternative<Cold>(lookup)) return {1, 0};
  const auto* hit = std::get_if<Hit>(&lookup);
  const EntryView& entry = hit != nullptr ? hit->entry : std::get<Stale>(lookup).entry;
  std::string text;
  std::string whole(entry.value.whole(text));
  whole += "|" + std::to_string(entry.deadline) + (hit != nullptr ? "h" : "s");
  return {hash_of(whole, 1), entry.version};
}

Content::Seen seen_of(const Settings& settings) {
  const std::string text = std::to_string(settings.entries_max.value_or(0)) + "," +
                           std::to_string(settings.bytes_max.value_or(0)) + "," +
                           std::to_string(settings.age_ms_max.value_or(0)) + "," +
                           std::to_string(settings.stale_ms) + "," + std::to_string(settings.reserved_bytes);
  return {hash_of(text, 2), 0};
}

}  // namespace

CatalogOptions death_options() {
  CatalogOptions options;
  options.memory_bytes_max = Arena::kBytesMin;
  return options;
}

std::string death_key(std::size_t number) {
  std::string key = "key-" + std::to_string(number);
  return number % 7 == 3 ? key + std::string(40, '.') : key;
}

PutOptions with_ttl(std::uint64_t ms) {
  PutOptions options;
  options.ttl = {Ttl::Kind::kGiven, ms};
  return options;
}

Settings lru_settings(std::uint64_t entries_max, PolicyKind policy) {
  Settings settings;
  settings.policy = policy;
  if (entries_max > 0) settings.entries_max = entries_max;
  return settings;
}

Catalog& World::catalog() {
  if (!catalog_) {
    catalog_ = std::make_unique<Catalog>(death_options(), *this, std::move(arena));
    catalog_->set_versions(catalog_->version_last() + 1, kVersionMax);
  }
  return *catalog_;
}

Cache& World::open(std::string_view name, const Settings& settings) {
  return std::get<Opened>(catalog().open(name, settings, true, kDeathNow)).cache;
}

bool World::put(std::string_view name, std::size_t key, const std::string& value, const PutOptions& options) {
  const PutOutcome outcome = cache(name).put(death_key(key), value, options, kDeathNow);
  return std::holds_alternative<Written>(outcome);
}

void World::fill(Prepared prepared, std::uint64_t seed) {
  Dice dice(seed);
  if (prepared == Prepared::kEmpty) {
    catalog();
    return;
  }
  fill_small_caches(dice);
  fill_durable(dice);
  if (prepared == Prepared::kFull) fill_up(dice);
}

void World::fill_small_caches(Dice& dice) {
  open("lru", lru_settings());
  open("bound", lru_settings(20));
  open("fifo", lru_settings(15, PolicyKind::kFifo));
  Settings ttl;
  ttl.tier = Tier::kTtl;
  ttl.age_ms_max = 60'000;
  ttl.stale_ms = 5'000;
  open("ttl", ttl);
  open("small", lru_settings());
  for (std::size_t key = 0; key < 40; ++key) put("lru", key, some_value(dice));
  for (std::size_t key = 0; key < 30; ++key) put("bound", key, some_value(dice));
  for (std::size_t key = 0; key < 20; ++key) put("fifo", key, some_value(dice));
  for (std::size_t key = 0; key < 25; ++key)
    put("ttl", key, some_value(dice), with_ttl(1'000 + dice.below(60) * 1'000));
  for (std::size_t key = 0; key < 8; ++key) put("small", key, dice.value(5, 60));
}

void World::fill_durable(Dice& dice) {
  Settings settings;
  settings.tier = Tier::kDurable;
  Cache& durable = open("durable", settings);
  for (std::size_t key = 0; key < 30; ++key) put("durable", key, some_value(dice));
  put("durable", 30, dice.value(3'000, 3'000), with_ttl(50'000));
  batch = *catalog().write_back().take_batch({});
  catalog().write_back().batch_done(batch, Wrote{{{durable.id(), 31}}});
  for (std::size_t key = 20; key < 45; ++key) put("durable", key, some_value(dice));
  for (std::size_t key = 0; key < 4; ++key) durable.erase(death_key(key), std::nullopt, kDeathNow);
  BatchLimits limits;
  limits.items_max = 6;
  // They are in flight when the process dies.
  batch = *catalog().write_back().take_batch(limits);
  put("durable", 20, some_value(dice));
}

void World::fill_up(Dice& dice) {
  const std::uint64_t& evicted = told[static_cast<std::size_t>(Change::kEvicted)];
  std::size_t key = 0;
  const auto fill_until = [&](std::uint64_t count, std::uint64_t least, std::uint64_t most) {
    while (evicted < count) {
      if (!put("lru", 40 + key % (kFilledKeys - 40), dice.value(least, most)))
        broken("a cache takes no entry");
      ++key;
    }
  };
  const std::uint64_t before = evicted;
  fill_until(before + 40, 1'200, 4'600);
  for (std::size_t gone = 0; gone < kFilledKeys; gone += 3)
    cache("lru").erase(death_key(gone), std::nullopt, kDeathNow);
  for (std::size_t few = 0; few < 120; ++few) put("lru", 40 + dice.below(kFilledKeys - 40), some_value(dice));
  fill_until(before + 60, 900, 5'000);
}

Content Content::of(Catalog& catalog) {
  Content content;
  content.seen.reserve(kNames.size() * (kKeys + 1));
  for (const std::string_view name : kNames) {
    Cache* const cache = catalog.find(name);
    content.seen.push_back(cache == nullptr ? Seen{} : seen_of(cache->settings()));
    for (std::size_t key = 0; key < kKeys; ++key) {
      content.seen.push_back(cache == nullptr ? Seen{} : seen_of(*cache, death_key(key)));
    }
  }
  content.version_last = catalog.version_last();
  content.dirty_entries = catalog.write_back().totals().entries;
  return content;
}

bool Content::is_durable(std::size_t number) { return kNames[number / (kKeys + 1)] == "durable"; }

std::string Content::name_of(std::size_t number) {
  const std::string name(kNames[number / (kKeys + 1)]);
  const std::size_t key = number % (kKeys + 1);
  return key == 0 ? "cache " + name : name + " " + death_key(key - 1);
}

}  // namespace pannier::storage
