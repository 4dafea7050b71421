// The least recently used entry goes first: exact order, not sampled.
#include "storage/entry_list.h"
#include "storage/policy.h"

namespace pannier::storage {
namespace {

class LruPolicy final : public Policy {
 public:
  void inserted(Entry& entry, std::uint64_t stamp) override {
    entry.place = stamp;
    order_.push_newest(entry);
  }

  void used(Entry& entry, std::uint64_t stamp) override {
    order_.remove(entry);
    inserted(entry, stamp);
  }

  void replaced(Entry& old_entry, Entry& fresh, std::uint64_t stamp) override {
    order_.remove(old_entry);
    inserted(fresh, stamp);
  }

  void removed(Entry& entry) override { order_.remove(entry); }

  Entry* victim(const Entry* except) const override { return order_.oldest_but(except); }

 private:
  EntryList order_{Entry::List::kRecency};
};

}  // namespace

std::unique_ptr<Policy> make_lru_policy() { return std::make_unique<LruPolicy>(); }

}  // namespace pannier::storage
