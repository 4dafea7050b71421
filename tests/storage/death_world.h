// What the mutations of death_test work on: prepared arenas of a process that has died, a catalog on one of
// them, and what a program can see of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/catalog.h"

namespace pannier::storage {

inline constexpr TimeMs kDeathNow = 1'700'000'000'000;

/// How a prepared arena is filled; there are more seeds with PANNIER_LONG=1.
enum class Prepared : std::uint8_t {
  kRoomy,  ///< some caches of each kind, and memory left
  kFull,   ///< the same, and entries were evicted, erased, and evicted again
  kEmpty,  ///< no cache
};

/// A catalog on an arena, in a process of its own.
class World : public ChangeListener {
 public:
  explicit World(std::unique_ptr<Arena> made) : arena(std::move(made)) {}

  void changed(const Cache&, std::string_view, Change change) override {
    ++told[static_cast<std::size_t>(change)];
  }
  /// Makes the catalog if it is not there.
  Catalog& catalog();
  Cache& cache(std::string_view name) { return *catalog().find(name); }
  Cache& open(std::string_view name, const Settings& settings);
  /// False: refused.
  bool put(std::string_view name, std::size_t key, const std::string& value, const PutOptions& options = {});
  void fill(Prepared prepared, std::uint64_t seed);

  std::unique_ptr<Arena> arena;  ///< until the catalog is made
  std::uint64_t told[4] = {};    ///< by Change
  Batch batch;
  Wrote wrote;
  ClearId clear = 0;
  std::size_t next_key = 0;

 private:
  void fill_small_caches(class Dice& dice);
  void fill_durable(class Dice& dice);
  void fill_up(class Dice& dice);

  std::unique_ptr<Catalog> catalog_;
};

CatalogOptions death_options();
std::string death_key(std::size_t number);
PutOptions with_ttl(std::uint64_t ms);
Settings lru_settings(std::uint64_t entries_max = 0, PolicyKind policy = PolicyKind::kLru);

/// What a program sees, for each key that a test may have used and each cache: 0 is nothing.
struct Content {
  struct Seen {
    std::uint64_t hash = 0;
    Version version = 0;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  std::vector<Seen> seen;
  Version version_last = 0;
  std::uint64_t dirty_entries = 0;

  static Content of(Catalog& catalog);
  static std::string name_of(std::size_t number);
  static bool is_durable(std::size_t number);
};

}  // namespace pannier::storage
