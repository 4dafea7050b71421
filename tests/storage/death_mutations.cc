#include "tests/storage/death_mutations.h"

#include <unistd.h>

#include "storage/broken.h"
#include "storage/hash.h"

namespace pannier::storage {
namespace {

using Mutations = std::vector<Mutation>;
using enum Prepared;
using enum Promise;

void erase(World& world, std::string_view name, std::size_t key) {
  const auto outcome = world.cache(name).erase(death_key(key), std::nullopt, kDeathNow);
  check(std::holds_alternative<Erased>(outcome) && std::get<Erased>(outcome).was_live, "nothing was erased");
}

void touch(World& world, std::string_view name, std::size_t key, std::uint64_t ttl_ms) {
  const auto outcome = world.cache(name).touch(death_key(key), {Ttl::Kind::kGiven, ttl_ms}, kDeathNow);
  check(std::holds_alternative<Touched>(outcome) && std::get<Touched>(outcome).was_live,
        "nothing was touched");
}

Mutation putting(std::string name, Prepared prepared, std::string_view cache, std::size_t key,
                 std::size_t bytes, const PutOptions& options = {}) {
  return {.name = std::move(name), .prepared = prepared, .run = [=](World& world) {
            check(world.put(cache, key, letters(bytes), options), "a put was refused");
          }};
}

/// Every third large entry goes, so that many pages are partly empty; others are taken until moving alone
/// makes more.
void leave_holes(World& world) {
  for (std::size_t key = 40; key < 300; key += 3) {
    world.cache("lru").erase(death_key(key), std::nullopt, kDeathNow);
  }
  for (int step = 0; step < 30; ++step) world.catalog().step(kDeathNow, 200);
  world.open("narrow", lru_settings());
  const Arena& arena = world.catalog().arena();
  const ArenaHeader& head = arena.header();
  for (std::size_t i = 0; head.free_pages + arena.pages() - head.fresh_page > 8; ++i) {
    check(i < 540, "the pages do not get short");
    world.put(i < 270 ? "small" : "ttl", 30 + i % 270, letters(400));
  }
}

std::uint64_t evicted(World& world) { return world.told[static_cast<std::size_t>(Change::kEvicted)]; }

std::uint64_t moved(World& world) { return world.catalog().arena_stats().moved_entries; }

/// Puts of a size until the next one would make `count` grow, as a twin of this world finds out.
void put_until_next(World& world, std::size_t bytes, std::uint64_t (*count)(World&)) {
  constexpr std::size_t kMost = 300;
  world.open("narrow", lru_settings());
  std::size_t puts = 0;
  {
    World twin(std::get<std::unique_ptr<Arena>>(Arena::attach_copy(dup(world.catalog().arena().fd()))));
    for (; puts < kMost; ++puts) {
      const std::uint64_t before = count(twin);
      twin.put("narrow", puts, letters(bytes));
      if (count(twin) > before) break;
    }
  }
  check(puts < kMost, "no put did what it was to do");
  for (std::size_t i = 0; i < puts; ++i) world.put("narrow", i, letters(bytes));
  world.next_key = puts;
}

void put_until_next_moves(World& world, std::size_t bytes) {
  leave_holes(world);
  put_until_next(world, bytes, moved);
}

void put_next(World& world, std::size_t bytes) {
  check(world.put("narrow", world.next_key, letters(bytes)), "a put was refused");
}

void add_puts(Mutations& all) {
  all.push_back(putting("put_insert", kRoomy, "lru", 250, 120));
  all.push_back(putting("put_first_of_a_cache", kRoomy, "narrow", 1, 120));
  all.back().setup = [](World& world) { world.open("narrow", lru_settings()); };
  all.push_back(putting("put_in_place", kRoomy, "lru", 251, 101));
  all.back().setup = [](World& world) { world.put("lru", 251, std::string(101, 'o')); };
  all.push_back(putting("put_in_place_other_length", kRoomy, "lru", 251, 101));
  all.back().setup = [](World& world) { world.put("lru", 251, std::string(102, 'o')); };
  all.push_back(putting("put_other_size", kRoomy, "lru", 251, 300));
  all.back().setup = [](World& world) { world.put("lru", 251, std::string(102, 'o')); };
  all.push_back(putting("put_pieces", kRoomy, "lru", 251, 5'000));
  all.push_back(putting("put_pieces_over_pieces", kRoomy, "lru", 251, 5'000));
  all.back().setup = [](World& world) { world.put("lru", 251, std::string(3'000, 'o')); };
  all.push_back(putting("put_small_over_pieces", kRoomy, "lru", 251, 50));
  all.back().setup = [](World& world) { world.put("lru", 251, std::string(3'000, 'o')); };
  all.push_back(putting("put_deadline", kRoomy, "lru", 251, 90, with_ttl(5'000)));
  all.push_back(putting("put_deadline_in_place", kRoomy, "lru", 251, 90, with_ttl(5'000)));
  all.back().setup = [](World& world) { world.put("lru", 251, std::string(90, 'o'), with_ttl(70'000)); };
  all.push_back(putting("put_stale", kRoomy, "ttl", 251, 90));
  all.push_back(putting("put_fifo_over", kRoomy, "fifo", 15, 210));
  all.push_back(putting("put_durable_insert", kRoomy, "durable", 251, 90));
  all.push_back(putting("put_durable_over_clean", kRoomy, "durable", 10, 350));
  all.push_back(putting("put_durable_over_dirty", kRoomy, "durable", 33, 350));
  all.push_back(putting("put_durable_same", kRoomy, "durable", 252, 350));
  all.back().setup = [](World& world) { world.put("durable", 252, letters(350)); };
  all.push_back(putting("put_over_tombstone", kRoomy, "durable", 2, 80));
  for (Mutation mutation : {putting("put_evicts_by_bound", kRoomy, "bound", 250, 90),
                            putting("put_fifo_evicts", kRoomy, "fifo", 250, 90),
                            putting("put_pieces_evicts", kFull, "lru", 302, 20'000)}) {
    mutation.promise = kEvicts;
    all.push_back(std::move(mutation));
  }
  all.push_back({.name = "put_evicts",
                 .prepared = kFull,
                 .run = [](World& world) { put_next(world, 480); },
                 .setup = [](World& world) { put_until_next(world, 480, evicted); },
                 .promise = kEvicts});
}

void add_moves(Mutations& all) {
  for (const std::size_t bytes : {std::size_t{60}, std::size_t{350}, std::size_t{440}}) {
    all.push_back({.name = "put_moves_" + std::to_string(bytes),
                   .prepared = kFull,
                   .run = [bytes](World& world) { put_next(world, bytes); },
                   .setup = [bytes](World& world) { put_until_next_moves(world, bytes); },
                   .promise = kInSteps,
                   .must_move = true});
  }
  all.push_back({.name = "expect_moves",
                 .prepared = kFull,
                 .run = [](World& world) { world.catalog().expect(40'000, kDeathNow, 300); },
                 .setup = [](World& world) { put_until_next_moves(world, 300); },
                 .changes = false,
                 .must_move = true});
  all.push_back({.name = "expect_large_value",
                 .prepared = kFull,
                 .run = [](World& world) { world.catalog().expect(100'000, kDeathNow, 40); },
                 .promise = kInSteps});
}

void add_erasing(Mutations& all) {
  all.push_back({.name = "erase", .run = [](World& world) { erase(world, "lru", 35); }});
  all.push_back({.name = "erase_pieces",
                 .run = [](World& world) { erase(world, "lru", 251); },
                 .setup = [](World& world) { world.put("lru", 251, letters(6'000)); }});
  all.push_back({.name = "erase_clean", .run = [](World& world) { erase(world, "durable", 12); }});
  all.push_back({.name = "erase_dirty", .run = [](World& world) { erase(world, "durable", 40); }});
  all.push_back({.name = "erase_clean_pieces", .run = [](World& world) { erase(world, "durable", 30); }});
  all.push_back({.name = "free_garbage",
                 .run =
                     [](World& world) {
                       while (world.catalog().step(kDeathNow, 50)) {
                       }
                     },
                 .setup =
                     [](World& world) {
                       world.put("lru", 251, letters(6'000));
                       world.put("lru", 252, letters(3'000));
                       erase(world, "lru", 251);
                       erase(world, "lru", 252);
                     },
                 .changes = false});
  all.push_back({.name = "drop", .run = [](World& world) { world.catalog().drop("lru"); }});
  all.push_back({.name = "drop_and_step", .run = [](World& world) {
                   world.catalog().drop("bound");
                   while (world.catalog().step(kDeathNow, 7)) {
                   }
                 }});
  all.push_back({.name = "drop_durable_and_step", .run = [](World& world) {
                   world.catalog().drop("durable");
                   while (world.catalog().step(kDeathNow, 1'000)) {
                   }
                 }});
}

void add_clears(Mutations& all) {
  const auto clear = [](std::string_view name, std::string_view prefix) {
    return [=](World& world) {
      Cache& cache = world.cache(name);
      const ClearId id = cache.clear_begin(prefix, kDeathNow);
      while (cache.clear_step(id, 10)) {
      }
      cache.clear_end(id, 0, kDeathNow);
    };
  };
  all.push_back({.name = "clear", .run = clear("lru", ""), .promise = kInSteps});
  all.push_back({.name = "clear_prefix", .run = clear("ttl", "key-1"), .promise = kInSteps});
  all.push_back({.name = "clear_durable", .run = clear("durable", ""), .promise = kInSteps});
}

void add_uses(Mutations& all) {
  all.push_back({.name = "get",
                 .run = [](World& world) { world.cache("lru").get(death_key(12), kDeathNow); },
                 .changes = false});
  all.push_back({.name = "get_miss",
                 .run = [](World& world) { world.cache("lru").get(death_key(299), kDeathNow); },
                 .changes = false});
  all.push_back({.name = "touch", .run = [](World& world) { touch(world, "ttl", 7, 99'000); }});
  all.push_back({.name = "touch_reshapes", .run = [](World& world) { touch(world, "lru", 12, 99'000); }});
  all.push_back(
      {.name = "touch_durable_reshapes", .run = [](World& world) { touch(world, "durable", 12, 9'000); }});
  all.push_back({.name = "touch_pieces",
                 .run = [](World& world) { touch(world, "lru", 251, 99'000); },
                 .setup = [](World& world) { world.put("lru", 251, letters(6'000)); }});
  all.push_back({.name = "expire",
                 .run =
                     [](World& world) {
                       while (world.catalog().step(kDeathNow + 30'000, 10)) {
                       }
                     },
                 .promise = kInSteps});
  all.push_back({.name = "expire_all",
                 .run =
                     [](World& world) {
                       while (world.catalog().step(kDeathNow + 80'000, 1'000)) {
                       }
                     },
                 .promise = kInSteps});
}

void add_settings(Mutations& all) {
  all.push_back({.name = "open", .run = [](World& world) { world.open("narrow", lru_settings(9)); }});
  all.push_back({.name = "open_first", .prepared = kEmpty, .run = [](World& world) {
                   world.open("narrow", lru_settings(9));
                 }});
  all.push_back({.name = "open_evicts",
                 .prepared = kFull,
                 .run = [](World& world) { world.open("narrow", lru_settings(9)); },
                 .setup = [](World& world) { world.put("lru", 251, letters(470)); },
                 .promise = kInSteps});
  all.push_back({.name = "alter", .run = [](World& world) { world.open("bound", lru_settings(9)); }});
  all.push_back({.name = "alter_and_trim",
                 .run =
                     [](World& world) {
                       world.open("bound", lru_settings(9));
                       while (world.catalog().step(kDeathNow, 4)) {
                       }
                     },
                 .promise = kInSteps});
  all.push_back({.name = "set_versions",
                 .run = [](World& world) { world.catalog().set_versions(50'000, 90'000); },
                 .changes = false});
}

void add_write_back(Mutations& all) {
  const auto take = [](World& world) { world.batch = world.catalog().write_back().take_batch({}).value(); };
  const auto done = [](World& world) {
    world.catalog().write_back().batch_done(world.batch, Wrote{{{world.cache("durable").id(), 40}}});
  };
  const auto take_and_change = [=](World& world) {
    take(world);
    world.put("durable", 33, letters(70));
    erase(world, "durable", 34);
  };
  all.push_back({.name = "take_batch", .run = take, .changes = false});
  all.push_back({.name = "batch_done", .run = done, .setup = take_and_change, .promise = kInSteps});
  all.push_back({.name = "batch_failed",
                 .run = [](World& world) { world.catalog().write_back().batch_failed(world.batch); },
                 .setup = take_and_change,
                 .changes = false});
  const auto load = [](World& world) {
    Record record;
    record.value = letters(700);
    record.version = 1;
    world.cache("durable").loaded(death_key(260), record, kDeathNow);
    world.cache("durable").loaded(death_key(261), Absent{}, kDeathNow);
    world.cache("durable").loaded(death_key(12), Absent{}, kDeathNow);
  };
  const auto release = [](World& world) {
    for (const std::size_t key : {260U, 261U, 12U}) world.cache("durable").release_loaded(death_key(key));
  };
  all.push_back({.name = "loaded", .run = load, .promise = kInSteps});
  all.push_back({.name = "release_loaded", .run = release, .setup = load, .changes = false});
  all.push_back({.name = "write_versions",
                 .run = [](World& world) { world.cache("durable").write_versions(kDeathNow); },
                 .setup =
                     [=](World& world) {
                       world.put("durable", 250, letters(30));
                       take(world);
                       done(world);
                       world.put("durable", 250, letters(30));
                     },
                 .changes = false});
  all.push_back({.name = "meet_another_store",
                 .run = [](World& world) { world.catalog().meet_store(std::string(32, 'b'), 5); },
                 .promise = kInSteps});
}

/// How many homes the index of the first cache has, and how many buckets that they overflow into.
struct IndexSize {
  std::uint64_t homes;
  std::uint32_t overflow_buckets;
  explicit IndexSize(World& world) : IndexSize(record(world.catalog().arena()).index) {}

 private:
  explicit IndexSize(const IndexHead& head) : homes(head.homes), overflow_buckets(head.overflow_buckets) {}
  static const CacheRecord& record(const Arena& arena) { return arena.at<CacheRecord>(arena.cache_ref(0)); }
};

/// A cache whose next erase merges two of its four homes: into an overflow bucket, for which there is no page
/// but that of the very entry that is erased.
void prepare_merge(World& world) {
  world.open("narrow", lru_settings());
  const std::uint64_t seed = world.catalog().arena().header().hash_seed;
  std::size_t in_low = 0;
  std::size_t in_high = 0;
  std::size_t others = 0;
  std::vector<std::size_t> extra;
  for (std::size_t key = 0; key < 290; ++key) {
    const std::uint64_t home = hash_of(death_key(key), seed) & 3;
    std::size_t& count = home == 1 ? in_low : home == 3 ? in_high : others;
    const std::size_t most = home == 1 ? 13 : home == 3 ? 12 : 6;
    if (count < most) {
      ++count;
    } else if (extra.size() < 50 && home != 1 && home != 3) {
      extra.push_back(key);
    } else {
      continue;
    }
    world.put("narrow", key, letters(20));
  }
  check(in_low + in_high == 25 && others == 6 && extra.size() == 50, "keys do not suit the test");
  world.put("narrow", 299, letters(430));
  for (const std::size_t key : extra) erase(world, "narrow", key);
  check(IndexSize(world).homes == 4, "the index does not suit the test");
}

void add_index(Mutations& all) {
  all.push_back(putting("index_splits", kRoomy, "small", 250, 30));
  all.push_back({.name = "index_grows",
                 .run =
                     [](World& world) {
                       for (std::size_t key = 100; key < 160; ++key) world.put("small", key, letters(9));
                     },
                 .promise = kInSteps});
  all.push_back({.name = "index_shrinks",
                 .run =
                     [](World& world) {
                       for (std::size_t key = 100; key < 160; ++key) erase(world, "small", key);
                     },
                 .setup =
                     [](World& world) {
                       for (std::size_t key = 100; key < 160; ++key) world.put("small", key, letters(9));
                     },
                 .promise = kInSteps});
  all.push_back({.name = "index_merges_and_overflows",
                 .prepared = kEmpty,
                 .run =
                     [](World& world) {
                       erase(world, "narrow", 299);
                       const IndexSize size(world);
                       check(size.homes == 3 && size.overflow_buckets == 1, "no homes were merged");
                     },
                 .setup = prepare_merge});
}

void add_ends(Mutations& all) {
  const auto make = [](World& world) { world.catalog(); };
  all.push_back({.name = "take_over", .run = make, .changes = false, .is_making = true});
  all.push_back(
      {.name = "take_over_full", .prepared = kFull, .run = make, .changes = false, .is_making = true});
  all.push_back({.name = "close_cleanly",
                 .run = [](World& world) { world.catalog().close_cleanly(); },
                 .setup = [](World& world) { world.batch = *world.catalog().write_back().take_batch({}); },
                 .changes = false});
}

}  // namespace

std::string letters(std::size_t bytes) { return std::string(bytes, 'n'); }

void check(bool holds, const char* what) {
  if (!holds) broken(what);
}

std::vector<Mutation> all_mutations() {
  Mutations all = draft_mutations();
  add_puts(all);
  add_moves(all);
  add_erasing(all);
  add_clears(all);
  add_uses(all);
  add_settings(all);
  add_write_back(all);
  add_index(all);
  add_ends(all);
  return all;
}

}  // namespace pannier::storage
