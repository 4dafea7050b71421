// The oldest insertion goes first; an overwrite keeps its place, and uses change nothing.
#include "storage/policy.h"

namespace pannier::storage {
namespace {

class FifoPolicy final : public Policy {
 public:
  FifoPolicy(Arena& arena, EntryList& order) : arena_(arena), order_(order) {}

  void inserted(EntryAt entry, std::uint64_t stamp) override {
    set_place(arena_, entry, stamp);
    order_.push_newest(entry);
  }

  void used(EntryAt, std::uint64_t) override {}

  void replaced(EntryAt old_entry, EntryAt fresh, std::uint64_t) override {
    set_place(arena_, fresh, old_entry->place());
    order_.replace(old_entry, fresh);
  }

  void removed(EntryAt entry) override { order_.remove(entry); }

  EntryAt victim(Ref except) const override { return order_.oldest_but(except); }

 private:
  Arena& arena_;
  EntryList& order_;
};

}  // namespace

std::unique_ptr<Policy> make_fifo_policy(Arena& arena, EntryList& order) {
  return std::make_unique<FifoPolicy>(arena, order);
}

}  // namespace pannier::storage
