// The mutations that are drafts: a process dies while a large value arrives, is put, or goes back.
#include <algorithm>
#include <cstring>
#include <memory>

#include "tests/storage/death_mutations.h"

namespace pannier::storage {
namespace {

/// What drafts gave up goes.
class Nobody final : public DraftOwner {
 public:
  void gave_up(const BytesView&) override {}
};
Nobody nobody;

/// A value of 'n's, of which so many of three parts are in the draft.
std::unique_ptr<Draft> begin_draft(World& world, std::string_view cache, std::size_t key, std::size_t bytes,
                                   std::size_t parts_of_three) {
  auto draft = world.cache(cache).draft(death_key(key), bytes, nobody, kDeathNow);
  check(draft != nullptr, "there is no draft");
  const std::uint64_t until = draft->bytes() * parts_of_three / 3;
  while (draft->bytes() - draft->left_bytes() < until) {
    const auto parts = draft->room(kDeathNow);
    check(!parts.empty(), "a draft has no room");
    const std::uint64_t here =
        std::min<std::uint64_t>(parts.front().size(), until - (draft->bytes() - draft->left_bytes()));
    std::memset(parts.front().data(), 'n', here);
    draft->written(here);
  }
  return draft;
}

void put_draft(World& world, std::string_view name, std::size_t key, std::size_t bytes) {
  const auto draft = begin_draft(world, name, key, bytes, 3);
  Cache& cache = world.cache(name);
  check(cache.put_draft(cache.hashed(death_key(key)), letters(bytes - draft->bytes()), *draft, kDeathNow)
            .has_value(),
        "a draft was refused");
}

}  // namespace

std::vector<Mutation> draft_mutations() {
  std::vector<Mutation> all;
  all.push_back({.name = "draft_put", .run = [](World& world) { put_draft(world, "lru", 251, 2'500); }});
  all.push_back({.name = "draft_put_beside_another",
                 .run =
                     [](World& world) {
                       const auto before = begin_draft(world, "lru", 252, 1'500, 2);
                       put_draft(world, "lru", 251, 1'500);
                       const auto after = begin_draft(world, "lru", 252, 1'500, 1);
                     },
                 .setup = [](World& world) { world.put("lru", 251, std::string(3'000, 'o')); }});
  all.push_back(
      {.name = "draft_put_durable", .run = [](World& world) { put_draft(world, "durable", 30, 2'000); }});
  all.push_back({.name = "draft_put_durable_same",
                 .run = [](World& world) { put_draft(world, "durable", 252, 2'000); },
                 .setup = [](World& world) { world.put("durable", 252, letters(2'000)); }});
  all.push_back({.name = "draft_evicts",
                 .prepared = Prepared::kFull,
                 .run = [](World& world) { put_draft(world, "lru", 302, 12'000); },
                 .promise = Promise::kEvicts});
  all.push_back({.name = "draft_goes_back",
                 .run =
                     [](World& world) {
                       const auto first = begin_draft(world, "lru", 251, 2'000, 1);
                       auto second = begin_draft(world, "lru", 252, 2'000, 2);
                       const auto third = begin_draft(world, "lru", 253, 2'000, 1);
                       second.reset();
                       first->give_up();
                     },
                 .changes = false});
  return all;
}

}  // namespace pannier::storage
