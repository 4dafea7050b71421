// The least recently used entry goes first: exact order, not sampled.
#include "storage/policy.h"

namespace pannier::storage {
namespace {

class LruPolicy final : public Policy {
 public:
  LruPolicy(Arena& arena, EntryList& order) : arena_(arena), order_(order) {}

  void inserted(EntryAt entry, std::uint64_t stamp) override {
    set_place(arena_, entry, stamp);
    order_.push_newest(entry);
  }

  void used(EntryAt entry, std::uint64_t stamp) override { order_.make_newest(entry, stamp); }

  void replaced(EntryAt old_entry, EntryAt fresh, std::uint64_t stamp) override {
    order_.remove(old_entry);
    inserted(fresh, stamp);
  }

  void removed(EntryAt entry) override { order_.remove(entry); }

  EntryAt victim(Ref except) const override { return order_.oldest_but(except); }

 private:
  Arena& arena_;
  EntryList& order_;
};

}  // namespace

std::unique_ptr<Policy> make_lru_policy(Arena& arena, EntryList& order) {
  return std::make_unique<LruPolicy>(arena, order);
}

}  // namespace pannier::storage
